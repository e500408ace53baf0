// Acts on selected executions, or on all that match the filters.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { ACTS } from '../lib/bulk_words.js';
import { useFeatures } from '../lib/features.js';
import { count } from '../lib/format.js';
import { touch } from '../lib/live.js';
import { ask, toast } from '../lib/notices.js';
import { OperationDialog } from './operation_dialog.js';

/** @typedef {import('../lib/listing.js').Row} Row */
/** @typedef {import('../lib/bulk_words.js').BulkAct} BulkAct */

const AT_ONCE = 6;
const RUN = { retry: (/** @type {string} */ id) => api.retry(id), cancel: api.cancel, delete: api.remove };

/** Runs an act on each row, a few at a time, and returns the errors. @param {Row[]} rows @param {(id: string) => Promise<any>} run */
export async function each(rows, run) {
  const left = [...rows];
  /** @type {any[]} */
  const errors = [];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let row = left.shift(); row; row = left.shift()) await run(row.id).catch((error) => errors.push(error));
  }));
  return errors;
}

/** Asks, and runs an act on rows one by one. @param {BulkAct} act @param {Row[]} rows @param {() => void} clear */
export function askForEach(act, rows, clear) {
  const fitting = rows.filter((row) => act.applies.includes(row.status));
  ask({
    title: `${act.verb} ${count(fitting.length, 'execution')}?`,
    body: html`<p>${act.means}</p>${fitting.length < rows.length && html`<p class="muted">${count(rows.length - fitting.length, 'selected execution')} cannot take this act in the present status and stay as they are.</p>`}`,
    verb: `${act.verb} ${fitting.length}`, danger: act.danger,
    run: async () => {
      const errors = await each(fitting, RUN[act.act]);
      clear();
      touch();
      const done = fitting.length - errors.length;
      if (errors.length) toast(`${act.verb}: ${done} done, ${errors.length} refused. The first reason: ${errors[0].message}`, { kind: 'bad' });
      else toast(`${act.verb}: ${count(done, 'execution')} done.`);
    },
  });
}

/** @param {{rows: Row[], selected: Set<string>, clear: () => void, query: Record<string, string>, more: boolean}} properties */
export function BulkBar({ rows, selected, clear, query, more }) {
  const features = useFeatures();
  const [all, setAll] = useState(false);
  const [act, setAct] = useState(/** @type {BulkAct | null} */ (null));
  if (!selected.size) return null;
  const chosen = rows.filter((row) => selected.has(row.id));
  const canOperate = features.has('POST /operations');
  const canTakeAll = canOperate && more && chosen.length === rows.length && Object.keys(query).length > 0 && !query.text;
  const takesAll = all && canTakeAll;
  const filter = takesAll ? query : { ids: chosen.map((row) => row.id) };
  return html`<div class="bulk" role="toolbar" aria-label="Acts on the selected executions">
    <b class="num">${takesAll ? 'All that match' : count(chosen.length, 'selected', 'selected')}</b>
    ${canTakeAll && html`<button class="quiet" onClick=${() => setAll(!all)}>${all ? `Only the ${chosen.length} shown` : 'Select all that match'}</button>`}
    ${ACTS.map((one) => {
      const n = chosen.filter((row) => one.applies.includes(row.status)).length;
      return html`<button key=${one.act} class=${one.danger ? 'danger' : ''} disabled=${!takesAll && !n} onClick=${() => (canOperate ? setAct(one) : askForEach(one, chosen, clear))}>${one.verb}${!takesAll && n && n < chosen.length ? ` ${n}` : ''}</button>`;
    })}
    <button class="quiet" onClick=${clear}>Select nothing</button>
    ${act && html`<${OperationDialog} act=${act} filter=${filter} close=${() => {
      setAct(null);
      clear();
    }} />`}
  </div>`;
}
