// The difference between a payload and the payload of the last success of the same job.
import { html } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { brief, difference } from '../lib/json.js';
import { href } from '../lib/router.js';
import { Show } from './states.js';
import { Time } from './time.js';

/** @typedef {import('../lib/types.js').components['schemas']['ExecutionRecord']} Execution */

/** @param {{execution: Execution}} properties */
export function Difference({ execution }) {
  const { jobId } = execution;
  const last = useData(`success:${jobId}`, async () => (await api.executions({ jobId, status: 'succeeded', limit: 2 })).executions, { live: false });
  return html`<${Show} of=${last} what="The last success" lines=${2}>${(/** @type {Execution[]} */ list) => {
    const success = list.find((one) => one.id !== execution.id);
    if (!success) return html`<p class="muted">No other execution of this job has succeeded.</p>`;
    const changes = difference(success.payload, execution.payload);
    return html`<p class="muted">Against the <a href=${href(['executions', success.id])}>last success</a>, <${Time} at=${success.finishedAt} />:</p>
      ${changes.length === 0 ? html`<p>The payloads are equal.</p>` : html`<ul class="changes">${changes.slice(0, 100).map((one) => html`<li key=${one.pointer}>
        <code>${one.pointer || '/'}</code>
        ${one.kind !== 'added' && html`<del>${brief(one.before, 300)}</del>`}
        ${one.kind !== 'removed' && html`<ins>${brief(one.after, 300)}</ins>`}</li>`)}
        ${changes.length > 100 && html`<li class="muted">and ${changes.length - 100} more</li>`}</ul>`}`;
  }}</${Show}>`;
}
