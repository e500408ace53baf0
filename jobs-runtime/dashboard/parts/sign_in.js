// The sign-in, and the caller that is signed in.
import { html, useState } from '../lib/dom.js';
import { relative } from '../lib/format.js';
import { now } from '../lib/live.js';
import { failed } from '../lib/notices.js';
import { caller, signIn, signOut } from '../lib/session.js';
import { typed } from './labelled.js';

/** The form that takes a token. */
export function SignIn() {
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await signIn(token.trim());
    } catch (error) {
      setProblem(/** @type {Error} */ (error).message);
      setBusy(false);
    }
  };
  return html`<div class="sign-in panel"><h1>Sign in</h1>
    <p class="muted">This server asks for a token. An administrator makes one with <code>token create --role viewer --name NAME</code>. The browser keeps a cookie instead of the token.</p>
    <form class="stack" onSubmit=${send}>
      <div class="field"><label for="token">Token</label>
        <input id="token" type="password" autocomplete="current-password" autofocus required value=${token} aria-invalid=${problem ? 'true' : undefined} aria-describedby="token-mistake" onInput=${typed(setToken)} />
      <span class="mistake" id="token-mistake" role="alert">${problem}</span></div>
      <button class="primary" type="submit" disabled=${busy || !token.trim()}>Sign in</button>
    </form></div>`;
}

/** The caller at the foot of the navigation. */
export function Who() {
  const one = caller.value;
  if (!one || one.name === 'local' || one.name === 'trusted-network') return null;
  return html`<span class="who cut" title="${one.name}, ${one.role}${one.expiresAt ? `, until ${relative(one.expiresAt, now.value)}` : ''}">
    <b>${one.name}</b> · ${one.role}</span><br />
    ${one.expiresAt && html`<button class="link" onClick=${() => signOut().catch((error) => failed('Sign out', error))}>Sign out</button>
      <br />`}`;
}
