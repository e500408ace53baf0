// Acts on the selected executions, a few requests at a time.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { count } from '../lib/format.js';
import { ask, toast } from '../lib/notices.js';
import { touch } from '../lib/live.js';

/** @typedef {import('../lib/listing.js').Row} Row */

const AT_ONCE = 6;

const ACTS = [
  { verb: 'Retry', applies: ['failed', 'cancelled'], run: (/** @type {string} */ id) => api.retry(id), means: 'They run again under the same ids, with their whole retry budget.' },
  { verb: 'Cancel', applies: ['pending', 'queued', 'running'], run: api.cancel, danger: true, means: 'Waiting ones end at once. The workers of running ones are asked to stop.' },
  { verb: 'Delete', applies: ['succeeded', 'failed', 'cancelled'], run: api.remove, danger: true, means: 'Their payloads, results, attempts and logs are gone for good.' },
];

/** Runs an act on all rows and counts what failed. @param {Row[]} rows @param {(id: string) => Promise<any>} run */
async function each(rows, run) {
  const left = [...rows];
  /** @type {any[]} */
  const errors = [];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let row = left.shift(); row; row = left.shift()) await run(row.id).catch((error) => errors.push(error));
  }));
  return errors;
}

/** @param {{rows: Row[], selected: Set<string>, clear: () => void}} properties */
export function BulkBar({ rows, selected, clear }) {
  const [busy, setBusy] = useState(false);
  if (!selected.size) return null;
  const chosen = rows.filter((row) => selected.has(row.id));
  return html`<div class="bulk" role="toolbar" aria-label="Acts on the selected executions">
    <b class="num">${count(chosen.length, 'selected', 'selected')}</b>
    ${ACTS.map((act) => {
      const fitting = chosen.filter((row) => act.applies.includes(row.status));
      return html`<button key=${act.verb} class=${act.danger ? 'danger' : ''} disabled=${busy || !fitting.length} onClick=${() => ask({
        title: `${act.verb} ${count(fitting.length, 'execution')}?`,
        body: html`<p>${act.means}</p>${fitting.length < chosen.length && html`<p class="muted">${count(chosen.length - fitting.length, 'selected execution')} cannot take this act in the present status and stay as they are.</p>`}`,
        verb: `${act.verb} ${fitting.length}`, danger: act.danger,
        run: async () => {
          setBusy(true);
          const errors = await each(fitting, act.run);
          setBusy(false);
          clear();
          touch();
          const done = fitting.length - errors.length;
          if (errors.length) toast(`${act.verb}: ${done} done, ${errors.length} refused. The first reason: ${errors[0].message}`, { kind: 'bad' });
          else toast(`${act.verb}: ${count(done, 'execution')} done.`);
        },
      })}>${act.verb}${fitting.length && fitting.length < chosen.length ? ` ${fitting.length}` : ''}</button>`;
    })}
    <button class="quiet" onClick=${clear}>Select nothing</button>
  </div>`;
}
