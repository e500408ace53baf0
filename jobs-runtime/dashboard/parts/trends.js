// The executions that ended in the last hour, day and week: outcomes, waiting times, durations.
import { html } from '../lib/dom.js';
import { duration, number, percent } from '../lib/format.js';
import { Panel } from './states.js';
import { Table } from './table.js';

/** @typedef {{p50: number, p95: number, p99: number, max: number}} Percentiles */
/**
 * @typedef {object} Window
 * @property {string} window
 * @property {number} succeeded
 * @property {number} failed
 * @property {number} cancelled
 * @property {boolean} complete
 * @property {Percentiles | null} waitMs
 * @property {Percentiles | null} durationMs
 */

const COLUMNS = ['', ['Finished', 'right'], [html`<span class="hidden">Outcomes</span>`, 'grow'], ['Failed', 'right'], ['Waited p50 / p95 / p99', 'right wide'], ['Ran p50 / p95 / p99', 'right wide']];
const NAMES = /** @type {Record<string, string>} */ ({ hour: 'Last hour', day: 'Last 24 hours', week: 'Last 7 days' });

/** @param {{of: Percentiles | null}} properties */
function Times({ of }) {
  if (!of) return html`<span class="muted">–</span>`;
  return html`<span title="longest ${duration(of.max)}">${duration(of.p50)} <span class="muted">/ ${duration(of.p95)} / ${duration(of.p99)}</span></span>`;
}

/** The shares of the outcomes as a bar. @param {{of: Window}} properties */
function Outcomes({ of }) {
  const total = of.succeeded + of.failed + of.cancelled;
  const words = `${number(of.succeeded)} succeeded, ${number(of.failed)} failed, ${number(of.cancelled)} cancelled`;
  const part = (/** @type {string} */ tone, /** @type {number} */ n) => n > 0
    && html`<span class=${tone} style=${{ width: `${Math.max(1, (n / total) * 100)}%` }}></span>`;
  return html`<div class="queue-bar outcomes" role="img" aria-label=${words} title=${words}>
    ${part('ok', of.succeeded)}${part('bad', of.failed)}${part('off', of.cancelled)}</div>`;
}

/** @param {{title: string, windows: Window[]}} properties */
export function Trends({ title, windows }) {
  return html`<${Panel} title=${title} kind="table">
    <${Table} label=${title} kind="trends" columns=${COLUMNS}>${windows.map((one) => {
        const total = one.succeeded + one.failed + one.cancelled;
        return html`<tr key=${one.window}><td>${NAMES[one.window] ?? one.window}</td>
          <td class="right num">${one.complete ? '' : '≥ '}${number(total)}</td>
          <td class="grow"><${Outcomes} of=${one} /></td>
          <td class="right num ${one.failed ? 'bad' : 'muted'}">${one.failed ? `${number(one.failed)} · ${percent(one.failed, total)}` : '0'}</td>
          <td class="right num wide"><${Times} of=${one.waitMs} /></td>
          <td class="right num wide"><${Times} of=${one.durationMs} /></td></tr>`;
      })}</${Table}>
  </${Panel}>`;
}
