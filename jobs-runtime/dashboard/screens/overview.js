// Overview: the matters that need attention, then the state of the fleet.
import { html } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { concernsOf } from '../lib/attention.js';
import { useData } from '../lib/data.js';
import { groupsSince } from '../lib/failure_groups.js';
import { atLeast, count, number } from '../lib/format.js';
import { now } from '../lib/live.js';
import { href } from '../lib/router.js';
import { startOf } from '../parts/filters.js';
import { charts, Lazy } from '../parts/lazy.js';
import { QueueBar } from '../parts/queue_bar.js';
import { Recent } from '../parts/recent.js';
import { Trends } from '../parts/trends.js';
import { Empty, Panel, Show, Skeleton } from '../parts/states.js';
import { Time } from '../parts/time.js';

/** The executions that failed in the last hour, counted up to a bound. */
async function failures() {
  const { groups, complete } = await groupsSince(startOf('1h'), undefined);
  const jobs = new Set(groups.map((group) => group.jobId));
  return { count: groups.reduce((sum, group) => sum + group.count, 0), more: !complete, jobs: [...jobs] };
}

/** The newest executions that have existed for a minute and still run. */
async function running() {
  const until = new Date(now.value - 60_000).toISOString();
  const page = await api.executions({ status: 'running', until, limit: 50, fields: 'id,jobId,startedAt,cancelRequestedAt' });
  return page.executions;
}

export default function Overview() {
  const overview = useData('overview', api.overview, { every: 3000 });
  const health = useData('health', api.health, { every: 3000 });
  const processes = useData('processes', api.processes, { every: 3000 });
  const queues = useData('queues', api.queues);
  const jobs = useData('jobs:all', () => api.jobs({ limit: 1000 }), { every: 30_000 });
  const schedules = useData('schedules', () => api.schedules(), { every: 10_000 });
  const failed = useData('failed:1h', failures, { every: 3000 });
  const old = useData('running:1m', running, { every: 5000 });
  const all = [health, processes, queues, jobs, schedules, old, failed];
  const isLoaded = all.every((one) => one.data !== undefined || one.error);
  const concerns = concernsOf({ health: health.data, processes: processes.data?.processes, queues: queues.data?.queues, jobs: jobs.data?.jobs, schedules: schedules.data?.schedules, running: old.data, failed: failed.data }, now.value);
  const unreachable = all.find((one) => one.error);
  return html`<div class="screen">
    <header><div><h1>Overview</h1></div></header>
    ${unreachable && html`<div class="notice bad" role="alert"><div>${unreachable.error.message}</div></div>`}
    ${!isLoaded ? html`<${Panel}><${Skeleton} lines=${2} />
      </${Panel}>` : html`<${Attention} concerns=${concerns} queues=${queues.data?.queues ?? []} />`}
    <${Lazy} load=${charts} properties=${{ title: 'Over time', of: {}, show: ['throughput', 'failures', 'wait', 'duration', 'depth', 'age'] }} />
    ${overview.data && html`<${Trends} title="How the fleet did" windows=${overview.data.windows} />`}
    <div class="columns">
      <${Depth} of=${queues} />
      <${Fleet} of=${processes} />
    </div>
    <${Recent} title="Newest executions" filters=${{}} empty="There are no executions yet." />
  </div>`;
}

/** @param {{concerns: import('../lib/attention.js').Concern[], queues: any[]}} properties */
function Attention({ concerns, queues }) {
  const running = queues.reduce((sum, queue) => sum + queue.running, 0);
  const ready = queues.reduce((sum, queue) => sum + queue.ready + queue.blocked, 0);
  const bound = queues.map((queue) => atLeast(queue, 'ready', 'blocked')).find(Boolean) ?? '';
  const state = `${number(running)} running, ${bound}${number(ready)} waiting`;
  if (!concerns.length) return html`<section class="quiet-line" aria-label="State"><span class="square ok">
    </span><b>All quiet:</b> <span>${state}, nothing failed in the last hour.</span></section>`;
  return html`<${Panel} title=${count(concerns.length, 'matter needs attention', 'matters need attention')} aside=${state}>
    <ul class="concerns">${concerns.slice(0, 12).map((one) => html`<li key=${one.text} class=${one.tone}>
      <span class="square ${one.tone}"></span><span>${one.text}</span><a href=${one.href}>${one.act}</a></li>`)}
    ${concerns.length > 12 && html`<li class="muted">and ${concerns.length - 12} more</li>`}</ul>
  </${Panel}>`;
}

/** @param {{of: any}} properties */
function Depth({ of }) {
  return html`<${Panel} title="Queues" aside=${html`<a href=${href(['queues'])}>Queues and limits</a>`}>
    <${Show} of=${of} what="The list of queues" lines=${3}>${(/** @type {{queues: any[]}} */ { queues }) => {
    const most = Math.max(10, ...queues.map((one) => one.ready + one.blocked + one.running));
    if (!queues.length) return html`<${Empty} title="No queue is known yet." />`;
    return html`<ul class="depths body">${[...queues].sort((one, other) => other.ready + other.blocked + other.running - (one.ready + one.blocked + one.running)).slice(0, 8).map((queue) => html`<li key=${queue.queue}>
      <a class="cut" href=${href(['executions'], { queue: queue.queue })}>${queue.queue}</a>
        <${QueueBar} queue=${queue} most=${most} />
        <span class="num muted">${queue.pausedAt ? html`<span class="wait">paused</span>` : `${atLeast(queue, 'ready', 'blocked')}${number(queue.ready + queue.blocked)} waiting`}</span>
        </li>`)}</ul>`;
  }}</${Show}></${Panel}>`;
}

/** @param {{of: any}} properties */
function Fleet({ of }) {
  return html`<${Panel} title="Processes" aside=${html`<a href=${href(['system'])}>System</a>`}>
    <${Show} of=${of} what="The list of processes" lines=${3}>${(/** @type {{processes: any[]}} */ { processes }) => (processes.length
    ? html`<ul class="depths body">${processes.slice(0, 8).map((one) => html`<li key=${one.session}>
      <span class="mono cut">${one.worker}</span><span class="muted cut">since <${Time} at=${one.openedAt} />
      </span><span class="num muted">${number(one.running)} running</span>
      </li>`)}${processes.length > 8 && html`<li class="muted">and ${processes.length - 8} more</li>`}</ul>`
    : html`<${Empty} title="No worker has a session." />`)}</${Show}></${Panel}>`;
}
