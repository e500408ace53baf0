// Schedules: what runs when, in words; create one.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { cronWords } from '../lib/cron_words.js';
import { useData } from '../lib/data.js';
import { inZone } from '../lib/format.js';
import { href } from '../lib/router.js';
import { EditSchedule } from '../parts/edit_schedule.js';
import { ScheduleState } from '../parts/schedule_state.js';
import { Empty, Panel, Show } from '../parts/states.js';
import { opens, Table } from '../parts/table.js';
import { Time } from '../parts/time.js';

/** @typedef {import('../lib/types.js').components['schemas']['ScheduleView']} Schedule */

const COLUMNS = ['Schedule', ['When', 'grow'], 'Job', 'State', ['Next', 'right']];

export default function Schedules() {
  const loaded = useData('schedules', () => api.schedules(), { every: 3000 });
  const [creating, setCreating] = useState(false);
  return html`<div class="screen">
    <header><div><h1>Schedules</h1></div><div class="acts">
      <button class="primary" onClick=${() => setCreating(true)}>New schedule</button></div></header>
    <${Show} of=${loaded} what="The list of schedules">${(/** @type {{schedules: Schedule[]}} */ { schedules }) => (schedules.length
      ? html`<${Panel} kind="table"><${Table} label="Schedules" kind="executions schedules" columns=${COLUMNS}>${schedules.map((one) => html`<tr key=${one.id} onClick=${opens(href(['schedules', one.id]))}>
          <td class="c-job"><div class="cell"><a class="cut" href=${href(['schedules', one.id])}>${one.id}</a>
            </div></td>
          <td class="grow"><div class="cell">
            <span class="cut" title=${one.cron}>${cronWords(one.cron)}, ${one.timezone}</span></div></td>
          <td class="c-queue"><div class="cell">
            <a class="cut" href=${href(['jobs', one.jobId])}>${one.jobId}</a></div></td>
          <td class="c-status"><${ScheduleState} schedule=${one} /></td>
          <td class="right c-created">${one.nextTime ? html`<span title=${inZone(one.nextTime, one.timezone)}>
            <${Time} at=${one.nextTime} /></span>` : html`<span class="muted">–</span>`}</td>
        </tr>`)}</${Table}></${Panel}>`
      : html`<${Panel}><${Empty} title="There are no schedules.">Declare one with <code>schedule = "0 3 * * *"</code> in a job's attribute, or create one here.</${Empty}>
        </${Panel}>`)}</${Show}>
    ${creating && html`<${EditSchedule} close=${() => setCreating(false)} />`}
  </div>`;
}
