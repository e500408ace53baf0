// System: health, processes and what they run, bulk operations, store, tokens, audit.
import { html } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { count, number } from '../lib/format.js';
import { now } from '../lib/live.js';
import { Audit } from '../parts/audit.js';
import { Operations } from '../parts/operations.js';
import { Empty, Panel, Show } from '../parts/states.js';
import { Status } from '../parts/status.js';
import { StoreSize } from '../parts/store_size.js';
import { Table } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { Tokens } from '../parts/tokens.js';

/** @typedef {import('../lib/types.js').components['schemas']['ProcessRecord']} Process */

const LATE_MS = 30_000;
const CHECKS = ['Part', 'State', ['Detail', 'grow']];
const PROCESSES = ['Worker', ['Since', 'wide'], 'Last renewal', ['Running', 'right'], ['Takes', 'grow'], ['Labels', 'wide']];

export default function System() {
  const health = useData('health', api.health, { every: 3000 });
  const processes = useData('processes', api.processes, { every: 3000 });
  return html`<div class="screen">
    <header><div><h1>System</h1></div></header>
    <${Panel} title="Health of this process" kind="table">
      <${Show} of=${health} what="The health" lines=${3}>${(/** @type {{checks: any[]}} */ report) => html`<${Table} label="Health" columns=${CHECKS}>${report.checks.map((check) => html`<tr key=${check.name}><td>${check.name}</td><td>
        <${Status} status=${check.status} /></td><td class="grow"><div class="cell">
        <span class="cut muted" title=${check.detail}>${check.detail}</span></div></td></tr>`)}</${Table}>`}</${Show}></${Panel}>
    <${Panel} title="Processes" kind="table">
      <${Show} of=${processes} what="The list of processes" lines=${3}>${(/** @type {{processes: Process[]}} */ list) => (list.processes.length
      ? html`<${Table} label="Processes" columns=${PROCESSES}>${list.processes.map((one) => html`<tr key=${one.session}>
          <td class="mono">${one.worker}</td><td class="wide"><${Time} at=${one.openedAt} /></td>
          <td class=${now.value - Date.parse(one.renewedAt) > LATE_MS ? 'bad' : ''}>
            <${Time} at=${one.renewedAt} /></td>
          <td class="right num">${number(one.running)}</td>
          <td class="grow"><div class="cell">
            <span class="cut" title=${one.jobIds?.join(', ')}>${one.jobIds ? count(one.jobIds.length, 'job') : 'unknown jobs'}${one.queues?.length ? ` from ${one.queues.join(', ')}` : ' from every queue'}${one.slotCaps?.length ? `, slot caps for ${one.slotCaps.map((/** @type {any} */ cap) => cap.queue ?? cap.jobIds?.join(', ')).join('; ')}` : ''}</span>
            </div></td>
          <td class="wide">${one.labels.length ? one.labels.map((label) => html`<span class="tag" key=${label}>${label}</span> `) : html`<span class="muted">–</span>`}</td>
        </tr>`)}</${Table}>`
      : html`<${Empty} title="No worker has a session.">Executions wait until a program starts with <code>run</code> or <code>work</code>.</${Empty}>`)}</${Show}>
        </${Panel}>
    <${Operations} />
    <${StoreSize} />
    <${Tokens} />
    <${Audit} />
  </div>`;
}
