// A chart over time: bars on top of each other, or lines. The numbers stand in the legend: those
// of the time under the pointer, or of the whole window.
import { html } from '../lib/dom.js';
import { clock } from '../lib/format.js';

/** @typedef {import('../lib/types.js').components['schemas']['Series']} Series */
/** @typedef {import('../lib/types.js').components['schemas']['Point']} Point */
/**
 * @typedef {object} Part
 * @property {string} name
 * @property {string} tone
 * @property {(point: Point) => number | null} value `null`: nothing is known, and a line has a gap
 */
/**
 * @typedef {object} Drawing
 * @property {string} title
 * @property {Part[]} parts
 * @property {boolean} [bars]
 * @property {(n: number) => string} words a value with its unit
 * @property {(points: Point[], part: Part) => number | null} whole the number of the whole window
 */

const WIDTH = 240;
const HEIGHT = 60;

/** A round number that is at least `most`, for the upper edge. @param {number} most */
export function edge(most) {
  if (most <= 4) return 4;
  const unit = 10 ** Math.floor(Math.log10(most));
  return ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((factor) => factor * unit >= most) ?? 10) * unit;
}

/** The points by their place in the window. @param {Series} series */
export function placed(series) {
  const count = Math.floor((Date.parse(series.at) - Date.parse(series.since)) / series.stepMs) + 1;
  /** @type {(Point | undefined)[]} */
  const places = Array(Math.max(1, count)).fill(undefined);
  for (const point of series.points) places[Math.floor((Date.parse(point.at) - Date.parse(series.since)) / series.stepMs)] = point;
  return places;
}

/** @param {(Point | undefined)[]} places @param {Part[]} parts @param {number} top */
function bars(places, parts, top) {
  const width = WIDTH / places.length;
  return places.map((point, at) => {
    let height = 0;
    return point && parts.map((part) => {
      const value = part.value(point) ?? 0;
      if (!value) return null;
      const size = Math.max(0.75, (value / top) * HEIGHT);
      height += size;
      return html`<rect key=${`${at}${part.name}`} class=${part.tone} x=${at * width} y=${HEIGHT - height} width=${width * 0.8} height=${size} />`;
    });
  });
}

/** @param {(Point | undefined)[]} places @param {Part} part @param {number} top */
function line(places, part, top) {
  const width = WIDTH / places.length;
  let path = '';
  let pen = false;
  places.forEach((point, at) => {
    const value = point ? part.value(point) : null;
    if (value === null) {
      pen = false;
      return;
    }
    const y = HEIGHT - (value / top) * HEIGHT;
    // Each value holds for its whole part of time, so that a lonely one is seen, too.
    path += `${pen ? 'L' : 'M'}${at * width} ${y}H${(at + 1) * width}`;
    pen = true;
  });
  return html`<path class=${part.tone} d=${path} />`;
}

/**
 * @param {{series: Series, drawing: Drawing, at: number | null, setAt: (at: number | null) => void}} properties
 *   `at` is the place under the pointer, the same for all charts of a panel
 */
export function Chart({ series, drawing, at, setAt }) {
  const { title, parts, words } = drawing;
  const places = placed(series);
  const sum = (/** @type {Point} */ point) => parts.reduce((total, part) => total + (part.value(point) ?? 0), 0);
  const highest = (/** @type {Point} */ point) => Math.max(...parts.map((part) => part.value(point) ?? 0));
  const top = edge(Math.max(0, ...series.points.map(drawing.bars ? sum : highest)));
  const point = at === null ? undefined : places[at];
  const shown = (/** @type {Part} */ part) => {
    const value = at === null ? drawing.whole(series.points, part) : point ? part.value(point) : drawing.bars ? 0 : null;
    return value === null ? '–' : words(value);
  };
  const follow = (/** @type {PointerEvent} */ event) => {
    const box = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
    setAt(Math.max(0, Math.min(places.length - 1, Math.floor(((event.clientX - box.left) / box.width) * places.length))));
  };
  const label = `${title}: ${parts.map((part) => `${part.name} ${shown(part)}`).join(', ')}`;
  const time = at === null ? '' : clock(new Date(Date.parse(series.since) + at * series.stepMs).toISOString()).replace(/:\d\d$/, '');
  return html`<figure class="chart">
    <figcaption><h3>${title}</h3><span class="muted num">${time}</span></figcaption>
    <div class="plot" onPointerMove=${follow} onPointerLeave=${() => setAt(null)}>
      <span class="peak num muted">${words(top)}</span>
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${label}>
        <path class="grid" d="M0 0H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}" />
        ${drawing.bars ? bars(places, parts, top) : [...parts].reverse().map((part) => line(places, part, top))}
        ${at !== null && html`<rect class="at" x=${(at * WIDTH) / places.length} y="0" width=${WIDTH / places.length} height=${HEIGHT} />`}
      </svg>
    </div>
    <p class="keys">${parts.map((part) => html`<span key=${part.name}><i class=${part.tone}></i>${part.name} <b class="num">${shown(part)}</b></span>`)}</p>
  </figure>`;
}
