// A text area for JSON.
import { html, useEffect, useState } from '../lib/dom.js';
import { parse, pretty } from '../lib/json.js';

/** A text area whose text is JSON; only complete JSON changes the value. @param {{value: any, change: (value: any) => void, label: string, rows?: number, id?: string}} properties */
export function RawJson({ value, change, label, rows = 4, id }) {
  const [text, setText] = useState(() => pretty(value) ?? '');
  const [mistake, setMistake] = useState('');
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
    <textarea id=${id} aria-label=${label} rows=${rows} spellcheck=${false} aria-invalid=${mistake ? 'true' : undefined} value=${text} onInput=${(/** @type {any} */ event) => {
    setText(event.target.value);
    try {
      change(event.target.value.trim() ? parse(event.target.value) : undefined);
      setMistake('');
    } catch (error) {
      setMistake(/** @type {Error} */ (error).message);
    }
  }}></textarea>${mistake && html`<span class="mistake">Not JSON: ${mistake}</span>`}</div>`;
}
