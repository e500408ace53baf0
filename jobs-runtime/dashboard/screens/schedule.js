// One schedule: its rule in words, its next times in two zones, its last runs, acts.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { cronWords } from '../lib/cron_words.js';
import { useData } from '../lib/data.js';
import { duration, full, inZone } from '../lib/format.js';
import { touch } from '../lib/live.js';
import { ask, failed, toast } from '../lib/notices.js';
import { go, href } from '../lib/router.js';
import { Menu } from '../parts/copying.js';
import { EditSchedule } from '../parts/edit_schedule.js';
import { HistoryStrip } from '../parts/history_strip.js';
import { JsonView } from '../parts/json_view.js';
import { Recent } from '../parts/recent.js';
import { ScheduleState } from '../parts/schedule_state.js';
import { Empty, Panel, Show } from '../parts/states.js';
import { Table } from '../parts/table.js';
import { Time } from '../parts/time.js';

/** @typedef {import('../lib/types.js').components['schemas']['ScheduleDetails']} Schedule */

const SHOWN = 10;
const CATCH_UP = /** @type {Record<string, string>} */ ({ none: 'times that passed while no scheduler ran are skipped', one: 'of the times that passed while no scheduler ran, the last one runs' });
const OVERLAP = /** @type {Record<string, string>} */ ({ skip: 'a time is skipped while an earlier run is not final', queue: 'a time waits for the earlier run', allow: 'runs may overlap' });

/** @param {{path: string[]}} properties */
export default function ScheduleScreen({ path: [id] }) {
  const loaded = useData(`schedule:${id}`, () => api.schedule(id));
  const [editing, setEditing] = useState(false);
  const one = loaded.data;
  if (loaded.error?.status === 404) return html`<${Empty} title="There is no schedule ${id}.">
    <a href=${href(['schedules'])}>All schedules</a></${Empty}>`;
  if (!one) return html`<${Show} of=${loaded} what="The schedule" lines=${8} />`;
  const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return html`<div class="screen">
    <header><div>
      <p class="crumbs"><a href=${href(['schedules'])}>Schedules</a> / ${one.id}</p>
      <h1>${cronWords(one.cron)}, ${one.timezone}</h1>
      <p class="row"><${ScheduleState} schedule=${one} /> <span>runs <a href=${href(['jobs', one.jobId])}>${one.jobId}</a>${one.nextTime ? html`, next <${Time} at=${one.nextTime} />` : ''}${one.pausedAt ? html`, paused <${Time} at=${one.pausedAt} />` : ''}</span>
        </p>
    </div><${Acts} one=${one} edit=${() => setEditing(true)} /></header>
    <div class="columns">
      <${Panel} title="Next times" kind="table">${one.nextTimes.length ? html`<${Table} label="Next times" columns=${[['', 'wide'], one.timezone, ...(mine === one.timezone ? [] : [`${mine}, yours`])]}>${one.nextTimes.map((at) => html`<tr key=${at}><td class="wide"><${Time} at=${at} /></td>
          <td class="num">${inZone(at, one.timezone)}</td>${mine !== one.timezone && html`<td class="num">${full(at)}</td>`}</tr>`)}</${Table}>` : html`<${Empty} title="No time is due while it is ${one.status}." />`}</${Panel}>
      <${Panel} title="Rule"><dl class="facts body">
        <dt>Cron</dt><dd><code>${one.cron}</code></dd>
        <dt>Missed times</dt>
          <dd>${CATCH_UP[one.catchUp] ?? `${one.catchUp}: so many of the times that passed run`}</dd>
        <dt>Overlap</dt><dd>${OVERLAP[one.overlap] ?? one.overlap}</dd>
        <dt>Jitter</dt><dd>${one.jitterMs ? `up to ${duration(one.jitterMs)} behind each time` : 'none'}</dd>
        <dt>Origin</dt><dd>${one.declared ? html`declared by the job's attribute${one.overridden ? html`, which says <code>${one.declared.cron}</code>, ${one.declared.timezone}` : ''}` : 'created at run time'}</dd>
        <dt>Payload</dt><dd>${one.payload ? html`<${JsonView} value=${one.payload} name="payload" />` : "the job's defaults"}</dd>
      </dl></${Panel}>
    </div>
    <${Runs} schedule=${one} />
    <${Recent} title="Recent executions of its job" filters=${{ jobId: one.jobId }} />
    ${editing && html`<${EditSchedule} schedule=${one} close=${() => setEditing(false)} />`}
  </div>`;
}

/** @param {{one: Schedule, edit: () => void}} properties */
function Acts({ one, edit }) {
  const act = async (/** @type {'pause' | 'resume' | 'run'} */ name) => {
    try {
      const answer = await api.actOnSchedule(one.id, name);
      if (name === 'run') toast('A run is enqueued.', answer.executionId ? { href: href(['executions', answer.executionId]) } : {});
      else toast(name === 'pause' ? 'Paused: its times pass without a run.' : 'Resumed.', { undo: () => void act(name === 'pause' ? 'resume' : 'pause') });
      touch();
    } catch (error) {
      failed(name, error);
    }
  };
  const path = `schedules/${encodeURIComponent(one.id)}`;
  return html`<div class="acts">
    <button onClick=${() => ask({
      title: `Run ${one.id} now?`, verb: 'Run it now', body: html`<p>An execution of ${one.jobId} is enqueued, beside the schedule's times. The next time stays as it is.</p>`,
      command: { method: 'POST', path: `${path}/run`, cli: `jobs schedules run ${one.id}` }, run: () => act('run'),
    })}>Run now</button>
    ${one.status === 'paused' ? html`<button class="primary" onClick=${() => act('resume')}>Resume</button>` : one.status === 'active' && html`<button onClick=${() => act('pause')}>Pause</button>`}
    <button onClick=${edit}>Edit</button>
    ${(!one.declared || one.status === 'absent') && html`<${Menu} label="More" title="More acts">
      <button class="danger" onClick=${() => ask({
      title: `Delete the schedule ${one.id}?`, verb: 'Delete it', danger: true, body: html`<p>Its times end and its history is gone. Executions that it created stay.</p>`,
      command: { method: 'DELETE', path, cli: `jobs schedules delete ${one.id}` },
      run: async () => {
        await api.removeSchedule(one.id);
        toast('The schedule is deleted.');
        go(href(['schedules']));
      },
    })}>Delete…</button></${Menu}>`}
  </div>`;
}

/** @param {{schedule: Schedule}} properties */
function Runs({ schedule }) {
  const runs = schedule.runs.slice(0, SHOWN);
  return html`<${Panel} title="Last runs" kind="table" aside=${runs.length > 0 && html`<${HistoryStrip} schedule=${schedule} />`}>${runs.length ? html`<${Table} label="Last runs" columns=${['Time', ['Fired', 'wide'], ['Outcome', 'grow']]}>${runs.map((run) => html`<tr key=${run.time + run.firedAt}>
      <td class="num">${full(run.time)}${run.manual ? html` <span class="tag">by hand</span>` : ''}</td><td class="wide">
      <${Time} at=${run.firedAt} /></td>
      <td class="grow"><div class="cell">${run.executionId ? html`<a class="mono cut" href=${href(['executions', run.executionId])}>${run.executionId}</a>` : html`<span class="wait">skipped</span>`}${run.skipped && html`<span class="muted cut">${run.skipped.detail}</span>`}</div>
        </td></tr>`)}</${Table}>` : html`<${Empty} title="It has not run yet." />`}</${Panel}>`;
}
