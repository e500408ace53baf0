// The event stream: merges changes, calls the listeners at most ten times a second, and pauses while
// the page is hidden.
import { signal } from './dom.js';
import { address, skew } from './api.js';

/** @typedef {{executions: Map<string, {executionId: string, jobId: string}>, other: boolean, reset: boolean}} Changes */

/** `live`, `connecting`, `paused` by the viewer, or `offline`. */
export const state = signal('connecting');

/** The server's time in milliseconds, updated each second. */
export const now = signal(Date.now());

/** The events about one execution. */
const ABOUT_EXECUTIONS = ['execution', 'enqueued', 'started', 'progress', 'attemptEnded'];
const FLUSH_MS = 100;
const POLL_MS = 5000;

/** @type {Set<(changes: Changes) => void>} */
const listeners = new Set();
/** @type {EventSource | null} */
let source = null;
/** @type {Changes} */
let pending = empty();
/** @type {ReturnType<typeof setTimeout> | null} */
let timer = null;
let lastEvent = 0;

/** @returns {Changes} */
function empty() {
  return { executions: new Map(), other: false, reset: false };
}

/** Calls `listener` with the changes of each tenth of a second. @param {(changes: Changes) => void} listener */
export function onChange(listener) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function flush() {
  timer = null;
  if (state.value === 'paused') return;
  const changes = pending;
  pending = empty();
  lastEvent = Date.now();
  for (const listener of [...listeners]) listener(changes);
}

function schedule() {
  timer ??= setTimeout(flush, FLUSH_MS);
}

function connect() {
  if (source || document.hidden || state.value === 'paused') return;
  state.value = 'connecting';
  const events = new EventSource(address('events'));
  source = events;
  events.onopen = () => {
    // Changes may have happened while the stream was closed.
    pending.reset = true;
    state.value = 'live';
    schedule();
  };
  events.onerror = () => {
    if (source !== events) return;
    state.value = 'offline';
    if (events.readyState === EventSource.CLOSED) {
      disconnect();
      setTimeout(connect, POLL_MS);
    }
  };
  for (const name of ABOUT_EXECUTIONS) {
    events.addEventListener(name, (event) => {
      const change = JSON.parse(event.data);
      pending.executions.set(change.executionId, change);
      schedule();
    });
  }
  for (const name of ['ready', 'changed']) {
    events.addEventListener(name, () => {
      pending.other = true;
      schedule();
    });
  }
  events.addEventListener('reset', () => {
    pending.reset = true;
    schedule();
  });
}

function disconnect() {
  source?.close();
  source = null;
}

/** Stops or continues the updates of all screens. */
export function togglePause() {
  if (state.value === 'paused') {
    state.value = 'connecting';
    connect();
  } else {
    disconnect();
    state.value = 'paused';
  }
}

/** Reports a change that this page made itself. Its effect is shown also while updates are paused. */
export function touch() {
  if (state.value === 'paused') {
    for (const listener of [...listeners]) listener({ ...empty(), other: true });
    return;
  }
  pending.other = true;
  schedule();
}

/** Starts the stream and the clock. */
export function start() {
  connect();
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      disconnect();
      return;
    }
    connect();
  });
  setInterval(() => {
    if (document.hidden) return;
    now.value = Date.now() + skew.value;
    // Events are hints: each screen also looks again from time to time.
    if (state.value !== 'paused' && Date.now() - lastEvent > POLL_MS) {
      pending.other = true;
      schedule();
    }
  }, 1000);
}
