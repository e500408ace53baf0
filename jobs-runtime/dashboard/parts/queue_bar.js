// A queue as a bar: running, ready, blocked, on the scale of the longest queue.
import { html } from '../lib/dom.js';
import { atLeast } from '../lib/format.js';

/** @param {{queue: {running: number, ready: number, blocked: number, atLeast: string[]}, most: number}} properties */
export function QueueBar({ queue, most }) {
  const part = (/** @type {string} */ kind, /** @type {number} */ n) => n > 0 && html`<span class=${kind} style=${{ width: `${Math.max(0.6, (n / most) * 100)}%` }}>
    </span>`;
  const words = `${queue.running} running, ${atLeast(queue, 'ready')}${queue.ready} ready, ${atLeast(queue, 'blocked')}${queue.blocked} blocked`;
  return html`<div class="queue-bar" role="img" aria-label=${words} title=${words}>${part('run', queue.running)}${part('ready', queue.ready)}${part('blocked', queue.blocked)}</div>`;
}
