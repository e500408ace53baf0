// The policy of a job in words.
import { count, duration, sentence } from './format.js';

/** @typedef {import('./types.js').components['schemas']['JobView']} Job */

/** @param {Job} job */
function attempts(job) {
  if (job.maxAttempts <= 1) return '1 attempt, no retries';
  const delays = Array.from({ length: Math.min(job.maxAttempts - 1, 8) }, (_, n) => duration(job.retryDelaysMs[Math.min(n, job.retryDelaysMs.length - 1)]));
  const more = job.maxAttempts - 1 > delays.length ? ', …' : '';
  const jitter = job.retryJitter ? `, each varied by up to ${Math.round(job.retryJitter * 100)} %` : '';
  return `${job.maxAttempts} attempts: at once, then after ${delays.join(', ')}${more}${jitter}`;
}

/** @param {any} per */
const per = (per) => (per ? ` for each ${per}` : ' in the whole fleet');

/** @param {Job['limits']} limits @returns {[string, string][]} */
function limits(limits) {
  /** @type {[string, string][]} */
  const lines = [];
  const { maxConcurrent, rateLimit, unique, debounce, maxWaiting } = /** @type {any} */ (limits);
  if (maxConcurrent) {
    const weights = Object.entries(maxConcurrent.weights ?? {}).map(([key, weight]) => `${key} × ${weight}`).join(', ');
    lines.push(['Concurrency', `at most ${maxConcurrent.count} running${per(maxConcurrent.per)}${weights ? `; ${weights}` : ''}`]);
  }
  if (rateLimit) lines.push(['Rate', `at most ${count(rateLimit.count, 'start')} in ${duration(rateLimit.periodMs)}${per(rateLimit.per)}`]);
  if (unique) {
    const key = unique.by?.length ? `by ${unique.by.join(', ')}` : 'by the whole payload';
    const act = /** @type {Record<string, string>} */ ({ skip: 'a second one returns the first', replace: 'a second one replaces the payload of a waiting one', reject: 'a second one is rejected' })[unique.onConflict];
    lines.push(['Unique', `${key}${unique.withinMs ? ` within ${duration(unique.withinMs)}` : ''}: ${act}`]);
  }
  if (debounce) lines.push(['Debounce', `${duration(debounce.delayMs)} after the last${debounce.by?.length ? ` for each ${debounce.by.join(', ')}` : ''}${debounce.atMostMs ? `, at most ${duration(debounce.atMostMs)}` : ''}`]);
  if (maxWaiting) lines.push(['Backlog', `at most ${count(maxWaiting, 'execution')} may wait; more are refused`]);
  return lines;
}

/** The lines of a job's policy. @param {Job} job @returns {[string, string][]} */
export function policyOf(job) {
  const kept = job.retention;
  return [
    ['Attempts', attempts(job)],
    ['Timeout', job.timeoutMs == null ? 'none' : `${duration(job.timeoutMs)} for each attempt`],
    ['Queue', `${job.queue}, priority ${job.priority}`],
    ...limits(job.limits),
    ['Kept', kept.succeededMs === kept.failedMs && kept.failedMs === kept.cancelledMs ? duration(kept.succeededMs) : `succeeded ${duration(kept.succeededMs)}, failed ${duration(kept.failedMs)}, cancelled ${duration(kept.cancelledMs)}`],
    ...job.schedule.map((/** @type {any} */ rule) => /** @type {[string, string]} */ (['Schedule', `${sentence(rule.cron)}, ${rule.timezone}`])),
  ];
}

/** @type {Record<string, string>} */
export const HANDLERS = {
  linked: 'A worker of this fleet links its handler.',
  external: 'External: a worker in another program executes it.',
  absent: 'Absent: no running worker links its handler, so its executions wait.',
};
