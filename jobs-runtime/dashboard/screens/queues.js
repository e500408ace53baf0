// Queues and limits: waiting, running and ended executions, pauses, and the limits of jobs.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { atLeast, count, number } from '../lib/format.js';
import { touch } from '../lib/live.js';
import { ask, toast } from '../lib/notices.js';
import { href } from '../lib/router.js';
import { useThroughput } from '../lib/throughput.js';
import { Rate } from '../parts/ended.js';
import { typed } from '../parts/labelled.js';
import { charts, Lazy } from '../parts/lazy.js';
import { Limits } from '../parts/limits.js';
import { LimitsInUse } from '../parts/limits_in_use.js';
import { QueueBar } from '../parts/queue_bar.js';
import { Empty, Panel, Show } from '../parts/states.js';
import { Table } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { PauseQueue } from '../parts/pause_queue.js';

/** @typedef {import('../lib/types.js').components['schemas']['QueueRecord']} Queue */

const COLUMNS = [
  'Queue', [html`<span class="wide">Running, ready and blocked</span>`, 'grow'], ['Running', 'right wide'], ['Ready', 'right wide'], ['Blocked', 'right wide'],
  ['Pending', 'right wide', 'Due later, or waiting for a retry'], ['Oldest', 'right wide'],
  ['Per minute', 'right wide', 'Executions that ended, in each minute of the last hour and on average'], 'State', '',
];

/** A count of a queue; one that has reached its bound is a lower bound. @param {Queue} queue @param {'ready' | 'blocked' | 'pending'} name */
const counted = (queue, name) => `${atLeast(queue, name)}${number(queue[name])}`;

/** @param {Queue} queue */
function askResume(queue) {
  ask({
    title: `Resume the queue ${queue.queue}?`, verb: 'Resume it',
    body: html`<p>Workers claim from it again at once: ${count(queue.ready, 'execution')} ${queue.ready === 1 ? 'is' : 'are'} ready.</p>`,
    command: { method: 'POST', path: `queues/${encodeURIComponent(queue.queue)}/resume`, cli: `jobs queues resume ${queue.queue}` },
    run: async () => {
      await api.resumeQueue(queue.queue);
      toast(`The queue ${queue.queue} is resumed.`);
      touch();
    },
  });
}

export default function Queues() {
  const loaded = useData('queues', api.queues);
  const ended = useThroughput('queue', 'hour');
  const [queue, setQueue] = useState('');
  const choice = html`<select aria-label="Queue of the charts" value=${queue} onChange=${typed(setQueue)}>
    <option value="">all queues</option>${loaded.data?.queues.map((one) => html`<option key=${one.queue} value=${one.queue}>${one.queue}</option>`)}</select>`;
  const [pausing, setPausing] = useState(/** @type {Queue | null} */ (null));
  return html`<div class="screen">
    <header><div><h1>Queues and limits</h1></div></header>
    <${Show} of=${loaded} what="The list of queues">${(/** @type {{queues: Queue[]}} */ { queues }) => {
      if (!queues.length) return html`<${Empty} title="No queue is known yet.">A queue appears when a job or an execution names it.</${Empty}>`;
      const most = Math.max(10, ...queues.map((one) => one.ready + one.blocked + one.running));
      return html`<${Panel} kind="table"><${Table} label="Queues" kind="queues" columns=${COLUMNS}>${queues.map((queue) => html`<tr key=${queue.queue}>
          <td><a href=${href(['executions'], { queue: queue.queue })}>${queue.queue}</a></td>
          <td class="grow"><${QueueBar} queue=${queue} most=${most} /></td>
          <td class="right num wide">${number(queue.running)}</td>
            <td class="right num wide">${counted(queue, 'ready')}</td>
            <td class="right num wide">${counted(queue, 'blocked')}</td>
            <td class="right num wide">${counted(queue, 'pending')}</td>
            <td class="right wide">${queue.oldestDueAt ? html`${queue.atLeast.includes('oldestDueAt') && '≤ '}<${Time} at=${queue.oldestDueAt} />` : html`<span class="muted">–</span>`}</td>
          <td class="right wide"><${Rate} of=${ended} name=${queue.queue} line=${true} /></td>
          <td>${queue.pausedAt ? html`<span class="wait">paused <${Time} at=${queue.pausedAt} />${pausedBy(queue)}</span>` : html`<span class="muted">open</span>`}</td>
          <td class="right">${queue.pausedAt ? html`<button class="small" onClick=${() => askResume(queue)}>Resume</button>` : html`<button class="small" onClick=${() => setPausing(queue)}>Pause</button>`}</td>
        </tr>`)}</${Table}>
        <footer class="legend"><span><i class="run"></i>running</span><span><i class="ready">
          </i>ready for a worker</span><span><i class="blocked"></i>blocked by a limit</span></footer>
      </${Panel}>`;
    }}</${Show}>
    <${Lazy} load=${charts} properties=${{ title: 'Over time', of: queue ? { queue } : {}, show: ['throughput', 'depth', 'age'], choice }} />
    <${LimitsInUse} />
    <${Limits} />
    ${pausing && html`<${PauseQueue} queue=${pausing} close=${() => setPausing(null)} />`}
  </div>`;
}

/** @param {any} queue */
function pausedBy(queue) {
  const by = queue.pausedBy ? ` by ${queue.pausedBy}` : '';
  return queue.pauseReason || by ? html`${by}${queue.pauseReason && html`: ${queue.pauseReason}`}` : '';
}
