// One execution: status in words, timeline, payload, result or error, log, facts, acts.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { askCancel, askDelete, askErase, askRetry, isFinal, isRetryable, isWaiting } from '../lib/acts.js';
import { useData } from '../lib/data.js';
import { reasonWords, statusWords } from '../lib/explain.js';
import { duration, full, sentence } from '../lib/format.js';
import { useKeys } from '../lib/keys.js';
import { now } from '../lib/live.js';
import { failed } from '../lib/notices.js';
import { href } from '../lib/router.js';
import { Attempts } from '../parts/attempts.js';
import { Audit } from '../parts/audit.js';
import { Id, Menu, CopyAs } from '../parts/copying.js';
import { Difference } from '../parts/difference.js';
import { Facts } from '../parts/facts.js';
import { Family } from '../parts/family.js';
import { JsonView } from '../parts/json_view.js';
import { Lazy } from '../parts/lazy.js';
import { LogView } from '../parts/log_view.js';
import { Mark } from '../parts/status.js';
import { Empty, Failure, Panel, Progress, Show } from '../parts/states.js';
import { Elapsed } from '../parts/time.js';
import { Timeline } from '../parts/timeline.js';

/** @typedef {import('../lib/types.js').components['schemas']['ExecutionRecord']} Execution */

/** @type {Record<string, () => Promise<any>>} */
const DIALOGS = {
  edit: () => import('../parts/edit_execution.js').then((module) => module.EditExecution),
  retry: () => import('../parts/edit_execution.js').then((module) => module.RetryEdited),
};

/** @param {{path: string[]}} properties */
export default function ExecutionScreen({ path: [id] }) {
  const concerns = (/** @type {import('../lib/live.js').Changes} */ changes) => changes.other || changes.executions.has(id);
  const loaded = useData(`execution:${id}`, () => api.execution(id), { live: concerns, every: 250 });
  const one = loaded.data;
  const why = useData(one && !isFinal(one) ? `explain:${id}` : null, () => api.explain(id), { every: 1000 });
  const job = useData(one ? `job:${one.jobId}` : null, () => api.job(/** @type {Execution} */ (one).jobId), { live: false });
  if (loaded.error?.status === 404) return html`<${Empty} title="There is no execution with this id.">It was deleted or pruned, or the id is wrong. <a href=${href(['executions'])}>All executions</a>
    </${Empty}>`;
  if (!one) return html`<${Show} of=${loaded} what="The execution" lines=${10} />`;
  return html`<div class="screen">
    <${Header} one=${one} job=${job.data} why=${why.data} error=${loaded.error && { error: loaded.error, at: loaded.at }} />
    <${Panel} kind="life"><${Timeline} execution=${one} delays=${job.data?.retryDelaysMs ?? []} /></${Panel}>
    ${one.error && html`<${Panel} kind="error" title=${html`${one.status === 'failed' ? 'Error' : 'Error of the last attempt'} <span class="tag">${one.error.kind.replace('_', ' ')}</span>`}>
      <pre class="body error-text">${one.error.message}</pre></${Panel}>`}
    <div class="columns">
      <${Payload} one=${one} job=${job.data} />
      <${Result} one=${one} job=${job.data} />
    </div>
    ${(one.attempts?.length ?? 0) > 0 && html`<${Panel} kind="table" title="Attempts">
      <${Attempts} attempts=${one.attempts ?? []} /></${Panel}>`}
    <${Family} execution=${one} />
    <${Panel} title="Log"><${LogView} id=${id} isOpen=${!isFinal(one)} attempts=${one.attempt} /></${Panel}>
    <${Panel} title="Facts"><${Facts} execution=${one} /></${Panel}>
    <${Audit} of=${id} />
  </div>`;
}

