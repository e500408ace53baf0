// The charts of the fleet, of a job or of a queue, over the last hour or day.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { duration, number } from '../lib/format.js';
import { Chart } from './chart.js';
import { Empty, Panel, Show } from './states.js';
import { useWindow } from './window_choice.js';

/** @typedef {import('./chart.js').Part} Part */
/** @typedef {import('./chart.js').Drawing} Drawing */
/** @typedef {import('./chart.js').Point} Point */

/** @param {Point[]} points @param {Part} part */
const total = (points, part) => points.reduce((sum, point) => sum + (part.value(point) ?? 0), 0);
/** @param {Point[]} points @param {Part} part */
const most = (points, part) => (points.length ? Math.max(...points.map((point) => part.value(point) ?? 0)) : null);

/** @param {string} name @param {string} tone @param {(point: Point) => number | null} value @returns {Part} */
const part = (name, tone, value) => ({ name, tone, value });

/** @param {'waitMs' | 'durationMs'} field */
const percentiles = (field) => [
  part('p50', 'run', (point) => point[field]?.p50 ?? null),
  part('p95', 'wait', (point) => point[field]?.p95 ?? null),
  part('p99', 'off', (point) => point[field]?.p99 ?? null),
];

/** @type {Record<string, Drawing>} */
const DRAWINGS = {
  throughput: {
    title: 'Ended', bars: true, words: number, whole: total,
    parts: [
      part('succeeded', 'ok', (point) => point.succeeded), part('failed', 'bad', (point) => point.failed),
      part('cancelled', 'off', (point) => point.cancelled),
    ],
  },
  failures: {
    title: 'Unsuccessful attempts', bars: true, words: number, whole: total,
    parts: [part('failed for good', 'bad', (point) => point.failed), part('retried', 'wait', (point) => point.retried)],
  },
  wait: { title: 'From due to start, highest', words: duration, whole: most, parts: percentiles('waitMs') },
  duration: { title: 'Duration of attempts, highest', words: duration, whole: most, parts: percentiles('durationMs') },
  depth: {
    title: 'In queues, at most', bars: true, words: number, whole: most,
    parts: [
      part('running', 'run', (point) => point.running), part('ready', 'wait', (point) => point.ready),
      part('blocked', 'off', (point) => point.blocked),
    ],
  },
  age: { title: 'Oldest ready execution', words: duration, whole: most, parts: [part('waited at most', 'wait', (point) => point.oldestMs)] },
};

/** @param {{title: string, of: {jobId?: string, queue?: string}, show: string[], choice?: any}} properties */
export function Charts({ title, of, show, choice }) {
  const { chosen: length, buttons } = useWindow();
  const [at, setAt] = useState(/** @type {number | null} */ (null));
  const loaded = useData(`series:${length}:${JSON.stringify(of)}`, () => api.series({ ...of, window: length }), { every: 10_000 });
  return html`<${Panel} title=${title} aside=${html`${choice}${buttons}`} kind="charted"><${Show} of=${loaded} what="The series" lines=${4}>${(/** @type {import('./chart.js').Series} */ series) => (series.points.length
    ? html`<div class="charts">${show.map((name) => html`<${Chart} key=${name} series=${series} drawing=${DRAWINGS[name]} at=${at} setAt=${setAt} />`)}</div>
      <p class="axis muted"><span>${length === 'hour' ? 'an hour ago, by minute' : 'a day ago, by quarter of an hour'}</span><span>now</span></p>`
    : html`<${Empty} title=${length === 'hour' ? 'Nothing ran or waited in the last hour.' : 'Nothing ran or waited in the last day.'} />`)}</${Show}></${Panel}>`;
}
