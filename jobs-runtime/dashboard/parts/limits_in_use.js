// Limits with their permits: what is in use and what waits, for each key.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { quote } from '../lib/commands.js';
import { useData } from '../lib/data.js';
import { count, duration, number } from '../lib/format.js';
import { ask, toast } from '../lib/notices.js';
import { href } from '../lib/router.js';
import { LimitQueue } from './limit_queue.js';
import { QueueBar } from './queue_bar.js';
import { Empty, Panel, Show } from './states.js';
import { Table } from './table.js';
import { Time } from './time.js';

/**
 * @typedef {object} Limit
 * @property {string} key
 * @property {string} jobId
 * @property {string} kind
 * @property {number} count
 * @property {number | null} periodMs
 * @property {number} inUse
 * @property {number} waiting
 * @property {string | null} pausedUntil
 */

const MOST = 40;
const COLUMNS = ['Job', 'For', ['Rule', 'wide'], [html`<span class="wide">In use and waiting</span>`, 'grow'], ['In use', 'right'], ['Waiting', 'right'], ''];

/** The value of the payload's field that the limit is for; empty for a limit of the whole fleet. @param {Limit} limit */
const valueOf = (limit) => limit.key.split('/').slice(2).join('/');

/** @param {Limit} limit */
function rule(limit) {
  return limit.periodMs ? `${count(limit.count, 'start')} in ${duration(limit.periodMs)}` : `${number(limit.count)} at a time`;
}

/** @param {Limit} limit */
function askReset(limit) {
  ask({
    title: `Reset the rate ${limit.key}?`, verb: 'Reset it',
    body: html`<p>Its past starts and its pause are forgotten: one burst may start at once. Permits in use stay in use.</p>`,
    command: { method: 'POST', path: `limits/${encodeURIComponent(limit.key)}/reset`, cli: `jobs limits reset ${quote(limit.key)}` },
    run: async () => {
      await api.resetLimit(limit.key);
      toast('The rate is reset.');
    },
  });
}

export function LimitsInUse() {
  const loaded = useData('limits', api.limits, { every: 2000 });
  const [opened, setOpened] = useState('');
  return html`<${Panel} title="Permits" kind="table"><${Show} of=${loaded} what="The list of limits" lines=${3}>${(/** @type {{limits: Limit[]}} */ { limits }) => {
    if (!limits.length) return html`<${Empty} title="No permit is in use.">A limit appears here with its first execution.</${Empty}>`;
    const sorted = [...limits].sort((one, other) => other.waiting + other.inUse - one.waiting - one.inUse || one.key.localeCompare(other.key));
    const most = Math.max(5, ...limits.map((one) => one.inUse + one.waiting));
    return html`<${Table} label="Permits" kind="queues" columns=${COLUMNS}>${sorted.slice(0, MOST).map((limit) => html`<tr key=${limit.key}>
        <td><a href=${href(['jobs', limit.jobId])}>${limit.jobId}</a></td>
        <td class="for">${valueOf(limit) ? html`<span class="mono cut" title=${valueOf(limit)}>${valueOf(limit)}</span>` : html`<span class="muted">all</span>`}</td>
        <td class="wide">${rule(limit)}${limit.pausedUntil && html` <span class="wait">paused, ends <${Time} at=${limit.pausedUntil} /></span>`}</td>
        <td class="grow"><${QueueBar} queue=${{ running: limit.inUse, ready: 0, blocked: limit.waiting, atLeast: [] }} most=${most} /></td>
        <td class="right num">${number(limit.inUse)}</td><td class="right num">${limit.waiting > 0
          ? html`<button class="link num" aria-expanded=${opened === limit.key} title="Shows what waits, and behind what" onClick=${() => setOpened(opened === limit.key ? '' : limit.key)}>${limit.waiting >= 1000 ? '≥ ' : ''}${number(limit.waiting)} ▾</button>` : number(limit.waiting)}</td>
        <td class="right">${limit.kind === 'rate' && html`<button class="small" onClick=${() => askReset(limit)}>Reset</button>`}</td></tr>
        ${opened === limit.key && html`<tr key=${`${limit.key} queue`}><td colspan="7" class="wraps"><${LimitQueue} limit=${limit.key} waiting=${limit.waiting} /></td></tr>`}`)}</${Table}>${sorted.length > MOST && html`<footer class="legend">and ${number(sorted.length - MOST)} more with less to do</footer>`}`;
  }}</${Show}></${Panel}>`;
}
