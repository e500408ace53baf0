// JSON without loss: numbers that a double cannot hold keep their digits.

const LONG_NUMBER = /[\d.]{16}|\d[eE]/;

/** @type {any} */
const Native = JSON;

/** Parses JSON; exact numbers become raw JSON values where the browser has them. @param {string} text @returns {any} */
export function parse(text) {
  if (!LONG_NUMBER.test(text) || !Native.rawJSON) return JSON.parse(text);
  /** @type {any} */
  const reviver = (/** @type {string} */ _, /** @type {any} */ value, /** @type {any} */ context) =>
    typeof value === 'number' && context?.source !== undefined && String(value) !== context.source
      ? Native.rawJSON(context.source)
      : value;
  return JSON.parse(text, reviver);
}

/** True for a number that kept its digits. @param {any} value */
export function isRaw(value) {
  return Boolean(Native.isRawJSON?.(value));
}

/** True for an object with members. @param {any} value */
export function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRaw(value);
}

/** @param {any} value */
export function pretty(value) {
  return JSON.stringify(value, null, 2);
}

/** A value in one line, cut at a length. @param {any} value @param {number} [most] */
export function brief(value, most = 120) {
  const text = JSON.stringify(value) ?? '';
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** A JSON pointer's segments. @param {string} pointer */
export function segments(pointer) {
  return pointer.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Appends a segment to a pointer. @param {string} pointer @param {string | number} key */
export function child(pointer, key) {
  return `${pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/**
 * The differences of two values, as a list of places.
 * @param {any} before @param {any} after
 * @returns {{pointer: string, kind: 'added' | 'removed' | 'changed', before: any, after: any}[]}
 */
export function difference(before, after, pointer = '') {
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => member(before, after, key, child(pointer, key)));
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, index) => member(before, after, index, child(pointer, index))).flat();
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  return [{ pointer, kind: 'changed', before, after }];
}

/** @param {any} before @param {any} after @param {string | number} key @param {string} pointer @returns {any[]} */
function member(before, after, key, pointer) {
  if (!(key in before)) return [{ pointer, kind: 'added', before: undefined, after: after[key] }];
  if (!(key in after)) return [{ pointer, kind: 'removed', before: before[key], after: undefined }];
  return difference(before[key], after[key], pointer);
}
