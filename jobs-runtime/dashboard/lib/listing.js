// A list of executions in pages. Shown rows keep their places and change there. New rows wait until
// the viewer asks for them.
import { signal, useEffect, useMemo } from './dom.js';
import { api } from './api.js';
import { onChange } from './live.js';

/** @typedef {import('./types.js').components['schemas']['ExecutionRecord'] & {deleted?: boolean}} Row */
/** @typedef {{rows: Row[], waiting: Row[], overflow: boolean, cursor: string | null, lookedBackTo?: string | null, loading: boolean, loaded: boolean, error: any, at: number}} Listing */

const PAGE = 50;
const MOST_REFRESHED = 200;
const MOST_LOOKED_UP = 20;
const KEPT = 12;

/** @type {Map<string, ReturnType<typeof listing>>} */
const listings = new Map();

/** @param {Record<string, string>} query */
function listing(query) {
  /** @type {import('../vendor/signals.js').Signal<Listing>} */
  const state = signal(/** @type {Listing} */ ({ rows: [], waiting: [], overflow: false, cursor: null, loading: false, loaded: false, error: null, at: 0 }));
  const set = (/** @type {Partial<Listing>} */ change) => {
    state.value = { ...state.peek(), ...change };
  };
  let busy = false;

  /** @param {() => Promise<Partial<Listing>>} step */
  async function run(step) {
    if (busy) return;
    busy = true;
    set({ loading: true });
    try {
      set({ ...(await step()), error: null, loading: false, loaded: true, at: Date.now() });
    } catch (error) {
      set({ error, loading: false });
    } finally {
      busy = false;
    }
  }

  const first = () => run(async () => {
    const page = await api.executions({ ...query, limit: PAGE });
    return { rows: page.executions, waiting: [], overflow: false, cursor: page.nextCursor, lookedBackTo: lookedBackTo(page) };
  });

  const more = () => run(async () => {
    const { rows, cursor } = state.peek();
    const page = await api.executions({ ...query, limit: PAGE, cursor });
    const known = new Set(rows.map((row) => row.id));
    const all = [...rows, ...page.executions.filter((row) => !known.has(row.id))];
    // Each page is sorted for itself.
    if (query.sort) all.sort((a, b) => (b.durationMs ?? 0) - (a.durationMs ?? 0));
    return { rows: all, cursor: page.nextCursor, lookedBackTo: lookedBackTo(page) };
  });

  /** Reads the newest rows again and merges them. */
  const refresh = () => run(async () => {
    const { rows } = state.peek();
    const limit = Math.min(Math.max(rows.length, PAGE), MOST_REFRESHED);
    const page = await api.executions({ ...query, limit });
    if (!rows.length) return { rows: page.executions, waiting: [], overflow: false, cursor: page.nextCursor };
    const current = new Map(page.executions.map((row) => [row.id, row]));
    const vanished = rows.slice(0, limit).filter((row) => !current.has(row.id) && !row.deleted && isLive(row)).slice(0, MOST_LOOKED_UP);
    const found = await Promise.all(vanished.map((row) => lookUp(row)));
    for (const row of found) current.set(row.id, row);
    const known = new Set(rows.map((row) => row.id));
    const waiting = page.executions.filter((row) => !known.has(row.id) && row.createdAt >= rows[0].createdAt);
    return { rows: rows.map((row) => current.get(row.id) ?? row), waiting, overflow: waiting.length >= limit };
  });

  const show = () => {
    const { rows, waiting, overflow } = state.peek();
    if (overflow) void first();
    else set({ rows: [...waiting, ...rows], waiting: [] });
  };
  return { state, first, more, refresh, show };
}

/** How far a page has looked, where the server tells. @param {any} page @returns {string | null} */
const lookedBackTo = (page) => page.lookedBackTo ?? null;

/** @param {Row} row */
const isLive = (row) => !['succeeded', 'failed', 'cancelled'].includes(row.status);

/** Reads a row that no longer matches the filter. @param {Row} row @returns {Promise<Row>} */
async function lookUp(row) {
  try {
    return await api.execution(row.id);
  } catch (error) {
    return /** @type {any} */ (error).status === 404 ? { ...row, deleted: true } : row;
  }
}

/** The listing of a query; kept for back and forward. @param {Record<string, string>} query */
export function useListing(query) {
  const key = JSON.stringify(query);
  const one = useMemo(() => {
    const found = listings.get(key) ?? listing(query);
    listings.delete(key);
    listings.set(key, found);
    if (listings.size > KEPT) listings.delete(listings.keys().next().value ?? '');
    return found;
  }, [key]);
  useEffect(() => {
    if (one.state.peek().loaded && !query.sort) void one.refresh();
    else void one.first();
    // A list by duration stays as it was read: rows that move would be hard to read.
    if (query.sort) return undefined;
    /** @type {ReturnType<typeof setTimeout> | null} */
    let timer = null;
    const stop = onChange(() => {
      if (timer || document.hidden) return;
      timer = setTimeout(() => {
        timer = null;
        void one.refresh();
      }, Math.max(0, one.state.peek().at + 1000 - Date.now()));
    });
    return () => {
      stop();
      if (timer) clearTimeout(timer);
    };
  }, [one]);
  return { ...one.state.value, more: one.more, show: one.show, reload: one.first };
}
