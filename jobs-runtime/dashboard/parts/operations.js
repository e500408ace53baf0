// The bulk operations, newest first.
import { html } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { filterWords, operationWords } from '../lib/bulk_words.js';
import { useData } from '../lib/data.js';
import { sentence } from '../lib/format.js';
import { ask, toast } from '../lib/notices.js';
import { Empty, Panel, Show } from './states.js';
import { Tone } from './status.js';
import { Table } from './table.js';
import { Time } from './time.js';

const COLUMNS = ['Act', 'State', 'Progress', ['Executions', 'grow'], 'By', ['Created', 'right'], ''];
const TONES = /** @type {Record<string, string>} */ ({ running: 'run', done: 'ok', cancelled: 'off' });

/** @param {any} operation */
function askStop(operation) {
  ask({
    title: 'Stop the operation?', verb: 'Stop it', danger: true,
    body: html`<p>What it has changed stays changed; the other executions stay as they are.</p>`,
    command: { method: 'POST', path: `operations/${operation.id}/cancel` },
    run: async () => {
      await api.cancelOperation(operation.id);
      toast('The operation is stopped.');
    },
  });
}

export function Operations() {
  const loaded = useData('operations', () => api.operations({ limit: 20 }));
  return html`<${Panel} title="Bulk operations" kind="table">
    <${Show} of=${loaded} what="The list of operations" lines=${3}>${(/** @type {{operations: any[]}} */ { operations }) => (operations.length
    ? html`<${Table} label="Bulk operations" columns=${COLUMNS}>${operations.map((one) => html`<tr key=${one.id}>
        <td>${sentence(one.act)}</td><td><${Tone} tone=${TONES[one.status]} word=${one.status} /></td>
        <td class="num">${operationWords(one)}</td><td class="grow"><div class="cell">
          <span class="cut" title=${filterWords(one.filter)}>${filterWords(one.filter)}</span></div></td>
        <td>${one.createdBy ?? html`<span class="muted">–</span>`}</td><td class="right">
          <${Time} at=${one.createdAt} /></td>
        <td class="right">${one.status === 'running' && html`<button class="small" onClick=${() => askStop(one)}>Stop</button>`}</td>
          </tr>`)}</${Table}>`
    : html`<${Empty} title="There was no bulk operation yet.">Select executions in a list, or open a group of failures.</${Empty}>`)}</${Show}>
      </${Panel}>`;
}
