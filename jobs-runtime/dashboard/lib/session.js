// The caller of this page: name, role, sign-in.
import { signal } from './dom.js';
import { api, request, signedOut } from './api.js';

/** @typedef {{name: string, role: string, expiresAt: string | null}} Caller */

/** The caller; `null` while unknown, and on a server without roles. */
export const caller = signal(/** @type {Caller | null} */ (null));

const ROUTE = 'api/v1/session';

/** Asks for the caller, if the server has roles. */
export async function identify() {
  try {
    const { routes } = await api.index();
    if (routes[`GET /${ROUTE}`] !== undefined) caller.value = await request('GET', ROUTE);
  } catch {
    // Without an answer, the screens say what is wrong.
  }
}

/** Exchanges a token for a cookie, and starts anew with it. @param {string} token */
export async function signIn(token) {
  caller.value = await request('POST', ROUTE, { body: { token } });
  signedOut.value = false;
  location.reload();
}

export async function signOut() {
  await request('DELETE', ROUTE);
  caller.value = null;
  location.reload();
}

/** True if the role of the caller is known to forbid changes. */
export const isReadOnly = () => caller.value?.role === 'viewer';
