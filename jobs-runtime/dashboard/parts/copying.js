// Texts that a click copies: ids, and acts as commands.
import { html, useState, useRef, useEffect } from '../lib/dom.js';
import { copy } from '../lib/clipboard.js';
import { forms } from '../lib/commands.js';
import { shortId } from '../lib/format.js';
import { toast } from '../lib/notices.js';
import { Icon } from './icons.js';

/** @param {string} text @param {string} what */
async function copied(text, what) {
  if (await copy(text)) toast(`${what} copied.`);
  else toast(`The browser did not copy ${what}.`, { kind: 'bad' });
}

/** An id, shortened in the middle; a click copies it. @param {{id: string, whole?: boolean}} properties */
export function Id({ id, whole = false }) {
  return html`<button class="link id mono" title="${id}, click to copy" onClick=${() => copied(id, 'The id')}>${whole ? id : shortId(id)}</button>`;
}

/** A button that copies a text. @param {{text: string | (() => string), what: string, label?: string}} properties */
export function Copy({ text, what, label }) {
  return html`<button class="quiet small" aria-label=${label ? undefined : `Copy ${what}`} title="Copy ${what}"
    onClick=${() => copied(typeof text === 'function' ? text() : text, what)}>
      <${Icon} name="copy" size=${13} />${label}</button>`;
}

/** "Copy as curl, CLI, Rust" for one act. @param {{command: import('../lib/commands.js').Command}} properties */
export function CopyAs({ command }) {
  return html`<span class="copy-as">Copy as ${forms(command).map(([name, text]) => html`<button class="link" title=${text} onClick=${() => copied(text, `The ${name} form`)}>${name}</button>`)}</span>`;
}

/**
 * A button that opens a menu. Escape and a click elsewhere close it.
 * @param {{label: any, title?: string, kind?: string, children?: any}} properties
 */
export function Menu({ label, title, kind = '', children }) {
  const [open, setOpen] = useState(false);
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (!open) return undefined;
    const outside = (/** @type {Event} */ event) => {
      if (!root.current?.contains(/** @type {Node} */ (event.target))) setOpen(false);
    };
    const escape = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      setOpen(false);
      root.current?.querySelector('button')?.focus();
    };
    document.addEventListener('pointerdown', outside);
    document.addEventListener('keydown', escape, true);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('keydown', escape, true);
    };
  }, [open]);
  return html`<span class="menu" ref=${root}>
    <button class=${kind} title=${title} aria-label=${title} aria-expanded=${open} onClick=${() => setOpen(!open)}>${label}</button>
    ${open && html`<div class="menu-items" onClick=${(/** @type {Event} */ event) => {
      if (/** @type {Element} */ (event.target).closest('button, a')) setOpen(false);
    }}>${children}</div>`}
  </span>`;
}