/** @param {{one: Execution, job: any, why: any, error: any}} properties */
function Header({ one, job, why, error }) {
  const [editing, setEditing] = useState('');
  useKeys([
    { key: 'c', does: 'cancel', run: () => !isFinal(one) && askCancel(one) },
    { key: 'r', does: 'retry', run: () => isRetryable(one) && askRetry(one) },
    { key: 'e', does: 'edit while it waits, or retry with an edited payload', run: () => setEditing(isWaiting(one) ? 'edit' : isRetryable(one) ? 'retry' : '') },
  ]);
  const reason = why && reasonWords(why, now.value);
  return html`<header>
    <div>
      <p class="crumbs"><a href=${href(['executions'])}>Executions</a> / <a href=${href(['jobs', one.jobId])}>${one.jobId}</a> / <${Id} id=${one.id} />
        </p>
      <h1 class="status-words"><${Mark} status=${one.status} />
        <span>${statusWords(one, now.value)}</span>${one.status === 'running' && one.startedAt && html`<span class="muted figure">
        <${Elapsed} at=${one.startedAt} />${job?.timeoutMs ? ` of ${duration(job.timeoutMs)}` : ''}</span>`}</h1>
      ${one.status === 'running' && (one.progress > 0 || one.progressMessage) && html`<p class="row">
        <${Progress} value=${one.progress} /> ${one.progressMessage}</p>`}
      ${reason && html`<p>${reason}</p>`}
      ${error && html`<${Failure} ...${error} what="The execution" />`}
    </div>
    <div class="acts">
      ${!isFinal(one) && html`<button onClick=${() => askCancel(one)} disabled=${Boolean(one.cancelRequestedAt)}>${one.cancelRequestedAt ? 'Cancel requested' : 'Cancel'}</button>`}
      ${isWaiting(one) && html`<button onClick=${() => setEditing('edit')}>Edit</button>`}
      ${isRetryable(one) && html`<button class="primary" onClick=${() => askRetry(one)}>Retry</button>
        <button onClick=${() => setEditing('retry')}>Edit and retry</button>`}
      <${Menu} label="More" title="More acts">
        <a href=${href(['jobs', one.jobId], { from: one.id })}>Trigger another like it</a>
        <a href=${href(['executions'], { jobId: one.jobId })}>All executions of this job</a>
        ${isFinal(one) && html`<hr />
          <button onClick=${() => askErase(one)} disabled=${Boolean(one.erased)}>Erase its data…</button>
          <button class="danger" onClick=${() => askDelete(one)}>Delete…</button>`}
        <hr /><span class="menu-note">
          <${CopyAs} command=${{ method: 'GET', path: `executions/${one.id}`, cli: `jobs execution ${one.id}` }} />
          </span>
      </${Menu}>
    </div>
    ${editing && html`<${Lazy} key=${editing} load=${DIALOGS[editing]} properties=${{ execution: one, job, close: () => setEditing('') }} />`}
  </header>`;
}

/** @param {{one: Execution, job: any}} properties */
function Payload({ one, job }) {
  const [compare, setCompare] = useState(false);
  const [revealed, setRevealed] = useState(/** @type {any} */ (null));
  const isHidden = job?.sensitive?.length > 0 && !one.erased;
  const reveal = () => api.execution(one.id, { reveal: true }).then((shown) => setRevealed(shown.payload), (error) => failed('Reveal', error));
  const aside = !one.erased && html`<span class="tabs">
    ${isHidden && html`<button class="small" aria-pressed=${Boolean(revealed)} title="Shows the sensitive fields. The audit log records it."
      onClick=${() => (revealed ? setRevealed(null) : reveal())}>${revealed ? 'Hide' : 'Reveal'}</button>`}
    <button class="small" aria-pressed=${!compare} onClick=${() => setCompare(false)}>Value</button>
    <button class="small" aria-pressed=${compare} onClick=${() => setCompare(true)}>Difference to the last success</button></span>`;
  const erased = one.erased && html`<p class="muted">Erased ${full(one.erased.at)}${one.erased.by ? html` by ${one.erased.by}` : ''}.</p>`;
  return html`<${Panel} title="Payload" aside=${aside}><div class="body">
    ${erased || (compare ? html`<${Difference} execution=${one} />` : html`<${JsonView} value=${revealed ?? one.payload} schema=${job?.payloadSchema} name="payload" />`)}
  </div></${Panel}>`;
}

/** @param {{one: Execution, job: any}} properties */
function Result({ one, job }) {
  const empty = one.status === 'succeeded' ? 'Its handler returned nothing.' : isFinal(one) ? `It ${one.status === 'cancelled' ? 'was cancelled' : 'failed'}, so there is no result.` : `${sentence(one.status)}: there is no result yet.`;
  return html`<${Panel} title="Result"><div class="body">
    ${one.result == null ? html`<p class="muted">${one.erased ? 'Erased.' : empty}</p>` : html`<${JsonView} value=${one.result} schema=${job?.resultSchema} name="result" />`}
  </div></${Panel}>`;
}
