// Failed executions grouped by job and error: by the server, or here if it has no route for it.
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
 * @property {any[]} rows those that were read; of a server's group none
 * @property {number[]} trend counts of equal times, oldest first
 */
/** @typedef {{groups: Group[], examined: number, complete: boolean}} Groups */

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

/** The groups of the server. @param {string | undefined} since @param {string | undefined} jobId @returns {Promise<Groups>} */
export async function serverGroups(since, jobId) {
  const { failures, examined, complete } = await api.failures({ since, jobId });
  const groups = failures.map((/** @type {any} */ one) => ({
    key: `${one.jobId}\n${one.errorFingerprint}`, jobId: one.jobId, fingerprint: one.errorFingerprint, kind: one.kind, message: one.message,
    count: one.count, firstSeen: one.firstSeenAt, lastSeen: one.lastSeenAt, sample: one.sampleId, rows: [], trend: one.histogram,
  }));
  return { groups, examined, complete };
}

/** The counts of rows in 24 equal parts of the time since `from`. @param {any[]} rows @param {number} from */
function trendOf(rows, from) {
  const width = Math.max(1, (Date.now() - from) / 24);
  const trend = Array(24).fill(0);
  for (const row of rows) trend[Math.max(0, Math.min(23, Math.floor((Date.parse(row.finishedAt ?? row.createdAt) - from) / width)))] += 1;
  return trend;
}

/** Reads the last failures and groups them here. @param {string | undefined} since @param {string | undefined} jobId @returns {Promise<Groups>} */
export async function ownGroups(since, jobId) {
  const page = await api.executions({ status: 'failed', since, jobId, limit: MOST });
  /** @type {Map<string, Group>} */
  const groups = new Map();
  for (const row of page.executions) {
    const message = row.error?.message ?? '';
    const key = `${row.jobId}\n${row.error?.kind}\n${shape(message)}`;
    const at = row.finishedAt ?? row.createdAt;
    const group = groups.get(key) ?? { key, jobId: row.jobId, fingerprint: null, kind: row.error?.kind ?? 'failed', message, count: 0, firstSeen: at, lastSeen: at, sample: row.id, rows: [], trend: [] };
    group.count += 1;
    group.rows.push(row);
    if (at < group.firstSeen) group.firstSeen = at;
    if (at > group.lastSeen) group.lastSeen = at;
    groups.set(key, group);
  }
  const from = since ? Date.parse(since) : Math.min(Date.now() - 3_600_000, ...page.executions.map((row) => Date.parse(row.createdAt)));
  for (const group of groups.values()) group.trend = trendOf(group.rows, from);
  return { groups: [...groups.values()].sort((one, other) => other.count - one.count), examined: page.executions.length, complete: page.nextCursor === null };
}

/** The fields that all payloads share, and those whose values differ. @param {any[]} payloads */
export function common(payloads) {
  if (payloads.length < 2) return { same: [], differ: [] };
  const names = Object.keys(payloads[0] ?? {}).filter((name) => payloads.every((one) => one && name in one));
  const isSame = (/** @type {string} */ name) => payloads.every((one) => JSON.stringify(one[name]) === JSON.stringify(payloads[0][name]));
  return { same: names.filter(isSame), differ: names.filter((name) => !isSame(name)) };
}
