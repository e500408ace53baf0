// The choice between the last hour and the last day, kept by the browser for all charts and lists.
import { html, useState } from '../lib/dom.js';
import { keep, recall } from '../lib/storage.js';

const WINDOWS = /** @type {['hour' | 'day', string][]} */ ([['hour', 'Last hour'], ['day', 'Last 24 hours']]);

/** The chosen window, and the buttons that change it. */
export function useWindow() {
  const [chosen, setChosen] = useState(() => recall('charts', 'hour'));
  const choose = (/** @type {string} */ next) => {
    keep('charts', next, true);
    setChosen(next);
  };
  const buttons = html`<span class="tabs">${WINDOWS.map(([name, words]) => html`<button key=${name} class="small" aria-pressed=${chosen === name} onClick=${() => choose(name)}>${words}</button>`)}</span>`;
  return { chosen, buttons };
}
