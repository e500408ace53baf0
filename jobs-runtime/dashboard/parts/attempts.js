// The attempts of an execution, last first.
import { html } from '../lib/dom.js';
import { clock, duration, full } from '../lib/format.js';
import { now } from '../lib/live.js';
import { Status } from './status.js';
import { Table } from './table.js';
import { Elapsed, Time } from './time.js';

/** @typedef {import('../lib/types.js').components['schemas']['AttemptRecord']} Attempt */

/** @param {{attempts: Attempt[]}} properties */
export function Attempts({ attempts }) {
  const columns = ['Attempt', 'Outcome', ['Duration', 'right'], 'Started', 'Worker', ['Error, and what followed', 'grow']];
  return html`<${Table} label="Attempts" columns=${columns}>${[...attempts].reverse().map((one) => html`<tr key=${one.number}>
      <td class="num">${one.number}</td>
      <td><${Status} status=${one.outcome ?? 'running'} /></td>
      <td class="right num">${one.finishedAt ? duration(Date.parse(one.finishedAt) - Date.parse(one.startedAt)) : html`<${Elapsed} at=${one.startedAt} />`}</td>
      <td><time class="num" title=${full(one.startedAt)}>${clock(one.startedAt, true)}</time></td>
      <td class="mono">${one.worker}</td>
      <td class="grow"><div class="cell">
        <span class="cut" title=${one.error?.message}>${one.error && html`<span class="bad">${one.error.kind.replace('_', ' ')}</span> ${one.error.message}`}${one.retryAt && html` <span class="muted">→ ${Date.parse(one.retryAt) < now.value ? 'retried' : 'next'} <${Time} at=${one.retryAt} />
        </span>`}</span></div></td>
    </tr>`)}</${Table}>`;
}
