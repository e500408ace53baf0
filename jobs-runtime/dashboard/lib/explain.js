// The reason for the status of an execution, in sentences.
import { html } from './dom.js';
import { count, duration, relative, shortId } from './format.js';
import { href } from './router.js';

/** @param {any} limit @param {number} now */
function limitWords(limit, now) {
  const name = html`<code>${limit.key}</code>`;
  const ahead = limit.ahead ? `, ${count(limit.ahead, 'execution')} before it` : '';
  const holders = (limit.holders ?? []).map((/** @type {any} */ one, /** @type {number} */ n) => html`${n ? ', ' : ''}<a href=${href(['executions', one.executionId])}>${shortId(one.executionId)}</a>${one.stuck ? ' (its handler outlives its attempt)' : ''}`);
  const held = holders.length ? html` Permits are held by ${holders}.` : '';
  if (limit.kind === 'concurrent') return html`Waits for one of ${count(limit.count, 'permit')} of ${name}${ahead}.${held}`;
  const free = limit.freeAt ? ` The next start is free ${relative(limit.freeAt, now)}.` : '';
  return html`Waits for the rate ${name}: ${count(limit.count, 'start')} in ${duration(limit.periodMs)}${ahead}.${free}${held}`;
}

/** @type {Record<string, (reason: any, now: number) => any>} */
const WORDS = {
  running: (reason, now) => html`Attempt ${reason.attempt} runs on <code>${reason.worker}</code>${reason.since && html` since ${relative(reason.since, now)}`}.`,
  cancel_requested: (reason, now) => html`Its cancellation was requested ${relative(reason.requestedAt, now)}; <code>${reason.worker}</code> still runs it until its handler returns or the grace is over.`,
  delayed: (reason, now) => `It was enqueued for later: due ${relative(reason.until, now)}.`,
  debounced: (reason, now) => `Debounced by ${duration(reason.delayMs)}: due ${relative(reason.until, now)} unless another one arrives.`,
  retry: (reason, now) => `Attempt ${reason.attempt} ended without success; the next one is due ${relative(reason.until, now)}.`,
  due: () => 'It is due; a worker moves it into the queue at its next look.',
  queue_paused: (reason, now) => html`Its queue <b>${reason.queue}</b> is paused since ${relative(reason.since, now)}${reason.because ? html`: ${reason.because}` : ''}.`,
  limited: (reason, now) => limitWords(reason.limit, now),
  awaiting_admission: () => 'It waits for the permit allocator, which looks within seconds.',
  no_worker: () => 'No worker is running. Start one with `run` or `work`.',
  external: () => 'Its job is external: it waits for a worker in another program.',
  job_disabled: () => 'Its job is disabled.',
  unknown_job: () => 'No running program knows its job.',
  no_worker_for_job: (reason) => html`No worker links its job. Running ${reason.workers.length === 1 ? 'is' : 'are'} ${reason.workers.join(', ')}.`,
  no_worker_for_queue: (reason) => html`No worker takes from its queue <b>${reason.queue}</b>. Running ${reason.workers.length === 1 ? 'is' : 'are'} ${reason.workers.join(', ')}.`,
  slot_cap_reached: (reason) => html`Every worker has reached its slot cap for ${reason.slotCaps.map((/** @type {any} */ one) => one.queue ?? one.jobIds?.join(', ')).join('; ')}.`,
  behind: (reason) => `${count(reason.ahead, 'execution')} of the queue ${reason.queue} ${reason.ahead === 1 ? 'is' : 'are'} before it.`,
  next: (reason) => `It is next: ${reason.workers.join(', ')} will claim it when a slot is free.`,
};

/** @param {import('./types.js').components['schemas']['Explanation']} explanation @param {number} now */
export function reasonWords(explanation, now) {
  const reason = /** @type {any} */ (explanation.reason);
  return WORDS[reason.code]?.(reason, now) ?? null;
}

/** The status in words, for the header of an execution. @param {any} execution @param {number} now */
export function statusWords(execution, now) {
  const { status, attempt, maxAttempts } = execution;
  const of = maxAttempts > 1 ? ` ${attempt} of ${maxAttempts}` : '';
  if (status === 'succeeded') return `Succeeded${attempt > 1 ? ` in attempt ${attempt}` : ''}${execution.durationMs != null ? ` after ${duration(execution.durationMs)}` : ''}`;
  if (status === 'failed') return `Failed${attempt > 1 ? ` after ${attempt} attempts` : ''}`;
  if (status === 'cancelled') return 'Cancelled';
  if (status === 'running') return execution.cancelRequestedAt ? `Asked to cancel in attempt${of}` : `Running${maxAttempts > 1 ? `, attempt${of}` : ''}`;
  if (status === 'pending' && execution.error) return `Attempt${of} failed, retries ${relative(execution.runAt, now)}`;
  if (status === 'pending') return `Due ${relative(execution.runAt, now)}`;
  return attempt > 0 ? `Queued again after attempt ${attempt}` : 'Queued';
}
