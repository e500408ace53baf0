// The matters that need attention, most urgent first, each with its one next act.
import { count, duration, number, relative } from './format.js';
import { href } from './router.js';

/** @typedef {{tone: 'bad' | 'wait', text: string, act: string, href: string}} Concern */

/** Some names, and the number of the others. @param {string[]} names */
function some(names) {
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${count(names.length - 3, 'more job')}` : names.join(', ');
}

/** An attempt may end this long after its timeout, or after it was asked to end. */
const LATE_MS = 30_000;

/** Why a running execution should have ended; empty if it need not. @param {any} one @param {any[]} jobs @param {number} now */
function overdue(one, jobs, now) {
  const asked = one.cancelRequestedAt ? now - Date.parse(one.cancelRequestedAt) : 0;
  if (asked > LATE_MS) return `was asked to end ${duration(asked)} ago`;
  const ran = one.startedAt ? now - Date.parse(one.startedAt) : 0;
  const timeout = jobs.find((job) => job.id === one.jobId)?.timeoutMs;
  return timeout && ran > timeout + LATE_MS ? `has run for ${duration(ran)}, and its timeout is ${duration(timeout)}` : '';
}

/**
 * @param {{health?: any, processes?: any[], queues?: any[], jobs?: any[], schedules?: any[], running?: any[], failed?: {count: number, more: boolean, jobs: string[]}}} known
 * @param {number} now
 * @returns {Concern[]}
 */
export function concernsOf({ health, processes, queues, jobs, schedules, running, failed }, now) {
  /** @type {Concern[]} */
  const list = [];
  for (const check of health?.checks ?? []) {
    if (check.status === 'failing') list.push({ tone: 'bad', text: `The part “${check.name}” fails: ${check.detail}.`, act: 'See the system', href: href(['system']) });
  }
  const waiting = (queues ?? []).reduce((sum, queue) => sum + queue.ready + queue.blocked, 0);
  if (processes && !processes.length) list.push({ tone: waiting ? 'bad' : 'wait', text: `No worker is running${waiting ? `, and ${count(waiting, 'execution')} wait` : ''}.`, act: 'See the system', href: href(['system']) });
  for (const process of processes ?? []) {
    if (now - Date.parse(process.renewedAt) > 30_000) list.push({ tone: 'bad', text: `The worker ${process.worker} has not renewed its session for ${duration(now - Date.parse(process.renewedAt))}.`, act: 'See the processes', href: href(['system']) });
  }
  for (const one of running ?? []) {
    const why = overdue(one, jobs ?? [], now);
    if (why) list.push({ tone: 'bad', text: `An attempt of ${one.jobId} ${why}.`, act: 'See the execution', href: href(['executions', one.id]) });
  }
  if (failed?.count) list.push({ tone: 'bad', text: `${failed.more ? `At least ${number(failed.count)} executions` : count(failed.count, 'execution')} failed in the last hour: ${some(failed.jobs)}.`, act: 'See the failures', href: href(['failures'], { period: '1h' }) });
  for (const queue of queues ?? []) {
    if (queue.pausedAt) list.push({ tone: 'wait', text: `The queue ${queue.queue} is paused for ${duration(now - Date.parse(queue.pausedAt))}${queue.pauseReason ? ` (${queue.pauseReason})` : ''}${queue.ready ? `, and ${count(queue.ready, 'execution')} wait in it` : ''}.`, act: 'See the queue', href: href(['queues']) });
  }
  const absent = (jobs ?? []).filter((job) => job.handler === 'absent' && job.enabled);
  if (absent.length && processes?.length) list.push({ tone: 'wait', text: `No running worker links ${some(absent.map((job) => job.id))}.`, act: 'See the jobs', href: href(['jobs'], { q: 'absent' }) });
  for (const schedule of schedules ?? []) {
    if (schedule.status === 'absent') list.push({ tone: 'wait', text: `The schedule ${schedule.id} is absent: its ${schedule.absent} is gone.`, act: 'See the schedule', href: href(['schedules', schedule.id]) });
    else if (schedule.nextTime && now - Date.parse(schedule.nextTime) > 60_000) list.push({ tone: 'bad', text: `The schedule ${schedule.id} is overdue: its time was ${relative(schedule.nextTime, now)}.`, act: 'See the schedule', href: href(['schedules', schedule.id]) });
  }
  return list;
}
