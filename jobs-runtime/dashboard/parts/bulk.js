// Acts on selected executions, or on all that match the filters.
import { html, useState } from '../lib/dom.js';
import { ACTS } from '../lib/bulk_words.js';
import { count } from '../lib/format.js';
import { OperationDialog } from './operation_dialog.js';

/** @typedef {import('../lib/listing.js').Row} Row */
/** @typedef {import('../lib/bulk_words.js').BulkAct} BulkAct */

/** @param {{rows: Row[], selected: Set<string>, clear: () => void, query: Record<string, string>, more: boolean}} properties */
export function BulkBar({ rows, selected, clear, query, more }) {
  const [all, setAll] = useState(false);
  const [act, setAct] = useState(/** @type {BulkAct | null} */ (null));
  if (!selected.size) return null;
  const chosen = rows.filter((row) => selected.has(row.id));
  const canTakeAll = more && chosen.length === rows.length && Object.keys(query).length > 0 && !query.text && !query.parentId;
  const takesAll = all && canTakeAll;
  const filter = takesAll ? query : { ids: chosen.map((row) => row.id) };
  return html`<div class="bulk" role="toolbar" aria-label="Acts on the selected executions">
    <b class="num">${takesAll ? 'All that match' : count(chosen.length, 'selected', 'selected')}</b>
    ${canTakeAll && html`<button class="quiet" onClick=${() => setAll(!all)}>${all ? `Only the ${chosen.length} shown` : 'Select all that match'}</button>`}
    ${ACTS.map((one) => {
      const n = chosen.filter((row) => one.applies.includes(row.status)).length;
      return html`<button key=${one.act} class=${one.danger ? 'danger' : ''} disabled=${!takesAll && !n} onClick=${() => setAct(one)}>${one.verb}${!takesAll && n && n < chosen.length ? ` ${n}` : ''}</button>`;
    })}
    <button class="quiet" onClick=${clear}>Select nothing</button>
    ${act && html`<${OperationDialog} act=${act} filter=${filter} close=${() => {
      setAct(null);
      clear();
    }} />`}
  </div>`;
}
