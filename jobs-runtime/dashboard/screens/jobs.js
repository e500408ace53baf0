// Jobs: every definition that the fleet knows, with its throughput and failures.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { count } from '../lib/format.js';
import { href, route, setQuery } from '../lib/router.js';
import { useThroughput } from '../lib/throughput.js';
import { FailureRate, Rate } from '../parts/ended.js';
import { Handler } from '../parts/handler.js';
import { Empty, Failure, Panel, Show } from '../parts/states.js';
import { opens, Table } from '../parts/table.js';
import { useWindow } from '../parts/window_choice.js';

/** @typedef {import('../lib/types.js').components['schemas']['JobView']} Job */

const COLUMNS = [
  'Job', ['What it does', 'grow'], 'Queue', ['Per minute', 'right', 'Executions that ended, on average'],
  ['Failed', 'right', 'Executions that failed for good, and their share of those that ended'], 'Schedule', 'Handler',
];

export default function Jobs() {
  const wanted = route.value.query.get('q') ?? '';
  const [text, setText] = useState(wanted);
  const loaded = useData('jobs:all', () => api.jobs({ limit: 1000 }), { every: 10_000 });
  const { chosen, buttons } = useWindow();
  const ended = useThroughput('job', chosen);
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (/** @type {Job} */ job) => words.every((word) => `${job.id} ${job.label} ${job.queue} ${job.tags.join(' ')} ${job.handler}`.toLowerCase().includes(word));
  return html`<div class="screen">
    <header><div><h1>Jobs</h1></div>
      <div class="acts"><input type="search" aria-label="Find a job" placeholder="Find by id, queue or tag" value=${text} onInput=${(/** @type {any} */ event) => {
        setText(event.target.value);
        setQuery({ q: event.target.value }, { replace: true });
      }} /></div></header>
    <${Show} of=${loaded} what="The list of jobs">${(/** @type {{jobs: Job[], total: number}} */ page) => {
      const jobs = page.jobs.filter(matches);
      if (!page.jobs.length) return html`<${Empty} title="No job is known yet.">A program publishes its jobs when it starts with this store.</${Empty}>`;
      if (!jobs.length) return html`<${Empty} title="No job matches “${wanted}”." />`;
      return html`<${Panel} kind="table">
        <div class="table-bar">
          <span class="muted num">${jobs.length === page.total ? count(page.total, 'job') : `${jobs.length} of ${count(page.total, 'job')}`}</span>
          <span class="spring"></span>${buttons}</div>
        ${ended.error && html`<${Failure} error=${ended.error} what="The throughput" />`}
        <${Table} label="Jobs" kind="executions jobs" columns=${COLUMNS}>${jobs.map((job) => html`<tr key=${job.id} onClick=${opens(href(['jobs', job.id]))}>
            <td class="c-job"><div class="cell"><a href=${href(['jobs', job.id])}>${job.id}</a></div></td>
            <td class="grow"><div class="cell"><span class="cut muted">${job.label}</span></div></td>
            <td class="c-queue"><div class="cell">${job.queue}</div></td>
            <td class="right c-rate"><${Rate} of=${ended} name=${job.id} /></td>
            <td class="right c-failed"><${FailureRate} of=${ended} name=${job.id} /></td>
            <td class="c-tags"><div class="cell mono">${job.schedule.map((/** @type {any} */ rule) => rule.cron).join(' · ') || html`<span class="muted">–</span>`}</div>
              </td>
            <td class="c-created"><div class="cell"><${Handler} job=${job} /></div></td>
          </tr>`)}</${Table}>
      </${Panel}>`;
    }}</${Show}>
  </div>`;
}
