// Stacked bars over time: what ended in each part of a window, by outcome.
import { html, useState } from '../lib/dom.js';
import { clock, number } from '../lib/format.js';

/** @typedef {{succeeded: number, failed: number, cancelled: number}} Part */

const WIDTH = 1000;
const HEIGHT = 140;
const GAP = 3;

/** @param {Part} part */
const total = (part) => part.succeeded + part.failed + part.cancelled;

/** @param {{parts: Part[], since: string, until: string}} properties */
export function Chart({ parts, since, until }) {
  const [at, setAt] = useState(-1);
  const most = Math.max(1, ...parts.map(total));
  const width = WIDTH / parts.length;
  const from = Date.parse(since);
  const length = (Date.parse(until) - from) / parts.length;
  const time = (/** @type {number} */ n) => clock(new Date(from + n * length).toISOString()).replace(/:\d\d$/, '');
  const chosen = parts[at];
  const sum = parts.reduce((count, part) => count + total(part), 0);
  const words = chosen
    ? `${time(at)} to ${time(at + 1)}: ${number(chosen.succeeded)} succeeded, ${number(chosen.failed)} failed, ${number(chosen.cancelled)} cancelled`
    : `at most ${number(most)} in a bar`;
  return html`<figure class="chart">
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${number(sum)} executions ended, in ${parts.length} parts of the time" onPointerLeave=${() => setAt(-1)}>
      ${parts.map((part, n) => {
        let top = HEIGHT;
        const bar = (/** @type {string} */ tone, /** @type {number} */ count) => {
          const height = count ? Math.max(2, (count / most) * HEIGHT) : 0;
          top -= height;
          return html`<rect class=${tone} x=${n * width} y=${top} width=${width - GAP} height=${height} />`;
        };
        return html`<g key=${n} class=${n === at ? 'at' : ''} onPointerEnter=${() => setAt(n)}>
          <rect class="ground" x=${n * width} y="0" width=${width - GAP} height=${HEIGHT} />
          ${bar('ok', part.succeeded)}${bar('off', part.cancelled)}${bar('bad', part.failed)}</g>`;
      })}
    </svg>
    <figcaption><span>${time(0)}</span><span class="num">${words}</span><span>now</span></figcaption>
  </figure>`;
}
