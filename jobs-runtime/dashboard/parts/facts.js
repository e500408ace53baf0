// The facts of an execution: its job and queue, its creator, its times.
import { html } from '../lib/dom.js';
import { full } from '../lib/format.js';
import { href } from '../lib/router.js';
import { Id } from './copying.js';
import { Time } from './time.js';

/** @typedef {import('../lib/types.js').components['schemas']['ExecutionRecord']} Execution */

/** @param {string} name @param {string} value */
const filter = (name, value) => html`<a href=${href(['executions'], { [name]: value })}>${value}</a>`;

/** The template of links to traces, if the page has one. @param {string} trace */
function traceLink(trace) {
  const template = document.documentElement.dataset.trace;
  return template ? html`<a href=${template.replace('{traceId}', encodeURIComponent(trace))} target="_blank" rel="noopener noreferrer">${trace}</a>` : html`<${Id} id=${trace} whole=${true} />`;
}

/** @param {{execution: Execution}} properties */
export function Facts({ execution: one }) {
  /** @type {[string, any][]} */
  const facts = [
    ['Id', html`<${Id} id=${one.id} whole=${true} />`],
    ['Job', html`<a href=${href(['jobs', one.jobId])}>${one.jobId}</a>`],
    ['Queue', html`${filter('queue', one.queue)}, priority ${one.priority}`],
    ['Created', html`<${Time} at=${one.createdAt} />, ${full(one.createdAt)}, by ${one.createdBy ? filter('createdBy', one.createdBy) : one.triggeredBy}${one.createdBy ? ` over ${one.triggeredBy}` : ''}`],
    ['Due', html`<${Time} at=${one.runAt} />, ${full(one.runAt)}`],
  ];
  if (one.startedAt) facts.push(['Started', html`<${Time} at=${one.startedAt} />, ${full(one.startedAt)}`]);
  if (one.finishedAt) facts.push(['Finished', html`<${Time} at=${one.finishedAt} />, ${full(one.finishedAt)}`]);
  if (one.itemId) facts.push(['Item', filter('itemId', one.itemId)]);
  if (one.correlationId) facts.push(['Correlation', filter('correlationId', one.correlationId)]);
  if (one.tags.length) facts.push(['Tags', html`<span class="row">${one.tags.map((tag) => html`<a class="tag cut" key=${tag} href=${href(['executions'], { tag })}>${tag}</a>`)}</span>`]);
  if (one.parentId) facts.push(['Parent', html`<a class="mono" href=${href(['executions', one.parentId])}>${one.parentId}</a>`]);
  if (one.scheduled) facts.push(['Schedule', html`<a href=${href(['schedules', one.scheduled.schedule])}>${one.scheduled.schedule}</a>, time of ${full(one.scheduled.time)}`]);
  if (one.traceId) facts.push(['Trace', traceLink(one.traceId)]);
  return html`<dl class="facts body">${facts.map(([name, value]) => html`<dt key=${name}>${name}</dt>
    <dd>${value}</dd>`)}</dl>`;
}
