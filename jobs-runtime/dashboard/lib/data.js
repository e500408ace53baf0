// The data of the screens: one cached value for each question, kept while it is loaded again.
import { signal, useEffect } from './dom.js';
import { onChange } from './live.js';

/**
 * @template T
 * @typedef {{data: T | undefined, error: any, loading: boolean, at: number}} Loaded
 */

/**
 * @typedef {object} Entry
 * @property {import('../vendor/signals.js').Signal<Loaded<any>>} loaded
 * @property {() => Promise<any>} load
 * @property {Promise<void> | null} running
 * @property {boolean} again
 * @property {ReturnType<typeof setTimeout> | null} timer
 * @property {number} users
 */

/** @type {Map<string, Entry>} */
const entries = new Map();
const KEPT = 60;

/** @param {string} key @param {() => Promise<any>} load @returns {Entry} */
function entry(key, load) {
  let found = entries.get(key);
  if (found) entries.delete(key);
  else found = { loaded: signal({ data: undefined, error: null, loading: true, at: 0 }), load, running: null, again: false, timer: null, users: 0 };
  found.load = load;
  entries.set(key, found);
  if (entries.size > KEPT) {
    for (const [other, one] of entries) {
      if (one.users === 0 && other !== key) {
        entries.delete(other);
        break;
      }
    }
  }
  return found;
}

/** Loads a value; a call while it is loading loads it once more afterwards. @param {Entry} one @returns {Promise<void>} */
function refresh(one) {
  if (one.running) {
    one.again = true;
    return one.running;
  }
  const before = one.loaded.peek();
  if (!before.loading) one.loaded.value = { ...before, loading: true };
  one.running = one
    .load()
    .then(
      (data) => ({ data, error: null, loading: false, at: Date.now() }),
      (error) => ({ ...one.loaded.peek(), error, loading: false }),
    )
    .then((loaded) => {
      one.loaded.value = loaded;
      one.running = null;
      if (one.again) {
        one.again = false;
        return refresh(one);
      }
      return undefined;
    });
  return one.running;
}

/**
 * Returns a value and loads it; again after changes that concern it.
 * @template T
 * @param {string | null} key `null` loads nothing
 * @param {() => Promise<T>} load
 * @param {{live?: boolean | ((changes: import('./live.js').Changes) => boolean), every?: number}} [options]
 *   `every` is the shortest time between two loads by events, in milliseconds
 * @returns {Loaded<T> & {reload: () => Promise<void>}}
 */
export function useData(key, load, { live = true, every = 1000 } = {}) {
  const one = entry(key ?? '', load);
  useEffect(() => {
    if (key === null) return undefined;
    one.users += 1;
    void refresh(one);
    const stop = live
      ? onChange((changes) => {
          const concerns = typeof live !== 'function' || changes.reset || live(changes);
          if (!concerns || one.timer) return;
          const wait = Math.max(0, one.loaded.peek().at + every - Date.now());
          one.timer = setTimeout(() => {
            one.timer = null;
            if (!document.hidden && one.users > 0) void refresh(one);
          }, wait);
        })
      : () => {};
    return () => {
      one.users -= 1;
      stop();
    };
  }, [key]);
  if (key === null) return { data: undefined, error: null, loading: false, at: 0, reload: async () => {} };
  return { ...one.loaded.value, reload: () => refresh(one) };
}
