// The dialog of a bulk operation: the preview of the server, then its progress.
import { html, useEffect, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { consequenceWords, operationWords } from '../lib/bulk_words.js';
import { bulkCli } from '../lib/commands.js';
import { useData } from '../lib/data.js';
import { number, percent } from '../lib/format.js';
import { touch } from '../lib/live.js';
import { failed } from '../lib/notices.js';
import { href } from '../lib/router.js';
import { isReadOnly } from '../lib/session.js';
import { Dialog, DialogFoot } from './dialog.js';
import { Failure, Progress, Skeleton } from './states.js';
import { Status } from './status.js';

/** @param {{act: import('../lib/bulk_words.js').BulkAct, filter: Record<string, any>, close: () => void, done?: () => void}} properties */
export function OperationDialog({ act, filter, close, done }) {
  const [preview, setPreview] = useState(/** @type {any} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [started, setStarted] = useState(/** @type {any} */ (null));
  const body = { act: act.act, filter };
  useEffect(() => {
    api.startOperation({ ...body, dryRun: true }).then(setPreview, setError);
  }, []);
  const start = async () => {
    try {
      setStarted(await api.startOperation(body));
      done?.();
      touch();
    } catch (problem) {
      setError(problem);
    }
  };
  const total = preview ? `${preview.exact ? '' : 'at least '}${number(preview.count)}` : '';
  const changes = preview?.consequences.filter((/** @type {any} */ one) => one.effect !== 'skipped').reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.count, 0) ?? 0;
  return html`<${Dialog} title="${act.verb} ${total ? `${total} executions` : ''}" close=${close} wide=${true}>
    ${error && html`<${Failure} error=${error} what="The preview" />`}
    ${started ? html`<${Running} id=${started.id} close=${close} />` : !preview ? !error && html`<${Skeleton} lines=${4} />` : html`
      <div class="prose"><p>${act.means}</p>
        <ul>${preview.consequences.map((/** @type {any} */ one) => html`<li key=${one.status + one.effect} class=${one.effect === 'skipped' ? 'muted' : ''}>${consequenceWords(one)}</li>`)}</ul>
        ${!preview.exact && html`<p class="muted">The preview examined a bounded number of executions; the operation takes all that match.</p>`}
        ${preview.sample.length > 0 && html`<details><summary>The newest of them</summary>
          <ul class="sample">${preview.sample.map((/** @type {any} */ one) => html`<li key=${one.id ?? one.executionId}>
          <${Status} status=${one.status} /> <a class="mono" href=${href(['executions', one.id ?? one.executionId])} target="_blank" rel="noopener">${one.id ?? one.executionId}</a> ${one.jobId}</li>`)}</ul>
          </details>`}
      </div>
      ${isReadOnly() && html`<p class="notice wait refusal">Your role sees this and may not do it.</p>`}
      <${DialogFoot} command=${{ method: 'POST', path: 'operations', body, cli: bulkCli(act.act, filter) }} keep="Keep them as they are" close=${close} verb=${`${act.verb} ${number(changes)}${preview.exact ? '' : ' or more'}`} danger=${act.danger} disabled=${!changes || isReadOnly()} run=${start} />`}
  </${Dialog}>`;
}

/** @param {{id: string, close: () => void}} properties */
function Running({ id, close }) {
  const { data: one } = useData(`operation:${id}`, () => api.operation(id), { every: 300 });
  useEffect(() => {
    const timer = setInterval(touch, 500);
    return () => clearInterval(timer);
  }, []);
  if (!one) return html`<${Skeleton} lines=${2} />`;
  const share = one.expected ? Math.min(100, Math.round(((one.changed + one.skipped) / one.expected) * 100)) : 100;
  return html`<div class="prose" role="status"><p>
    <b>${one.status === 'running' ? 'Under way' : one.status === 'done' ? 'Done' : 'Cancelled'}:</b> ${operationWords(one)}.</p>
    <${Progress} value=${one.status === 'done' ? 100 : share} label="Progress of the operation" />
    ${Object.entries(one.skippedBy ?? {}).map(([reason, n]) => html`<p class="muted" key=${reason}>${number(Number(n))} skipped: ${reason} (${percent(Number(n), one.changed + one.skipped)})</p>`)}
    <p class="muted">It goes on without this page; the screen System lists it.</p></div>
    <footer class="dialog-foot"><span class="spring">
      </span>${one.status === 'running' && html`<button class="danger" onClick=${() => api.cancelOperation(id).catch((error) => failed('Stop', error))}>Stop it</button>`}<button class="primary" onClick=${close}>Close</button>
      </footer>`;
}
