// The next times of a rule that is typed, where the server computes them without storing it.
import { html, useEffect, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { full, inZone } from '../lib/format.js';
import { useFeatures } from '../lib/features.js';

/** @param {{schedule: any, body: Record<string, any>, fields: Record<string, any>}} properties */
export function NextTimes({ schedule, body, fields }) {
  const features = useFeatures();
  const route = schedule ? 'PATCH /schedules/{id}' : 'POST /schedules';
  const canCheck = features.takes(route, 'dryRun');
  const [times, setTimes] = useState(/** @type {string[] | null} */ (null));
  const [mistake, setMistake] = useState('');
  const asked = JSON.stringify(schedule ? { ...body, dryRun: true } : { ...body, id: body.id || 'preview', dryRun: true });
  useEffect(() => {
    if (!canCheck) return undefined;
    const timer = setTimeout(() => {
      const answer = schedule ? api.editSchedule(schedule.id, asked) : api.createSchedule(asked);
      answer.then(
        (details) => (setTimes(details.nextTimes), setMistake('')),
        (error) => (setTimes(null), setMistake(error.message)),
      );
    }, 350);
    return () => clearTimeout(timer);
  }, [asked, canCheck]);
  if (!canCheck) return html`<p class="hint muted">The page of the schedule shows its next five times once it is saved.</p>`;
  if (!times) return html`<p class="hint ${mistake ? 'bad' : 'muted'}">${mistake || 'Next times…'}</p>`;
  return html`<ol class="next-times" aria-label="Next times">${times.map((at) => html`<li key=${at} class="num">${inZone(at, fields.timezone)}<span class="muted"> · ${full(at)}</span></li>`)}</ol>`;
}
