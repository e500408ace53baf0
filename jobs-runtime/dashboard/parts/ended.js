// Throughput and failures of one job or queue, as cells of a list.
import { html } from '../lib/dom.js';
import { count, number, percent, perMinute } from '../lib/format.js';
import { Sparkline } from './sparkline.js';

/** @typedef {import('../lib/throughput.js').Ended} Ended */

const unknown = () => html`<span class="muted">–</span>`;

/** The executions that ended in a minute, on average. @param {{of: Ended, name: string, line?: boolean}} properties */
export function Rate({ of, name, line = false }) {
  const one = of.of(name);
  if (!one) return unknown();
  const words = `${of.complete ? '' : 'at least '}${count(one.ended, 'execution')} ended`;
  return html`<span class="cell">${line && one.line && html`<${Sparkline} values=${one.line.ended} label="Ended over time" tone="run" />`}
    <span class="num ${one.ended ? '' : 'muted'}" title=${words}>${of.complete ? '' : '≥ '}${perMinute(one.ended, of.ms)}</span></span>`;
}

/** The executions that failed for good, and their share. @param {{of: Ended, name: string}} properties */
export function FailureRate({ of, name }) {
  const one = of.of(name);
  if (!one) return unknown();
  const failed = one.line?.failed ?? 0;
  return html`<span class="num ${failed ? 'bad' : 'muted'}">${failed ? `${number(failed)} · ${percent(failed, one.ended)}` : '0'}</span>`;
}
