// Bulk operations in words.
import { count, number } from './format.js';

/** @typedef {{act: 'cancel' | 'retry' | 'delete', verb: string, past: string, means: string, danger: boolean, applies: string[]}} BulkAct */

/** @type {BulkAct[]} */
export const ACTS = [
  { act: 'retry', verb: 'Retry', past: 'retried', danger: false, applies: ['failed', 'cancelled'], means: 'They run again under the same ids, with their whole retry budget.' },
  { act: 'cancel', verb: 'Cancel', past: 'cancelled', danger: true, applies: ['pending', 'queued', 'running'], means: 'Waiting ones end at once. The workers of running ones are asked to stop.' },
  { act: 'delete', verb: 'Delete', past: 'deleted', danger: true, applies: ['succeeded', 'failed', 'cancelled'], means: 'Their payloads, results, attempts and logs are gone for good.' },
];

/** @type {Record<string, string>} */
const EFFECTS = {
  cancelled: 'are cancelled', cancelRequested: 'are asked to stop', queued: 'are queued again', deleted: 'are deleted', edited: 'are edited', skipped: 'stay as they are',
};

/** A consequence of a preview as a sentence. @param {{status: string, count: number, effect: string}} consequence */
export function consequenceWords({ status, count: n, effect }) {
  return `${number(n)} ${status} ${n === 1 ? EFFECTS[effect]?.replace(/^are/, 'is').replace('stay as they are', 'stays as it is') : EFFECTS[effect] ?? effect}`;
}

/** The state of an operation in a line. @param {any} operation */
export function operationWords(operation) {
  const past = ACTS.find((one) => one.act === operation.act)?.past ?? 'changed';
  const of = `${number(operation.changed)} of ${operation.exact ? '' : 'at least '}${number(operation.expected)} ${past}`;
  return operation.skipped ? `${of}, ${count(operation.skipped, 'skipped', 'skipped')}` : of;
}

/** A filter in words. @param {Record<string, any>} filter */
export function filterWords(filter) {
  return Object.entries(filter).map(([name, value]) => (name === 'ids' ? count(value.length, 'chosen execution') : `${name} ${value}`)).join(', ');
}
