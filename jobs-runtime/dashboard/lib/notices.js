// Toasts, and the dialog that asks before an act.
import { signal } from './dom.js';

/** @typedef {{id: number, kind: 'ok' | 'bad', text: string, undo?: () => void, href?: string}} Toast */

/** @type {import('../vendor/signals.js').Signal<Toast[]>} */
export const toasts = signal([]);
let last = 0;

/** Shows a notice for some seconds; an error, and what can be clicked, stays for longer. @param {string} text @param {Partial<Toast>} [more] */
export function toast(text, more = {}) {
  const one = { id: ++last, kind: /** @type {'ok' | 'bad'} */ ('ok'), text, ...more };
  toasts.value = [...toasts.value.slice(-3), one];
  setTimeout(() => dismiss(one.id), one.kind === 'bad' || one.href || one.undo ? 15_000 : 6_000);
}

/** @param {number} id */
export function dismiss(id) {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

/** Shows an error as a notice. @param {string} act @param {any} error */
export function failed(act, error) {
  const text = error?.code === 'forbidden' ? `${act}: your role does not allow this. ${error.message}` : `${act}: ${error?.message ?? error}`;
  toast(text, { kind: 'bad' });
}

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {any} body what the act changes and what stays
 * @property {string} verb
 * @property {boolean} [danger]
 * @property {import('./commands.js').Command} [command]
 * @property {() => Promise<any>} run
 */

/** @type {import('../vendor/signals.js').Signal<Question | null>} */
export const question = signal(/** @type {Question | null} */ (null));

/** Asks before an act and runs it on consent. @param {Question} asked */
export function ask(asked) {
  question.value = asked;
}
