// Failed executions, which the server groups by job and error.
import { api } from './api.js';
import { number } from './format.js';

/** @typedef {import('./types.js').components['schemas']['FailingVersion']} Version */

/**
 * @typedef {object} Group
 * @property {string} key
 * @property {string} jobId
 * @property {string} fingerprint of the error
 * @property {string} kind of the error
 * @property {string} message of the last one
 * @property {number} count
 * @property {string} firstSeen
 * @property {string} lastSeen
 * @property {string} sample the id of the last one
 * @property {number[]} trend counts of equal times, oldest first
 * @property {Version[]} versions of the job under which they ran, the last published first
 */
/** @typedef {{groups: Group[], examined: number, complete: boolean}} Groups */

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

/** How the failures lie over the versions of their job; empty if all have the present one. @param {Group} group */
export function versionWords({ versions }) {
  if (!versions.length) return '';
  const present = versions.find((one) => one.current);
  if (!present) return 'none under the present version';
  return versions.length > 1 ? `${number(present.count)} under the present version` : '';
}

/** The groups of a time. @param {string | undefined} since @param {string | undefined} jobId @returns {Promise<Groups>} */
export async function groupsSince(since, jobId) {
  const { failures, examined, complete } = await api.failures({ since, jobId });
  const groups = failures.map((/** @type {any} */ one) => ({
    key: `${one.jobId}\n${one.errorFingerprint}`, jobId: one.jobId, fingerprint: one.errorFingerprint, kind: one.kind, message: one.message,
    count: one.count, firstSeen: one.firstSeenAt, lastSeen: one.lastSeenAt, sample: one.sampleId, trend: one.histogram, versions: one.versions,
  }));
  return { groups, examined, complete };
}

/** The fields that all payloads share, and those whose values differ. @param {any[]} payloads */
export function common(payloads) {
  if (payloads.length < 2) return { same: [], differ: [] };
  const names = Object.keys(payloads[0] ?? {}).filter((name) => payloads.every((one) => one && name in one));
  const isSame = (/** @type {string} */ name) => payloads.every((one) => JSON.stringify(one[name]) === JSON.stringify(payloads[0][name]));
  return { same: names.filter(isSame), differ: names.filter((name) => !isSame(name)) };
}
