// A control below its label, with a hint and a mistake; and the values that are typed into it.
import { html } from '../lib/dom.js';

/** @param {{id: string, label: string, hint?: any, mistake?: any, children?: any}} properties */
export function Labelled({ id, label, hint, mistake, children }) {
  return html`<div class="field"><label for=${id}>${label}</label>${children}
    ${hint && html`<span class="hint">${hint}</span>`}${mistake && html`<span class="mistake">${mistake}</span>`}</div>`;
}

/** A listener that passes on the value of its control. @param {(value: string) => void} set */
export const typed = (set) => (/** @type {any} */ event) => set(event.target.value);
