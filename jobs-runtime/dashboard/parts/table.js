// A table that scrolls by itself, with the head of its columns.
import { html } from '../lib/dom.js';
import { go } from '../lib/router.js';

/** A column: its name; with classes, or with classes and an explanation. @typedef {any | [any, string] | [any, string, string]} Column */

/** @param {{label: string, kind?: string, columns: Column[], children?: any}} properties */
export function Table({ label, kind = '', columns, children }) {
  return html`<div class="scroll" role="region" aria-label=${label} tabindex="0"><table class="list ${kind}">
    <thead><tr>${columns.map((column) => {
      const [name, classes, title] = Array.isArray(column) ? column : [column];
      return html`<th class=${classes} title=${title}>${name}</th>`;
    })}</tr></thead>
    <tbody>${children}</tbody></table></div>`;
}

/** The click on a row that opens a page, unless it is on a link. @param {string} target */
export const opens = (target) => (/** @type {any} */ event) => !event.target.closest('a') && go(target);
