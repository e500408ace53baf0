// Cron expressions in plain words, where a plain sentence exists; otherwise the expression.

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
const SHORT = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
/** @type {Record<string, string>} */
const NICKNAMES = { '@hourly': '0 * * * *', '@daily': '0 0 * * *', '@midnight': '0 0 * * *', '@weekly': '0 0 * * 0', '@monthly': '0 0 1 * *', '@yearly': '0 0 1 1 *', '@annually': '0 0 1 1 *' };

/** @param {string[]} words */
function list(words) {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`;
}

/** A whole number, or `null`. @param {string} text */
const whole = (text) => (/^\d{1,4}$/.test(text) ? Number(text) : null);
/** The step of `*` + `/n`, or `null`. @param {string} text */
const step = (text) => (/^(\*|0)\/\d+$/.test(text) ? Number(text.split('/')[1]) : null);
/** @param {number} n */
const two = (n) => String(n).padStart(2, '0');

/** @param {string} field */
function dayNumber(field) {
  const n = whole(field) ?? SHORT.indexOf(field.slice(0, 3).toLowerCase());
  return n >= 0 && n <= 7 ? n : null;
}

/** @param {string} field @returns {string | null} */
function days(field) {
  if (field === '*' || field === '?') return '';
  const range = field.split('-').map(dayNumber);
  if (range.length === 2 && range[0] === 1 && range[1] === 5) return 'on weekdays';
  if (range.length === 2 && range[0] != null && range[1] != null) return `from ${DAYS[range[0]]} to ${DAYS[range[1]]}`;
  const named = field.split(',').map(dayNumber);
  return named.every((one) => one != null) ? `on ${list(named.map((one) => DAYS[/** @type {number} */ (one)]))}` : null;
}

/** @param {string} field @returns {string | null} */
function dates(field) {
  if (field === '*' || field === '?') return '';
  if (field === 'L') return 'on the last day of the month';
  const named = field.split(',').map(whole);
  return named.every((one) => one != null) ? `on day ${list(named.map(String))} of the month` : null;
}

/** @param {string} field @returns {string | null} */
function months(field) {
  if (field === '*') return '';
  const named = field.split(',').map(whole);
  return named.every((one) => one != null && one >= 1 && one <= 12) ? `in ${list(named.map((one) => MONTHS[/** @type {number} */ (one) - 1]))}` : null;
}

/** @param {string} second @param {string} minute @param {string} hour @returns {string | null} */
function times(second, minute, hour) {
  const [s, m, h] = [whole(second), whole(minute), whole(hour)];
  if (minute === '*' && hour === '*') {
    if (second === '*') return 'Every second';
    const every = step(second);
    if (every) return every === 1 ? 'Every second' : `Every ${every} seconds`;
    return s === 0 ? 'Every minute' : s != null ? `Every minute at second ${s}` : null;
  }
  if (s !== 0) return null;
  if (hour === '*') {
    const every = step(minute);
    if (every) return every === 1 ? 'Every minute' : `Every ${every} minutes`;
    const named = minute.split(',').map(whole);
    if (m === 0) return 'Every hour';
    return named.every((one) => one != null) ? `Every hour at ${list(named.map((one) => `:${two(/** @type {number} */ (one))}`))}` : null;
  }
  const every = step(hour);
  if (every && m != null) return `Every ${every} hours at :${two(m)}`;
  const hours = hour.split(',').map(whole);
  if (m != null && hours.every((one) => one != null)) return `at ${list(hours.map((one) => `${two(/** @type {number} */ (one))}:${two(m)}`))}`;
  if (h === null && step(minute) && /^\d+-\d+$/.test(hour)) {
    const [from, to] = hour.split('-').map(Number);
    return `Every ${step(minute)} minutes from ${two(from)}:00 to ${two(to)}:59`;
  }
  return null;
}

/** The words of an expression. @param {string} expression */
export function cronWords(expression) {
  const fields = (NICKNAMES[expression.trim()] ?? expression).trim().split(/\s+/);
  if (fields.length === 5) fields.unshift('0');
  if (fields.length !== 6) return expression;
  const [second, minute, hour, date, month, day] = fields;
  const parts = [times(second, minute, hour), days(day), dates(date), months(month)];
  if (parts.some((part) => part === null)) return expression;
  if (parts[1] && parts[2]) return expression;
  const [time, ...rest] = /** @type {string[]} */ (parts);
  const when = rest.filter(Boolean).join(' ');
  if (!time.startsWith('at ')) return when ? `${time}, ${when}` : time;
  if (!when) return `Every day ${time}`;
  return `${when.charAt(0).toUpperCase()}${when.slice(1)} ${time}`;
}
