// A group of failures: what its executions share, a sample, and the acts on all of them.
import { html } from '../lib/dom.js';
import { common } from '../lib/failure_groups.js';
import { number } from '../lib/format.js';
import { brief } from '../lib/json.js';
import { href } from '../lib/router.js';
import { Time } from './time.js';

/** @typedef {import('../lib/failure_groups.js').Group} Group */

/** @param {{group: Group, run: (group: Group, act: string, most?: number) => void}} properties */
export function FailureDetail({ group, run }) {
  const payloads = group.rows.map((row) => row.payload);
  const { same, differ } = common(payloads);
  const filters = group.fingerprint ? { jobId: group.jobId, errorFingerprint: group.fingerprint } : { jobId: group.jobId, status: 'failed' };
  return html`<div class="failure-detail stack">
    <pre class="error-text">${group.message}</pre>
    ${same.length + differ.length > 0 && html`<dl class="facts">
      ${same.length > 0 && html`<dt>Same in all</dt><dd>${same.slice(0, 12).map((name) => html`<span class="pair" key=${name}><code>${name}</code> ${brief(payloads[0][name], 80)}</span>`)}</dd>`}
      ${differ.length > 0 && html`<dt>Different</dt><dd>${differ.slice(0, 20).map((name) => html`<code class="pair" key=${name}>${name}</code>`)}</dd>`}
      ${group.versions && group.versions.length > 0 && html`<dt>Versions</dt><dd>${group.versions.map((one) => html`<span class="pair" key=${one.fingerprint}><code>${one.fingerprint.slice(0, 8)}</code> ${number(one.count)}</span>`)}</dd>`}
    </dl>`}
    <p class="muted">Sample: <a class="mono" href=${href(['executions', group.sample])}>${group.sample}</a>${group.rows[0] && html`, created <${Time} at=${group.rows[0].createdAt} />`} · <a href=${href(['executions'], filters)}>all as a list</a> · <a href=${href(['jobs', group.jobId])}>job</a></p>
    <div class="acts">
      <button class="primary" onClick=${() => run(group, 'retry')}>Retry all</button>
      ${group.count > 10 && html`<button onClick=${() => run(group, 'retry', 10)}>Retry ten first</button>`}
      <button class="danger" onClick=${() => run(group, 'delete')}>Delete all</button>
    </div>
  </div>`;
}
