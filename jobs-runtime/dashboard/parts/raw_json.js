// A text area for JSON.
import { html, useEffect, useRef, useState } from '../lib/dom.js';
import { parse, pretty } from '../lib/json.js';

/**
 * Puts the focus on a text below an element that is not JSON. Its value is that of an earlier text, so nothing may be sent.
 * @param {Element | null | undefined} element @returns {boolean} whether there is one
 */
export function findMistake(element) {
  const area = /** @type {HTMLTextAreaElement | null | undefined} */ (element?.querySelector('textarea:invalid'));
  area?.focus();
  return Boolean(area);
}

/** A text area whose text is JSON; only complete JSON changes the value. @param {{value: any, change: (value: any) => void, label: string, rows?: number, id?: string}} properties */
export function RawJson({ value, change, label, rows = 4, id }) {
  const [text, setText] = useState(() => pretty(value) ?? '');
  const [mistake, setMistake] = useState('');
  const area = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  useEffect(() => area.current?.setCustomValidity(mistake && `Not JSON: ${mistake}`), [mistake]);
  useEffect(() => {
    // The value changed elsewhere.
    try {
      if (JSON.stringify(parse(text)) === JSON.stringify(value)) return;
    } catch {
      if (mistake) return;
    }
    setText(pretty(value) ?? '');
  }, [value]);
  return html`<div class="field">
    <textarea ref=${area} id=${id} aria-label=${label} rows=${rows} spellcheck=${false} aria-invalid=${mistake ? 'true' : undefined} value=${text} onInput=${(/** @type {any} */ event) => {
    setText(event.target.value);
    try {
      change(event.target.value.trim() ? parse(event.target.value) : undefined);
      setMistake('');
    } catch (error) {
      setMistake(/** @type {Error} */ (error).message);
    }
  }}></textarea>${mistake && html`<span class="mistake">Not JSON: ${mistake}</span>`}</div>`;
}
