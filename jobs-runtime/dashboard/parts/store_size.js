// The store: kind, place, size on disk, and the size of each table.
import { html } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { bytes, count, number } from '../lib/format.js';
import { Panel, Show } from './states.js';
import { Table } from './table.js';

const MOST = 12;
const COLUMNS = ['Table', [html`<span class="hidden">Share</span>`, 'grow'], ['Rows, about', 'right'], ['On disk', 'right']];

export function StoreSize() {
  const loaded = useData('store', api.store, { every: 60_000 });
  return html`<${Panel} title="Store" kind="table" aside=${loaded.data && bytes(loaded.data.bytes)}><${Show} of=${loaded} what="The store" lines=${4}>${(/** @type {import('../lib/types.js').components['schemas']['StoreView']} */ store) => {
    const most = Math.max(1, ...store.tables.map((table) => table.bytes));
    const applied = store.migrations.filter((one) => one.appliedAt).length;
    return html`<dl class="facts body">
        <dt>Kind</dt><dd>${store.kind === 'sqlite' ? 'SQLite' : 'PostgreSQL'}</dd>
        <dt>Place</dt><dd class="mono">${store.location}</dd>
        <dt>Writes survive</dt><dd>${store.durability}</dd>
        <dt>Layout</dt><dd>${count(applied, 'migration')} of ${store.migrations.length} applied</dd></dl>
      ${store.tables.length ? html`<${Table} label="Tables" kind="queues" columns=${COLUMNS}>${store.tables.slice(0, MOST).map((table) => html`<tr key=${table.name}><td class="mono">${table.name}</td>
          <td class="grow"><div class="size-bar"><span style=${{ width: `${(table.bytes / most) * 100}%` }}></span></div></td>
          <td class="right num">${table.rowEstimate == null ? '–' : number(table.rowEstimate)}</td><td class="right num">${bytes(table.bytes)}</td></tr>`)}</${Table}>
        ${store.tables.length > MOST && html`<footer class="legend">and ${number(store.tables.length - MOST)} smaller tables</footer>`}`
        : html`<p class="body muted">The file is too large to measure each table while it is in use.</p>`}`;
  }}</${Show}></${Panel}>`;
}
