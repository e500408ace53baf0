// Numbers, durations, sizes and times as text.

const PLAIN = new Intl.NumberFormat('en');
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const FULL = new Intl.DateTimeFormat(undefined, {
  weekday: 'short', year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit',
  second: '2-digit', hour12: false, timeZoneName: 'short',
});

/** A number; with separators from 10,000 on. @param {number} n */
export function number(n) {
  return Math.abs(n) > 9999 ? PLAIN.format(n) : String(n);
}

/** A count with its noun. @param {number} n @param {string} one @param {string} [many] */
export function count(n, one, many = `${one}s`) {
  return `${number(n)} ${n === 1 ? one : many}`;
}

/** A duration in two digits of meaning. @param {number | null | undefined} ms */
export function duration(ms) {
  if (ms == null || Number.isNaN(ms)) return '–';
  const value = Math.max(0, ms);
  if (value < 1) return value === 0 ? '0 ms' : '< 1 ms';
  if (value < 1000) return `${Math.round(value)} ms`;
  if (value < 9950) return `${(value / 1000).toFixed(1).replace(/\.0$/, '')} s`;
  const seconds = Math.round(value / 1000);
  if (seconds < 60) return `${seconds} s`;
  return pair(seconds, [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]]);
}

/** @param {number} seconds @param {[string, number][]} units */
function pair(seconds, units) {
  const first = units.findIndex(([, size]) => seconds >= size);
  const [name, size] = units[first];
  const whole = Math.floor(seconds / size);
  const next = units[first + 1];
  const rest = next && whole < 10 ? Math.floor((seconds % size) / next[1]) : 0;
  return rest ? `${whole} ${name} ${rest} ${next[0]}` : `${whole} ${name}`;
}

/** A duration in its largest unit, for relative times. @param {number} ms */
function rough(ms) {
  const seconds = Math.floor(ms / 1000);
  for (const [name, size] of /** @type {[string, number][]} */ ([['d', 86400], ['h', 3600], ['min', 60]])) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${name}`;
  }
  return `${seconds} s`;
}

/** A time relative to now. @param {string} at @param {number} now */
export function relative(at, now) {
  const past = now - Date.parse(at);
  if (Math.abs(past) < 1000) return 'now';
  return past > 0 ? `${rough(past)} ago` : `in ${rough(-past)}`;
}

/** The full local time with its zone. @param {string} at */
export function full(at) {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? at : FULL.format(time);
}

/** The time of day, with the day if it is not today's. @param {string} at @param {boolean} [millis] */
export function clock(at, millis = false) {
  const time = new Date(at);
  const text = CLOCK.format(time) + (millis ? `.${String(time.getMilliseconds()).padStart(3, '0')}` : '');
  return time.toDateString() === new Date().toDateString() ? text : `${DAY.format(time)} ${text}`;
}

/** A time in another zone, short. @param {string} at @param {string | undefined} zone */
export function inZone(at, zone) {
  try {
    return new Intl.DateTimeFormat(undefined, {
      weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit',
      hour12: false, timeZone: zone, timeZoneName: 'short',
    }).format(new Date(at));
  } catch {
    return full(at);
  }
}

/** A size in bytes. @param {number} n */
export function bytes(n) {
  if (n < 1000) return `${n} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = n / 1000;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A share of a whole, in percent. @param {number} part @param {number} whole */
export function percent(part, whole) {
  if (!whole) return '0 %';
  const value = (part / whole) * 100;
  if (value > 0 && value < 0.1) return '< 0.1 %';
  return `${value < 10 && value > 0 ? value.toFixed(1).replace(/\.0$/, '') : Math.round(value)} %`;
}

/** A count in a time as a number per minute. @param {number} n @param {number} ms */
export function perMinute(n, ms) {
  const rate = n / Math.max(1, ms / 60_000);
  if (rate >= 10) return number(Math.round(rate));
  if (rate > 0 && rate < 0.01) return '< 0.01';
  return String(Number(rate.toFixed(rate < 1 ? 2 : 1)));
}

/** An id, shortened in the middle. @param {string} id */
export function shortId(id) {
  return id.length > 20 ? `${id.slice(0, 8)}…${id.slice(-6)}` : id;
}

/** The first letter in upper case. @param {string} text */
export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The mark before a number of a queue that is only a lower bound, in one of these fields.
 * @param {{atLeast: string[]}} queue @param {string[]} names */
export const atLeast = (queue, ...names) => (names.some((name) => queue.atLeast.includes(name)) ? '≥ ' : '');
