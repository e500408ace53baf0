// The filters of a list of executions. They live in the address.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { go, href } from '../lib/router.js';
import { isReadOnly } from '../lib/session.js';
import { Icon } from './icons.js';
import { typed } from './labelled.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const STATUSES = ['pending', 'queued', 'running', 'succeeded', 'failed', 'cancelled'];
const PERIODS = /** @type {[string, string][]} */ ([['15m', 'last 15 minutes'], ['1h', 'last hour'], ['24h', 'last 24 hours'], ['7d', 'last 7 days'], ['30d', 'last 30 days']]);
const UNITS = /** @type {Record<string, number>} */ ({ m: 60_000, h: 3_600_000, d: 86_400_000 });

/** The filters that are shown as chips, with their words. @type {Record<string, string>} */
export const TEXTS = { itemId: 'item', tag: 'tag', correlationId: 'correlation', createdBy: 'created by', parentId: 'children of', errorFingerprint: 'error', text: 'payload has', until: 'until' };
const NAMES = ['status', 'jobId', 'queue', 'period', 'since', 'sort', ...Object.keys(TEXTS)];

/** The filters of the address. @param {URLSearchParams} query */
export function filtersOf(query) {
  /** @type {Record<string, string>} */
  const filters = {};
  for (const name of NAMES) {
    const value = query.get(name);
    if (value) filters[name] = value;
  }
  return filters;
}

/** The start of a period, cut to ten seconds so that a list keeps its query. @param {string} period */
export function startOf(period) {
  const length = Number.parseInt(period, 10) * (UNITS[period.slice(-1)] ?? 0);
  return length ? new Date(Math.floor((Date.now() - length) / 10_000) * 10_000).toISOString() : undefined;
}

/** @param {{filters: Record<string, string>, change: (filters: Record<string, string | undefined>) => void}} properties */
export function Filters({ filters, change }) {
  const jobs = useData('jobs:all', () => api.jobs({ limit: 1000 }), { live: false });
  const queues = useData('queues', api.queues, { every: 5000 });
  // The search in payloads reads sensitive values, so viewers have none.
  const searchesText = !isReadOnly();
  const [text, setText] = useState('');
  const set = (/** @type {string} */ name) => (/** @type {any} */ event) => change({ ...filters, [name]: event.target.value || undefined });
  const add = (/** @type {string} */ name, /** @type {string} */ value) => {
    setText('');
    change({ ...filters, [name]: value });
  };
  const wanted = text.trim();
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!wanted) return;
    const [, name, value] = /^(item|tag|correlation|by|text):(.+)$/.exec(wanted) ?? [];
    if (UUID.test(wanted)) go(href(['executions', wanted.toLowerCase()]));
    else if (name) add({ item: 'itemId', tag: 'tag', correlation: 'correlationId', by: 'createdBy', text: 'text' }[name] ?? 'itemId', value.trim());
    else add('itemId', wanted);
  };
  const chips = Object.keys(TEXTS).filter((name) => filters[name]);
  return html`<div class="filters">
    <div class="row">
      <select aria-label="Status" value=${filters.status ?? ''} onChange=${set('status')}>
        <option value="">any status</option>${STATUSES.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
      </select>
      <select aria-label="Job" value=${filters.jobId ?? ''} onChange=${set('jobId')}>
        <option value="">any job</option>
        ${filters.jobId && !jobs.data?.jobs.some((one) => one.id === filters.jobId) && html`<option value=${filters.jobId}>${filters.jobId}</option>`}
        ${jobs.data?.jobs.map((one) => html`<option key=${one.id} value=${one.id}>${one.id}</option>`)}
      </select>
      <select aria-label="Queue" value=${filters.queue ?? ''} onChange=${set('queue')}>
        <option value="">any queue</option>
        ${filters.queue && !queues.data?.queues.some((one) => one.queue === filters.queue) && html`<option value=${filters.queue}>${filters.queue}</option>`}
        ${queues.data?.queues.map((one) => html`<option key=${one.queue} value=${one.queue}>${one.queue}</option>`)}
      </select>
      <select aria-label="Created" value=${filters.period ?? ''} onChange=${set('period')}>
        <option value="">any time</option>${PERIODS.map(([value, label]) => html`<option key=${value} value=${value}>${label}</option>`)}
      </select>
      <select aria-label="Order" value=${filters.sort ?? ''} onChange=${set('sort')}>
        <option value="">newest first</option><option value="duration">longest first</option>
      </select>
      <form class="find-box" role="search" onSubmit=${submit}>
        <${Icon} name="search" size=${14} />
        <input aria-label="Execution id, or item:, tag:, correlation:, by:" placeholder=${`id, or item: tag: correlation: by:${searchesText ? ' text:' : ''}`} value=${text}
          onInput=${typed(setText)} />
        ${wanted && !UUID.test(wanted) && !/^(item|tag|correlation|by|text):/.test(wanted) && html`<div class="menu-items guesses">
          ${Object.entries(TEXTS).filter(([name]) => ['itemId', 'tag', 'correlationId', 'createdBy'].includes(name) || (name === 'text' && searchesText)).map(([name, word]) => html`<button type=${name === 'itemId' ? 'submit' : 'button'} key=${name} onClick=${() => add(name, wanted)}>${word}${name === 'text' ? '' : ' is'} “${wanted}”</button>`)}
        </div>`}
      </form>
    </div>
    ${(chips.length > 0 || Object.keys(filters).length > 0) && html`<div class="row chips">
      ${chips.map((name) => html`<span class="chip" key=${name}>
        <span class="cut">${TEXTS[name]}: <b>${filters[name]}</b></span>
        <button aria-label="Remove the filter ${TEXTS[name]}" onClick=${() => change({ ...filters, [name]: undefined })}>
          <${Icon} name="close" size=${12} /></button></span>`)}
      <button class="link" onClick=${() => change({})}>Remove all filters</button>
    </div>`}
  </div>`;
}
