// A group of failures: what its executions share, a sample, and the acts on all of them.
import { html } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { common } from '../lib/failure_groups.js';
import { number } from '../lib/format.js';
import { brief } from '../lib/json.js';
import { href } from '../lib/router.js';
import { Time } from './time.js';

/** @typedef {import('../lib/failure_groups.js').Group} Group */

const SAMPLES = 50;

/** @param {{group: Group, run: (group: Group, act: string, rows: any[] | null) => void}} properties */
export function FailureDetail({ group, run }) {
  const fetched = useData(`group:${group.key}`, () => api.executions({ jobId: group.jobId, status: 'failed', errorFingerprint: group.fingerprint, limit: SAMPLES }), { live: false });
  const rows = fetched.data?.executions ?? [];
  const payloads = rows.map((row) => row.payload);
  const { same, differ } = common(payloads);
  const { versions } = group;
  const known = versions.reduce((sum, one) => sum + one.count, 0);
  const filters = { jobId: group.jobId, errorFingerprint: group.fingerprint };
  return html`<div class="failure-detail stack">
    <pre class="error-text">${group.message}</pre>
    ${(same.length + differ.length > 0 || versions.length > 0) && html`<dl class="facts">
      ${same.length > 0 && html`<dt>Same in ${rows.length < group.count ? `the last ${rows.length}` : 'all'}</dt>
        <dd>${same.slice(0, 12).map((name) => html`<span class="pair" key=${name}>
        <code>${name}</code> ${brief(payloads[0][name], 80)}</span>`)}</dd>`}
      ${differ.length > 0 && html`<dt>Different</dt>
        <dd>${differ.slice(0, 20).map((name) => html`<code class="pair" key=${name}>${name}</code>`)}</dd>`}
      ${versions.length > 0 && html`<dt>Versions of the job</dt>
        <dd>${versions.map((one) => html`<span class="pair" key=${one.fingerprint}><b class="num">${number(one.count)}</b> under <code title=${one.fingerprint}>${one.fingerprint.slice(0, 8)}</code>, ${one.current ? 'the present one' : html`published <${Time} at=${one.publishedAt} />`}</span>`)}
          ${known < group.count && html`<span class="pair">${number(group.count - known)} under an unknown one</span>`}</dd>`}
    </dl>`}
    <p class="muted">Sample: <a class="mono" href=${href(['executions', group.sample])}>${group.sample}</a>${rows[0] && html`, created <${Time} at=${rows[0].createdAt} />`} · <a href=${href(['executions'], filters)}>all as a list</a> · <a href=${href(['jobs', group.jobId])}>job</a>
      </p>
    <div class="acts">
      <button class="primary" onClick=${() => run(group, 'retry', null)}>Retry all</button>
      ${group.count > 10 && rows.length >= 10 && html`<button onClick=${() => run(group, 'retry', rows.slice(0, 10))}>Retry ten first</button>`}
      <button class="danger" onClick=${() => run(group, 'delete', null)}>Delete all</button>
    </div>
  </div>`;
}
