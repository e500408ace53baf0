// Times and durations that follow the clock.
import { html } from '../lib/dom.js';
import { duration, full, relative } from '../lib/format.js';
import { now } from '../lib/live.js';

/** A time relative to now; the full time on hover. @param {{at: string | null | undefined}} properties */
export function Time({ at }) {
  if (!at) return html`<span class="muted">–</span>`;
  return html`<time class="num" datetime=${at} title=${full(at)}>${relative(at, now.value)}</time>`;
}

/** The time since a moment, counting. @param {{at: string}} properties */
export function Elapsed({ at }) {
  return html`<span class="num" title="since ${full(at)}">${duration(Math.max(0, now.value - Date.parse(at)))}</span>`;
}
