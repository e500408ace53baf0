// The last runs of a schedule as marks, oldest first.
import { html } from '../lib/dom.js';
import { full } from '../lib/format.js';
import { href } from '../lib/router.js';
import { TONES } from './status.js';

/** @typedef {import('../lib/types.js').components['schemas']['ScheduleDetails']} Schedule */

/** @param {{schedule: Schedule}} properties */
export function HistoryStrip({ schedule: { runs, runStatuses } }) {
  const marks = runs.map((run, n) => {
    const status = run.executionId ? runStatuses?.[n] ?? 'deleted' : 'skipped';
    const words = `${full(run.time)}${run.manual ? ', by hand' : ''}: ${status}${run.skipped ? `, ${run.skipped.detail}` : ''}`;
    const tone = status === 'skipped' ? 'skipped' : TONES[status] ?? 'gone';
    return run.executionId
      ? html`<a key=${run.time + run.firedAt} class="mark-of-run ${tone}" href=${href(['executions', run.executionId])} title=${words} aria-label=${words}></a>`
      : html`<span key=${run.time + run.firedAt} class="mark-of-run ${tone}" role="img" title=${words} aria-label=${words}></span>`;
  });
  return html`<div class="strip">${marks.reverse()}</div>`;
}
