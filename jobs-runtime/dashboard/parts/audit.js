// The audit log: each act with its caller, its address, and the state before and after.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { brief, pretty } from '../lib/json.js';
import { href } from '../lib/router.js';
import { caller } from '../lib/session.js';
import { Empty, Panel, Show } from './states.js';
import { Table } from './table.js';
import { Time } from './time.js';

/** @typedef {import('../lib/types.js').components['schemas']['AuditEntry']} Entry */

const LINES = 20;

/** The page of what an act was done to, if it has one. @param {Entry} entry */
function target(entry) {
  const [kind] = entry.action.split('.');
  const screen = /** @type {Record<string, string>} */ ({ execution: 'executions', schedule: 'schedules', job: 'jobs' })[kind];
  const text = html`<span class="mono cut">${entry.target}</span>`;
  return screen ? html`<a class="cut" href=${href([screen, entry.target])}>${text}</a>` : text;
}

/** @param {Entry} entry */
function change({ before, after }) {
  if (before == null && after == null) return '';
  return html`<span class="cut muted mono" title=${`${pretty(before) ?? ''}\n→ ${pretty(after) ?? ''}`}>${before == null ? '' : `${brief(before, 60)} → `}${after == null ? 'gone' : brief(after, 60)}</span>`;
}

/**
 * The acts, of all targets or of one. Only admins see them; for one target the panel is absent without acts.
 * @param {{of?: string}} properties
 */
export function Audit({ of }) {
  const isShown = caller.value?.role === 'admin';
  const [actor, setActor] = useState('');
  const [limit, setLimit] = useState(LINES);
  const query = { target: of, actor, limit };
  const loaded = useData(isShown ? `audit:${JSON.stringify(query)}` : null, () => api.audit(query), { every: 2000 });
  if (!isShown || (of && !loaded.data?.entries.length)) return null;
  const columns = ['When', 'Who', 'Act', ...(of ? [] : [['On', 'grow']]), ['Change', 'grow wide'], ['From', 'wide']];
  const aside = !of && html`<input type="search" aria-label="Acts of" placeholder="Name of the actor" value=${actor} onChange=${(/** @type {any} */ event) => setActor(event.target.value.trim())} />`;
  return html`<${Panel} title=${of ? 'Acts of operators' : 'Audit'} kind="table" aside=${aside}>
    <${Show} of=${loaded} what="The audit log" lines=${3}>${(/** @type {{entries: Entry[], nextCursor: string | null}} */ page) => (page.entries.length
      ? html`<${Table} label="Acts" columns=${columns}>${page.entries.map((entry, n) => html`<tr key=${entry.at + entry.target + n}>
          <td><${Time} at=${entry.at} /></td><td>${entry.actor} <span class="muted">${entry.role}</span></td><td>${entry.action}</td>
          ${!of && html`<td class="grow"><div class="cell">${target(entry)}</div></td>`}
          <td class="grow wide"><div class="cell">${change(entry)}</div></td><td class="wide muted">${entry.address ?? 'command line'}</td></tr>`)}</${Table}>
        ${page.nextCursor && html`<footer class="pager"><button onClick=${() => setLimit(limit + 100)}>Load more</button></footer>`}`
      : html`<${Empty} title="No act is recorded yet." />`)}</${Show}>
  </${Panel}>`;
}
