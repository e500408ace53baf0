// The dialog that creates or changes a schedule.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { quote, withFlags } from '../lib/commands.js';
import { cronWords } from '../lib/cron_words.js';
import { useData } from '../lib/data.js';
import { touch } from '../lib/live.js';
import { toast } from '../lib/notices.js';
import { go, href } from '../lib/router.js';
import { Dialog, DialogFoot } from './dialog.js';
import { Labelled } from './labelled.js';
import { NextTimes } from './next_times.js';
import { RawJson } from './raw_json.js';

/** The flags of `jobs schedules create`. */
const FLAGS = { timezone: '--timezone', catchUp: '--catch-up', overlap: '--overlap', jitterMs: '--jitter', payload: '--payload' };

/** The zones of the browser, for the list of proposals. @returns {string[]} */
function zones() {
  const all = /** @type {any} */ (Intl).supportedValuesOf?.('timeZone') ?? [];
  return ['UTC', ...all];
}

/** @param {{schedule?: any, close: () => void}} properties */
export function EditSchedule({ schedule: latest, close }) {
  // As it was when the dialog opened: only what the viewer changed is sent.
  const [schedule] = useState(latest);
  const before = schedule ?? { id: '', jobId: '', cron: '0 3 * * *', timezone: Intl.DateTimeFormat().resolvedOptions().timeZone, catchUp: 'one', overlap: 'skip', jitterMs: 0, payload: null };
  const jobs = useData('jobs:all', () => api.jobs({ limit: 1000 }), { live: false });
  const [fields, setFields] = useState(/** @type {Record<string, any>} */ ({ ...before }));
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const set = (/** @type {string} */ name) => (/** @type {any} */ event) => setFields({ ...fields, [name]: event.target.value });
  /** @type {Record<string, any>} */
  const body = schedule ? {} : { id: fields.id, jobId: fields.jobId };
  for (const name of ['cron', 'timezone', 'catchUp', 'overlap']) if (!schedule || fields[name] !== before[name]) body[name] = fields[name];
  if (Number(fields.jitterMs) !== before.jitterMs) body.jitterMs = Number(fields.jitterMs);
  if (fields.payload && JSON.stringify(fields.payload) !== JSON.stringify(before.payload)) body.payload = fields.payload;
  const mistake = (/** @type {string} */ name) => problem?.problem?.violations?.find((/** @type {any} */ one) => one.pointer === `/${name}` || one.pointer === name)?.message;
  const field = (/** @type {string} */ name, /** @type {string} */ label, /** @type {any} */ control, hint = '') => html`<${Labelled} id=${`schedule-${name}`} label=${label} hint=${hint} mistake=${mistake(name)}>${control}</${Labelled}>`;
  const shared = (/** @type {string} */ name) => ({ id: `schedule-${name}`, value: fields[name], onInput: set(name), 'aria-invalid': mistake(name) ? 'true' : undefined });
  const save = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      if (schedule) await api.editSchedule(schedule.id, JSON.stringify(body));
      else await api.createSchedule(JSON.stringify(body));
      toast(schedule ? 'The schedule is changed.' : 'The schedule is created.');
      touch();
      close();
      if (!schedule) go(href(['schedules', fields.id]));
    } catch (error) {
      setProblem(error);
    }
  };
  const words = cronWords(fields.cron);
  return html`<${Dialog} title=${schedule ? `Edit ${schedule.id}` : 'New schedule'} close=${close} wide=${true}>
    <form class="stack" onSubmit=${save}>
      ${problem && html`<div class="notice bad" role="alert"><div>${problem.message}</div></div>`}
      ${!schedule && html`<div class="columns">${field('id', 'Id', html`<input ...${shared('id')} autofocus required />`)}
        ${field('jobId', 'Job', html`<select ...${shared('jobId')} required>
          <option value="">choose…</option>${jobs.data?.jobs.map((job) => html`<option key=${job.id} value=${job.id}>${job.id}</option>`)}</select>`)}</div>`}
      <div class="columns">${field('cron', 'Cron expression', html`<input class="mono" ...${shared('cron')} required />`, words === fields.cron ? 'minute, hour, day, month, day of the week; with seconds first if there are six' : `${words}.`)}
        ${field('timezone', 'Time zone', html`<input ...${shared('timezone')} list="zones" required />
          <datalist id="zones">${zones().map((zone) => html`<option key=${zone} value=${zone} />`)}</datalist>`)}</div>
      <${NextTimes} cron=${fields.cron} timezone=${fields.timezone} />
      <div class="columns">${field('catchUp', 'Missed times', html`<input ...${shared('catchUp')} list="catch-up" />
        <datalist id="catch-up"><option value="none" /><option value="one" /><option value="all(24)" />
        </datalist>`, 'none, one or all(24)')}
        ${field('overlap', 'While an earlier run is not final', html`<select ...${shared('overlap')}>
          <option value="skip">skip the time</option><option value="queue">wait for the run</option>
          <option value="allow">run at once</option></select>`)}
        ${field('jitterMs', 'Largest random delay, in milliseconds', html`<input ...${shared('jitterMs')} inputmode="numeric" />`)}</div>
      <div class="field"><span class="label">Payload; empty for the job's defaults</span>
        <${RawJson} value=${fields.payload ?? undefined} label="Payload of the schedule" change=${(/** @type {any} */ payload) => setFields({ ...fields, payload })} />${mistake('payload') && html`<span class="mistake">${mistake('payload')}</span>`}</div>
      <${DialogFoot} command=${schedule ? { method: 'PATCH', path: `schedules/${encodeURIComponent(schedule.id)}`, body, cli: withFlags(`jobs schedules edit ${quote(schedule.id)}`, body, { cron: '--cron', ...FLAGS }) }
        : { method: 'POST', path: 'schedules', body, cli: withFlags(`jobs schedules create ${[fields.id, fields.jobId, fields.cron].map(quote).join(' ')}`, body, FLAGS) }} close=${close} verb=${schedule ? 'Save' : 'Create'} disabled=${schedule && !Object.keys(body).length} />
    </form>
  </${Dialog}>`;
}
