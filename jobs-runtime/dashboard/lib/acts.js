// Acts on one execution: which apply, what they change, and their commands.
import { html } from './dom.js';
import { api } from './api.js';
import { rustText } from './commands.js';
import { href, go } from './router.js';
import { ask, toast } from './notices.js';

/** @typedef {import('./types.js').components['schemas']['ExecutionRecord']} Execution */

/** @param {string} method @param {string} id @param {string} act @param {string} cli @param {string} [rust] @returns {import('./commands.js').Command} */
const command = (method, id, act, cli, rust) => ({
  method, path: `executions/${id}${act}`, cli: `jobs ${cli} ${id}`,
  rust: rust && `runtime.service().${rust}(${rustText(id)}.parse()?).await?`,
});

export const isFinal = (/** @type {Execution} */ one) => ['succeeded', 'failed', 'cancelled'].includes(one.status);
export const isWaiting = (/** @type {Execution} */ one) => ['pending', 'queued'].includes(one.status);
export const isRetryable = (/** @type {Execution} */ one) => ['failed', 'cancelled'].includes(one.status) && !one.erased;

/** @param {Execution} one */
export function askCancel(one) {
  ask({
    title: `Cancel this execution of ${one.jobId}?`, verb: 'Cancel it', danger: true,
    body: one.status === 'running'
      ? html`<p>Its worker is asked to stop. The handler sees the request within a second and has its grace to end. If it returns a value in that time, the execution still succeeds.</p>`
      : html`<p>It ends now and does not run. A retry can queue it again under the same id.</p>`,
    command: command('POST', one.id, '/cancel', 'cancel', 'cancel'),
    run: async () => {
      const answer = await api.cancel(one.id);
      toast(answer.cancelRequested ? 'Its worker is asked to end it.' : 'Cancelled.');
    },
  });
}

/** @param {Execution} one */
export function askRetry(one) {
  ask({
    title: `Retry this execution of ${one.jobId}?`, verb: 'Retry it',
    body: html`<p>It is queued again under the same id and with the same payload. Attempt numbers go on at ${one.attempt + 1}, with a whole budget of ${one.maxAttempts}.</p>
      <p>Progress, result and error are cleared; the attempts and their logs stay.</p>`,
    command: command('POST', one.id, '/retry', 'retry'),
    run: async () => {
      await api.retry(one.id);
      toast('Queued again.');
    },
  });
}

/** @param {Execution} one */
export function askDelete(one) {
  ask({
    title: `Delete this execution of ${one.jobId}?`, verb: 'Delete it', danger: true,
    body: html`<p>Its payload, result, attempts and log are gone for good.</p>`,
    command: command('DELETE', one.id, '', 'delete', 'delete'),
    run: async () => {
      await api.remove(one.id);
      toast('Deleted.');
      go(href(['executions']));
    },
  });
}

/** @param {Execution} one */
export function askErase(one) {
  ask({
    title: 'Erase its data?', verb: 'Erase the data', danger: true,
    body: html`<p>The payload, the results and the log are removed for good. The record stays: job, times, attempts and outcomes. An erased execution cannot be retried.</p>`,
    command: command('POST', one.id, '/erase', 'erase'),
    run: async () => {
      await api.erase(one.id);
      toast('Its data is erased.');
    },
  });
}
