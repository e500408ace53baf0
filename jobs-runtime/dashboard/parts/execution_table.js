// The table of executions: columns to choose, selection, keyboard.
import { html, useEffect, useRef, useState } from '../lib/dom.js';
import { brief, isObject } from '../lib/json.js';
import { count, duration, full } from '../lib/format.js';
import { go, href } from '../lib/router.js';
import { recall, keep } from '../lib/storage.js';
import { useKeys } from '../lib/keys.js';
import { Status } from './status.js';
import { Time, Elapsed } from './time.js';
import { Progress } from './states.js';
import { Menu } from './copying.js';
import { Icon } from './icons.js';

/** @typedef {import('../lib/listing.js').Row} Row */

/** What an execution is about, in a line. @param {Row} row */
function subject(row) {
  if (row.itemId) return row.itemId;
  if (!isObject(row.payload) || !Object.keys(row.payload).length) return '';
  return brief(row.payload).slice(1).replace(/\}$/, '');
}

/** What happens or happened, in a line. @param {Row} row */
function detail(row) {
  if (row.deleted) return html`<span class="muted">deleted</span>`;
  if (row.status === 'running') {
    if (row.cancelRequestedAt) return html`<span class="wait">asked to cancel</span>`;
    if (!row.progress && !row.progressMessage) return '';
    return html`<${Progress} value=${row.progress} label="Progress of ${row.jobId}" /> <span class="muted cut">${row.progressMessage}</span>`;
  }
  if (row.status === 'pending') {
    const why = row.error ? `attempt ${row.attempt} of ${row.maxAttempts} failed · ` : '';
    return html`<span class="muted cut">${why}due <${Time} at=${row.runAt} />${row.error && html` · ${row.error.message}`}</span>`;
  }
  if (row.error) {
    const kind = row.error.kind.replace('_', ' ');
    return html`<span class="cut">
      <span class=${row.status === 'failed' ? 'bad' : 'muted'}>${kind}</span>${row.error.message === kind ? '' : ` ${row.error.message}`}</span>`;
  }
  if (row.status === 'succeeded' && row.result != null) return html`<span class="muted cut mono">${brief(row.result, 80)}</span>`;
  return '';
}

/** @type {Record<string, {label: string, cell: (row: Row) => any, kind?: string}>} */
export const COLUMNS = {
  status: { label: 'Status', cell: (row) => html`<${Status} status=${row.status} />` },
  job: { label: 'Job', cell: (row) => html`<a class="cut" href=${href(['executions', row.id])}>${row.jobId}</a>`, kind: 'job' },
  subject: { label: 'Item or payload', cell: (row) => html`<span class="cut ${row.itemId ? '' : 'mono muted'}" title=${subject(row)}>${subject(row)}</span>`, kind: 'grow' },
  detail: { label: 'Progress, error or result', cell: detail, kind: 'grow' },
  queue: { label: 'Queue', cell: (row) => row.queue },
  attempt: { label: 'Attempt', cell: (row) => html`<span class="num">${row.attempt} / ${row.maxAttempts}</span>`, kind: 'right' },
  priority: { label: 'Priority', cell: (row) => html`<span class="num">${row.priority}</span>`, kind: 'right' },
  createdBy: { label: 'Created by', cell: (row) => row.createdBy ?? html`<span class="muted">${row.triggeredBy}</span>` },
  correlation: { label: 'Correlation', cell: (row) => html`<span class="mono">${row.correlationId ?? '–'}</span>` },
  tags: { label: 'Tags', cell: (row) => row.tags.join(', ') },
  duration: {
    label: 'Duration', kind: 'right',
    cell: (row) => (row.status === 'running' && row.startedAt ? html`<${Elapsed} at=${row.startedAt} />` : html`<span class="num">${duration(row.durationMs)}</span>`),
  },
  created: { label: 'Created', cell: (row) => html`<${Time} at=${row.createdAt} />`, kind: 'right' },
};
const DEFAULT = ['status', 'job', 'subject', 'detail', 'duration', 'created'];

