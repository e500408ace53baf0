// The last executions of a filter, in a small table.
import { html } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { duration } from '../lib/format.js';
import { href } from '../lib/router.js';
import { Empty, Panel, Show } from './states.js';
import { Status } from './status.js';
import { opens, Table } from './table.js';
import { Time } from './time.js';

/** @typedef {import('../lib/types.js').components['schemas']['ExecutionRecord']} Execution */

/** @param {{title: string, filters: Record<string, string>, empty?: string}} properties */
export function Recent({ title, filters, empty = 'It has not run yet.' }) {
  const loaded = useData(`recent:${JSON.stringify(filters)}`, () => api.executions({ ...filters, limit: 10 }));
  const columns = ['Status', ...(filters.jobId ? [] : ['Job']), ['Item, error or id', 'grow'], ['Duration', 'right'], ['Created', 'right']];
  return html`<${Panel} kind="table" title=${title} aside=${html`<a href=${href(['executions'], filters)}>All</a>`}>
    <${Show} of=${loaded} what="The list" lines=${4}>${(/** @type {{executions: Execution[]}} */ page) => (page.executions.length
      ? html`<${Table} label=${title} kind="executions" columns=${columns}>${page.executions.map((one) => html`<tr key=${one.id} onClick=${opens(href(['executions', one.id]))}>
          <td class="c-status"><${Status} status=${one.status} />
            </td>${!filters.jobId && html`<td class="job c-job"><div class="cell">
            <span class="cut">${one.jobId}</span></div></td>`}
          <td class="grow"><div class="cell">
            <a class="cut" href=${href(['executions', one.id])}>${one.error && one.status !== 'running' ? one.error.message : one.itemId ?? html`<span class="mono">${one.id}</span>`}</a>
            </div></td>
          <td class="right num c-duration">${duration(one.durationMs)}</td><td class="right c-created">
            <${Time} at=${one.createdAt} /></td></tr>`)}</${Table}>`
      : html`<${Empty} title=${empty} />`)}</${Show}>
  </${Panel}>`;
}
