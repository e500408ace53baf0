// Acts as commands to copy: curl, command line, Rust.
import { address } from './api.js';
import { caller } from './session.js';

/**
 * @typedef {object} Command
 * @property {string} method
 * @property {string} path below the prefix of the interface
 * @property {any} [body]
 * @property {string} [cli]
 * @property {string} [rust]
 */

/** A word for a POSIX shell. @param {string} text */
export function quote(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** @param {Command} command */
export function curl({ method, path, body }) {
  const parts = ['curl'];
  if (method !== 'GET') parts.push('-X', method);
  parts.push(quote(address(path)));
  // The shell of the reader has the token in the variable that the command line reads, too.
  if (caller.value) parts.push('-H', '"authorization: Bearer $JOBS_TOKEN"');
  if (method !== 'GET' && method !== 'DELETE') {
    parts.push('-H', "'content-type: application/json'", '-d', quote(JSON.stringify(body ?? {})));
  }
  return parts.join(' ');
}

/** A Rust string literal. @param {string} text */
export function rustText(text) {
  if (!/["\\]/.test(text)) return `"${text}"`;
  // A raw string ends at a quotation mark with as many signs as it begins with.
  let signs = '#';
  while (text.includes(`"${signs}`)) signs += '#';
  return `r${signs}"${text}"${signs}`;
}

/** The keys of `--where`, by the names of the filters in the interface. @type {Record<string, string>} */
const WHERE = { jobId: 'job', status: 'status', queue: 'queue', itemId: 'item', correlationId: 'correlation', createdBy: 'created-by', tag: 'tag', since: 'since', until: 'until', errorFingerprint: 'error', ids: 'id' };

/** A bulk operation on the command line. Nothing if one of its filters has no form there.
 * @param {string} act @param {Record<string, any>} filter */
export function bulkCli(act, filter) {
  /** @type {string[]} */
  const pairs = [];
  for (const [name, value] of Object.entries(filter)) {
    for (const one of [value].flat().map(String)) {
      if (!WHERE[name] || one.includes('"')) return undefined;
      pairs.push(`${WHERE[name]}=${/\s/.test(one) ? `"${one}"` : one}`);
    }
  }
  return `jobs ${act} --where ${quote(pairs.join(' '))}`;
}

/** A command with flags for the fields of a body. @param {string} start @param {Record<string, any>} body
 * @param {Record<string, string>} flags the flag of each field */
export function withFlags(start, body, flags) {
  const words = Object.entries(body).filter(([name]) => flags[name]).map(([name, value]) => {
    const text = name.endsWith('Ms') ? `${value}ms` : typeof value === 'string' ? value : JSON.stringify(value);
    return `${flags[name]}=${quote(text)}`;
  });
  return [start, ...words].join(' ');
}

/** The forms of a command that exist, with their names. @param {Command} command @returns {[string, string][]} */
export function forms(command) {
  /** @type {[string, string][]} */
  const all = [['curl', curl(command)]];
  if (command.cli) all.push(['CLI', command.cli]);
  if (command.rust) all.push(['Rust', command.rust]);
  return all;
}
