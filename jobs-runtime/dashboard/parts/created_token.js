// The dialog with a token that was just created, above every screen: after the first one, the server
// asks this page for a token too, and the sign-in replaces the screen.
import { html, signal } from '../lib/dom.js';
import { Copy } from './copying.js';
import { Dialog } from './dialog.js';

/** The text of the token until the viewer has kept it. */
export const created = signal('');

export function CreatedToken() {
  const text = created.value;
  if (!text) return null;
  const close = () => {
    created.value = '';
  };
  return html`<${Dialog} title="The token" close=${close}><div class="stack">
    <p class="notice wait">Keep it now: it cannot be shown again.</p>
    <div class="row tight"><input class="mono" readonly aria-label="The new token" value=${text} /><${Copy} text=${text} what="the token" label="Copy" /></div>
    <footer class="dialog-foot"><span class="spring"></span><button class="primary" onClick=${close}>I have kept it</button></footer></div></${Dialog}>`;
}
