// The theme: the system's, light or dark. `../theme.js` sets it before the first paint.
import { signal } from './dom.js';
import { recall, keep } from './storage.js';

export const theme = signal(/** @type {string} */ (recall('theme', 'system')));

/** @param {string} next */
export function setTheme(next) {
  theme.value = next;
  keep('theme', next, true);
  if (next === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
}
