// Starts the dashboard: router, event stream, keyboard, frame.
import { html, render } from './lib/dom.js';
import { start as startRouter } from './lib/router.js';
import { start as startLive } from './lib/live.js';
import { start as startKeys } from './lib/keys.js';
import { identify } from './lib/session.js';
import { Frame } from './parts/frame.js';

startRouter();
startLive();
startKeys();
void identify();
const root = /** @type {HTMLElement} */ (document.getElementById('app'));
root.textContent = '';
render(html`<${Frame} />`, root);
