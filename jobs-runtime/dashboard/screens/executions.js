// Executions: filters in the address, a selection, and acts on it.
import { html, useMemo, useState } from '../lib/dom.js';
import { count, full, number } from '../lib/format.js';
import { useListing } from '../lib/listing.js';
import { route, setQuery } from '../lib/router.js';
import { state } from '../lib/live.js';
import { ExecutionTable, useColumns } from '../parts/execution_table.js';
import { Filters, filtersOf, startOf } from '../parts/filters.js';
import { BulkBar } from '../parts/bulk.js';
import { Views } from '../parts/views.js';
import { Empty, Failure, Panel, Skeleton } from '../parts/states.js';

export default function Executions() {
  const filters = filtersOf(route.value.query);
  const key = JSON.stringify(filters);
  const query = useMemo(() => {
    const { period, ...rest } = filters;
    /** @type {Record<string, string>} */
    const asked = rest;
    const since = period && startOf(period);
    if (since) asked.since = since;
    return asked;
  }, [key]);
  const listing = useListing(query);
  const { sort, ...matched } = query;
  const [selected, setSelected] = useState(/** @type {Set<string>} */ (new Set()));
  const columns = useColumns();
  const change = (/** @type {Record<string, string | undefined>} */ next) => {
    setSelected(new Set());
    setQuery(next);
  };
  const shown = listing.rows;
  const total = listing.cursor ? `≥ ${number(shown.length)}` : number(shown.length);
  return html`<div class="screen">
    <header><div><h1>Executions</h1></div><div class="acts"><${Views} filters=${filters} change=${change} />
      </div></header>
    <${Filters} filters=${filters} change=${change} />
    ${listing.error && html`<${Failure} error=${listing.error} at=${listing.at} reload=${listing.reload} what="The list" />`}
    <${Panel} kind="table">
      <div class="table-bar">
        <span class="muted num">${listing.loaded ? `${total} shown, ${sort ? 'longest of the newest 2,500' : 'newest'} first` : 'Loading'}${filters.text && listing.cursor && listing.lookedBackTo ? html` · looked back to ${full(listing.lookedBackTo)}` : ''}${state.value === 'paused' ? ' · updates are paused' : ''}</span>
        <span class="spring"></span>${columns.menu}
      </div>
      ${listing.waiting.length > 0 && html`<button class="newer" onClick=${listing.show}>${listing.overflow ? 'Many' : number(listing.waiting.length)} new · show</button>`}
      ${!listing.loaded && !listing.error && html`<${Skeleton} lines=${10} />`}
      ${shown.length > 0 && html`<${ExecutionTable} rows=${shown} columns=${columns.chosen} selected=${selected} select=${setSelected} />`}
      ${listing.loaded && !shown.length && (Object.keys(filters).length
        ? html`<${Empty} title=${listing.cursor ? 'No match so far.' : 'No execution matches these filters.'}>
          <button class="link" onClick=${() => change({})}>Remove all filters</button></${Empty}>`
        : html`<${Empty} title="There are no executions yet.">Trigger a job from its page, with <code>trigger</code> on the command line, or from code.</${Empty}>`)}
      ${listing.cursor && html`<footer class="pager">
        <button onClick=${listing.more} disabled=${listing.loading}>Load ${count(50, 'more', 'more')}</button>
        </footer>`}
    </${Panel}>
    <${BulkBar} rows=${shown} selected=${selected} clear=${() => setSelected(new Set())} query=${matched} more=${listing.cursor !== null} />
  </div>`;
}
