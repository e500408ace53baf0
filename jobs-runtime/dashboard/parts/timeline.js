// The life of an execution, left to right: waits, attempts, and the retries that are planned.
import { html } from '../lib/dom.js';
import { isFinal } from '../lib/acts.js';
import { clock, duration, full } from '../lib/format.js';
import { now } from '../lib/live.js';
import { TONES } from './status.js';

/** @typedef {import('../lib/types.js').components['schemas']['ExecutionRecord']} Execution */
/** @typedef {{kind: 'wait' | 'attempt' | 'plan' | 'skip', ms: number, label: string, title: string, tone?: string, live?: boolean}} Piece */

const MOST = 12;
const MOST_PLANNED = 4;

/** The pieces of the line. @param {Execution} one @param {number[]} delays of the job's retry list @param {number} at */
function pieces(one, delays, at) {
  /** @type {Piece[]} */
  const list = [];
  const attempts = one.attempts ?? [];
  const shown = attempts.slice(-MOST);
  if (shown.length < attempts.length) {
    list.push({ kind: 'skip', ms: 0, label: `${attempts.length - shown.length} earlier`, title: 'Earlier attempts are in the table below' });
  }
  let last = Date.parse(shown.length < attempts.length ? attempts[attempts.length - shown.length - 1].finishedAt ?? one.createdAt : one.createdAt);
  for (const attempt of shown) {
    const start = Date.parse(attempt.startedAt);
    const end = attempt.finishedAt ? Date.parse(attempt.finishedAt) : at;
    if (start - last >= 1) list.push({ kind: 'wait', ms: start - last, label: `waited ${duration(start - last)}`, title: `Waited ${duration(start - last)}, until ${full(attempt.startedAt)}` });
    const outcome = attempt.outcome ?? 'running';
    const words = `${attempt.number} · ${outcome.replace('_', ' ')} · ${duration(end - start)}`;
    list.push({ kind: 'attempt', ms: Math.max(1, end - start), label: words, title: `Attempt ${words} on ${attempt.worker}, from ${full(attempt.startedAt)}`, tone: TONES[outcome], live: !attempt.outcome });
    last = end;
  }
  if (one.status === 'pending' || one.status === 'queued') {
    const due = Date.parse(one.runAt);
    const until = Math.max(due, at);
    const label = due > at ? `due in ${duration(due - at)}` : `waiting for ${duration(at - last)}`;
    list.push({ kind: 'wait', ms: until - last, label, title: `Due ${full(one.runAt)}`, tone: 'wait', live: true });
  }
  if (!isFinal(one)) {
    const spent = attempts.filter((attempt) => attempt.outcome && !['released', 'snoozed', 'succeeded'].includes(attempt.outcome)).length;
    const used = spent + (one.status === 'running' ? 1 : 0);
    const left = one.maxAttempts - used;
    for (let n = 0; n < Math.min(left, MOST_PLANNED); n += 1) {
      const isNext = n === 0 && one.status !== 'running';
      const delay = delays[Math.min(used + n - 1, delays.length - 1)];
      const label = isNext ? `attempt ${used + 1}` : `retry ${used + n}${delay == null ? '' : ` after ${duration(delay)}`}`;
      list.push({ kind: 'plan', ms: 0, label, title: isNext ? 'The next attempt' : `Planned if the attempt before fails${delay == null ? '' : `, ${duration(delay)} later`}` });
    }
    if (left > MOST_PLANNED) list.push({ kind: 'skip', ms: 0, label: `${left - MOST_PLANNED} more`, title: 'Further retries of the policy' });
  }
  return list;
}

/** @param {{execution: Execution, delays: number[]}} properties */
export function Timeline({ execution, delays }) {
  const isOpen = !isFinal(execution);
  const list = pieces(execution, delays, isOpen ? now.value : 0);
  const total = list.reduce((sum, piece) => sum + piece.ms, 0) || 1;
  return html`<ol class="timeline" aria-label="Timeline">
    <li class="end"><span class="bar"></span><span class="label">enqueued<br />
      <time datetime=${execution.createdAt} title=${full(execution.createdAt)}>${clock(execution.createdAt)}</time>
      </span></li>
    ${list.map((piece, index) => html`<li key=${index} class="${piece.kind} ${piece.tone ?? ''} ${piece.live ? 'is-live' : ''}" title=${piece.title} style=${{ flexGrow: piece.kind === 'plan' || piece.kind === 'skip' ? 0 : Math.max(0.02, piece.ms / total) }}>
      <span class="bar"></span><span class="label">${piece.label}</span></li>`)}
    ${execution.finishedAt && html`<li class="end"><span class="bar"></span>
      <span class="label">${execution.status}<br />
      <time datetime=${execution.finishedAt} title=${full(execution.finishedAt)}>${clock(execution.finishedAt)}</time>
      </span></li>`}
  </ol>`;
}
