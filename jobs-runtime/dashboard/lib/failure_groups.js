// Failed executions grouped by job and error, for servers without a route for it.
import { api } from './api.js';

/**
 * @typedef {object} Group
 * @property {string} key
 * @property {string} jobId
 * @property {string | null} fingerprint of the server; `null` for a group that was made here
 * @property {string} kind of the error
 * @property {string} message of the last one
 * @property {number} count
 * @property {string} firstSeen
 * @property {string} lastSeen
 * @property {string} sample the id of the last one
 * @property {any[]} rows those that were read
 * @property {number[]} [trend] counts of equal times, oldest first
 * @property {{fingerprint: string, count: number}[]} [versions]
 */

const MOST = 1000;

/** The message without the parts that vary: ids, numbers, quoted texts. @param {string} message */
export function shape(message) {
  return message
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, '#')
    .replace(/0x[0-9a-f]+|\b[0-9a-f]{12,}\b/gi, '#')
    .replace(/(["'`])(?:(?!\1).){1,120}\1/g, '$1…$1')
    .replace(/\d+([.:]\d+)*/g, '#');
}

/** The message in pieces; the pieces that vary are marked. @param {string} message @returns {{text: string, varies: boolean}[]} */
export function pieces(message) {
  const varying = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|0x[0-9a-f]+|\b[0-9a-f]{12,}\b|"[^"]{1,120}"|'[^']{1,120}'|`[^`]{1,120}`|\d+(?:[.:]\d+)*/gi;
  /** @type {{text: string, varies: boolean}[]} */
  const list = [];
  let at = 0;
  for (const match of message.matchAll(varying)) {
    if (match.index > at) list.push({ text: message.slice(at, match.index), varies: false });
    list.push({ text: match[0], varies: true });
    at = match.index + match[0].length;
  }
  if (at < message.length) list.push({ text: message.slice(at), varies: false });
  return list;
}

/** Reads the last failures and groups them. @param {string | undefined} since @param {string | undefined} jobId @returns {Promise<{groups: Group[], examined: number, complete: boolean}>} */
export async function groupsOf(since, jobId) {
  const page = await api.executions({ status: 'failed', since, jobId, limit: MOST });
  /** @type {Map<string, Group>} */
  const groups = new Map();
  for (const row of page.executions) {
    const message = row.error?.message ?? '';
    const key = `${row.jobId}\n${row.error?.kind}\n${shape(message)}`;
    const at = row.finishedAt ?? row.createdAt;
    const group = groups.get(key) ?? { key, jobId: row.jobId, fingerprint: null, kind: row.error?.kind ?? 'failed', message, count: 0, firstSeen: at, lastSeen: at, sample: row.id, rows: [] };
    group.count += 1;
    group.rows.push(row);
    if (at < group.firstSeen) group.firstSeen = at;
    if (at > group.lastSeen) group.lastSeen = at;
    groups.set(key, group);
  }
  return { groups: [...groups.values()].sort((one, other) => other.count - one.count), examined: page.executions.length, complete: page.nextCursor === null };
}

/** The fields that all payloads share, and those whose values differ. @param {any[]} payloads */
export function common(payloads) {
  if (payloads.length < 2) return { same: [], differ: [] };
  const names = Object.keys(payloads[0] ?? {}).filter((name) => payloads.every((one) => one && name in one));
  const isSame = (/** @type {string} */ name) => payloads.every((one) => JSON.stringify(one[name]) === JSON.stringify(payloads[0][name]));
  return { same: names.filter(isSame), differ: names.filter((name) => !isSame(name)) };
}
