// Acts as commands to copy: curl, command line, Rust.
import { address } from './api.js';

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
  if (method !== 'GET' && method !== 'DELETE') {
    parts.push('-H', "'content-type: application/json'", '-d', quote(JSON.stringify(body ?? {})));
  }
  return parts.join(' ');
}

/** A Rust string literal. @param {string} text */
export function rustText(text) {
  return /["\\]/.test(text) ? `r#"${text}"#` : `"${text}"`;
}

/** The forms of a command that exist, with their names. @param {Command} command @returns {[string, string][]} */
export function forms(command) {
  /** @type {[string, string][]} */
  const all = [['curl', curl(command)]];
  if (command.cli) all.push(['CLI', command.cli]);
  if (command.rust) all.push(['Rust', command.rust]);
  return all;
}
