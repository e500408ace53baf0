// The list of keys.
import { html, signal } from '../lib/dom.js';
import { bindings, useKeys } from '../lib/keys.js';
import { screens } from '../screens/index.js';
import { Dialog } from './dialog.js';

const open = signal(false);

export function showKeys() {
  open.value = true;
}

/** @param {string} key */
function words(key) {
  return key.replace('mod+', '⌘ / Ctrl ').replace('Enter', '↵');
}

export function Keys() {
  useKeys([{ key: '?', does: 'show the keys', run: showKeys }]);
  if (!open.value) return null;
  return html`<${Dialog} title="Keys" close=${() => {
    open.value = false;
  }}>
    <dl class="facts">
      ${screens.filter((one) => one.key).map((one) => html`<dt><kbd>g</kbd> <kbd>${one.key}</kbd></dt>
        <dd>go to ${one.label}</dd>`)}
      ${bindings().map((one) => html`<dt><kbd>${words(one.key)}</kbd></dt><dd>${one.does}</dd>`)}
    </dl>
  </${Dialog}>`;
}
