// The status of an execution: mark, word and colour.
import { html } from '../lib/dom.js';

/** @type {Record<string, string>} */
export const TONES = {
  pending: 'off', queued: 'wait', running: 'run', succeeded: 'ok', failed: 'bad', cancelled: 'off',
  timed_out: 'bad', panicked: 'bad', lost: 'bad', released: 'off', snoozed: 'wait', ok: 'ok', failing: 'bad', absent: 'off',
};

/** @param {{status: string}} properties */
export function Mark({ status }) {
  const ring = html`<circle cx="6" cy="6" r="4.2" fill="none" stroke="currentColor" stroke-width="1.5" />`;
  /** @type {Record<string, any>} */
  const marks = {
    pending: ring,
    queued: html`<circle cx="6" cy="6" r="4.2" fill="none" stroke="currentColor" stroke-width="1.5" stroke-dasharray="2 1.8" />`,
    running: html`${ring}<path d="M6 1.8a4.2 4.2 0 0 1 0 8.4Z" fill="currentColor" />`,
    succeeded: html`<circle cx="6" cy="6" r="5" fill="currentColor" />`,
    cancelled: html`${ring}<path d="M3 9l6-6" stroke="currentColor" stroke-width="1.5" />`,
    released: html`${ring}<path d="M3.5 6h5" stroke="currentColor" stroke-width="1.5" />`,
  };
  marks.ok = marks.succeeded;
  marks.absent = marks.pending;
  marks.snoozed = marks.queued;
  const cross = html`<path d="M2.5 2.5l7 7M9.5 2.5l-7 7" stroke="currentColor" stroke-width="2" stroke-linecap="round" />`;
  return html`<svg class="mark ${TONES[status] ?? 'off'}" width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">${marks[status] ?? cross}</svg>`;
}

/** A state as a square and a word. @param {{tone: string, word: string, title?: string}} properties */
export function Tone({ tone, word, title }) {
  return html`<span class="status" title=${title}><span class="square ${tone}"></span><span class="tone ${tone}">${word}</span></span>`;
}

/** @param {{status: string, word?: string}} properties */
export function Status({ status, word }) {
  return html`<span class="status"><${Mark} status=${status} />
    <span class="tone ${TONES[status] ?? 'off'}">${word ?? status.replace('_', ' ')}</span></span>`;
}
