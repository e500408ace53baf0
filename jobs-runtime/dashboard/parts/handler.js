// The state of a job's handler: mark and word.
import { html } from '../lib/dom.js';
import { HANDLERS } from '../lib/policy.js';
import { Tone } from './status.js';

/** @type {Record<string, string>} */
const TONES = { linked: 'ok', external: 'run', absent: 'wait' };

/** @param {{job: import('../lib/types.js').components['schemas']['JobView']}} properties */
export function Handler({ job }) {
  if (!job.enabled) return html`<${Tone} tone="off" word="disabled" title="The job is disabled: it accepts no executions." />`;
  return html`<${Tone} tone=${TONES[job.handler]} word=${job.handler} title=${HANDLERS[job.handler]} />`;
}