/** The chosen columns, and the menu that changes them. */
export function useColumns() {
  const [chosen, setChosen] = useState(() => recall('columns', DEFAULT).filter((name) => COLUMNS[name]));
  const toggle = (/** @type {string} */ name) => {
    const next = Object.keys(COLUMNS).filter((one) => (one === name ? !chosen.includes(one) : chosen.includes(one)));
    keep('columns', next);
    setChosen(next);
  };
  const menu = html`<${Menu} kind="quiet icon" title="Columns" label=${html`<${Icon} name="columns" />`}>
    ${Object.entries(COLUMNS).map(([name, column]) => html`<label key=${name}>
      <input type="checkbox" checked=${chosen.includes(name)} disabled=${name === 'job'} onChange=${() => toggle(name)} />${column.label}</label>`)}
  </${Menu}>`;
  return { chosen, menu };
}

/**
 * @param {{rows: Row[], columns: string[], selected: Set<string>, select: (selected: Set<string>) => void}} properties
 */
export function ExecutionTable({ rows, columns, selected, select }) {
  const [at, setAt] = useState(-1);
  const anchor = useRef(-1);
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => body.current?.children[at]?.scrollIntoView({ block: 'nearest' }), [at]);
  const toggle = (/** @type {number} */ index, range = false) => {
    const next = new Set(selected);
    const [from, to] = range && anchor.current >= 0 ? [Math.min(anchor.current, index), Math.max(anchor.current, index)] : [index, index];
    const add = !selected.has(rows[index].id);
    for (let n = from; n <= to; n += 1) {
      if (add) next.add(rows[n].id);
      else next.delete(rows[n].id);
    }
    anchor.current = index;
    select(next);
  };
  const move = (/** @type {number} */ step) => setAt((now) => Math.min(rows.length - 1, Math.max(0, now + step)));
  useKeys([
    { key: 'j', does: 'next row', run: () => move(1) },
    { key: 'k', does: 'row before', run: () => move(-1) },
    { key: 'x', does: 'select the row', run: () => rows[at] && toggle(at) },
    { key: 'Enter', does: 'open the row', run: () => rows[at] && go(href(['executions', rows[at].id])) },
    { key: 'o', does: 'open the row in a new tab', run: () => rows[at] && window.open(href(['executions', rows[at].id]), '_blank', 'noopener') },
    { key: 'Escape', does: 'select nothing', run: () => select(new Set()) },
  ]);
  const all = rows.length > 0 && rows.every((row) => selected.has(row.id));
  return html`<div class="scroll" role="region" aria-label="Executions" tabindex="0">
    <table class="list executions">
    <thead><tr>
      <th class="check"><input type="checkbox" aria-label="Select all shown" checked=${all} onChange=${() => select(all ? new Set() : new Set(rows.map((row) => row.id)))} />
        </th>
      ${columns.map((name) => html`<th key=${name} class=${COLUMNS[name].kind ?? ''}>${COLUMNS[name].label}</th>`)}
    </tr></thead>
    <tbody ref=${body}>${rows.map((row, index) => html`<tr key=${row.id} class=${`${index === at ? 'at' : ''} ${selected.has(row.id) ? 'chosen' : ''} ${row.deleted ? 'gone' : ''}`}
      onClick=${(/** @type {MouseEvent} */ event) => {
        const on = /** @type {Element} */ (event.target);
        if (on.closest('a, input, button') || getSelection()?.toString()) return;
        if (event.metaKey || event.ctrlKey) window.open(href(['executions', row.id]), '_blank', 'noopener');
        else go(href(['executions', row.id]));
      }}>
      <td class="check"><input type="checkbox" aria-label="Select ${row.jobId}, created ${full(row.createdAt)}" checked=${selected.has(row.id)} onClick=${(/** @type {MouseEvent} */ event) => toggle(index, event.shiftKey)} />
        </td>
      ${columns.map((name) => html`<td key=${name} class="${COLUMNS[name].kind ?? ''} c-${name}">
        <div class="cell">${COLUMNS[name].cell(row)}</div></td>`)}
    </tr>`)}</tbody>
  </table></div>
  <p class="hidden" role="status">${selected.size ? `${count(selected.size, 'row')} selected` : ''}</p>`;
}
