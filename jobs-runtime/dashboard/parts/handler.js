// The state of a job's handler: mark and word.
import { html } from '../lib/dom.js';
import { HANDLERS } from '../lib/policy.js';

/** @type {Record<string, string>} */
const TONES = { linked: 'ok', external: 'run', absent: 'wait' };

/** @param {{job: import('../lib/types.js').components['schemas']['JobView']}} properties */
export function Handler({ job }) {
  if (!job.enabled) return html`<span class="status" title="The job is disabled: it accepts no executions.">
    <span class="square off"></span><span class="tone off">disabled</span></span>`;
  return html`<span class="status" title=${HANDLERS[job.handler]}><span class="square ${TONES[job.handler]}">
    </span><span class="tone ${TONES[job.handler]}">${job.handler}</span></span>`;
}
