// The state of a schedule: mark and word.
import { html } from '../lib/dom.js';
import { Tone } from './status.js';

/** @param {{schedule: any}} properties */
export function ScheduleState({ schedule }) {
  const [tone, word, title] = schedule.status === 'active'
    ? ['ok', 'active', 'Its times create executions.']
    : schedule.status === 'paused'
      ? ['wait', 'paused', 'Its times pass without a run until it is resumed.']
      : ['bad', 'absent', `Its ${schedule.absent === 'job' ? 'job' : 'declaration'} is gone, so its times pass without a run.`];
  return html`<${Tone} tone=${tone} word=${word} title=${title} />${schedule.overridden ? html` <span class="tag" title="An operator has changed the rule of the attribute.">changed</span>` : ''}`;
}
