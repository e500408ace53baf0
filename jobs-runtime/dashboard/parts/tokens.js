// Access tokens, for admins: list, create, revoke.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { quote } from '../lib/commands.js';
import { useData } from '../lib/data.js';
import { touch } from '../lib/live.js';
import { ask, failed, toast } from '../lib/notices.js';
import { caller } from '../lib/session.js';
import { created } from './created_token.js';
import { Dialog, DialogFoot } from './dialog.js';
import { Labelled, typed } from './labelled.js';
import { Empty, Panel, Show } from './states.js';
import { Tone } from './status.js';
import { Table } from './table.js';
import { Time } from './time.js';

/** @typedef {import('../lib/types.js').components['schemas']['TokenView']} Token */

const ROLES = /** @type {[string, string][]} */ ([
  ['viewer', 'sees everything except sensitive values'], ['operator', 'triggers, cancels, retries, edits, pauses and deletes as well'],
  ['admin', 'manages tokens and reads the audit log as well'], ['worker', 'executes jobs from another program, and nothing else'],
]);
const COLUMNS = [['Name', 'grow'], 'Role', 'State', ['Created', 'right wide'], ['Last used', 'right wide'], ['Ends', 'right wide'], ''];
const DAY_MS = 86_400_000;
const PERIODS = /** @type {[string, number][]} */ ([['a day', DAY_MS], ['30 days', 30 * DAY_MS], ['a year', 365 * DAY_MS], ['no end', 0]]);

/** @param {Token} token */
function askRevoke(token) {
  ask({
    title: `Revoke the token ${token.name}?`, verb: 'Revoke it', danger: true,
    body: html`<p>Every process refuses it within five seconds, and the sign-ins with it. That cannot be undone.</p>
      ${token.name === caller.value?.name && html`<p class="notice wait">You may be signed in with it: then this page asks for another one.</p>`}`,
    command: { method: 'DELETE', path: `tokens/${token.id}`, cli: `jobs token revoke ${token.id}` },
    run: async () => {
      await api.revokeToken(token.id);
      toast('The token is revoked.');
    },
  });
}

/** @param {{close: () => void, isFirst: boolean}} properties */
function NewToken({ close, isFirst }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState(isFirst ? 'admin' : 'viewer');
  const [lasts, setLasts] = useState(30 * DAY_MS);
  const body = { role, ...(name.trim() ? { name: name.trim() } : {}), ...(lasts ? { expiresInMs: lasts } : {}) };
  const create = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      created.value = (await api.createToken(body)).token;
      close();
      touch();
    } catch (error) {
      failed('Create', error);
    }
  };
  const cli = `jobs token create --role ${role}${name.trim() ? ` --name ${quote(name.trim())}` : ''}${lasts ? ` --expires ${lasts / DAY_MS}d` : ''}`;
  return html`<${Dialog} title="New token" close=${close}><form class="stack" onSubmit=${create}>
    ${isFirst && html`<p class="notice wait">It is the first one: from then on, the server asks every caller for a token, this page too. Make it an admin's.</p>`}
    <${Labelled} id="token-name" label="Name" hint="The audit log names its bearer by it.">
      <input id="token-name" autofocus maxlength="255" value=${name} onInput=${typed(setName)} /></${Labelled}>
    <${Labelled} id="token-role" label="Role" hint=${`It ${ROLES.find(([value]) => value === role)?.[1]}.`}>
      <select id="token-role" value=${role} onChange=${typed(setRole)}>${ROLES.map(([value]) => html`<option key=${value} value=${value}>${value}</option>`)}</select></${Labelled}>
    <${Labelled} id="token-lasts" label="Lasts">
      <select id="token-lasts" value=${lasts} onChange=${typed((value) => setLasts(Number(value)))}>${PERIODS.map(([words, value]) => html`<option key=${value} value=${value}>${words}</option>`)}</select></${Labelled}>
    <${DialogFoot} command=${{ method: 'POST', path: 'tokens', body, cli }} keep="Create none" close=${close} verb="Create" />
  </form></${Dialog}>`;
}

export function Tokens() {
  const isShown = caller.value?.role === 'admin';
  const loaded = useData(isShown ? 'tokens' : null, api.tokens, { every: 5000 });
  const [creating, setCreating] = useState(false);
  if (!isShown) return null;
  // The first token has another default than the next ones.
  const aside = loaded.data && html`<button class="small" onClick=${() => setCreating(true)}>New token</button>`;
  return html`<${Panel} title="Tokens" kind="table" aside=${aside}><${Show} of=${loaded} what="The list of tokens" lines=${3}>${(/** @type {{tokens: Token[]}} */ { tokens }) => (tokens.length
    ? html`<${Table} label="Tokens" columns=${COLUMNS}>${[...tokens].reverse().map((token) => html`<tr key=${token.id}><td class="grow"><div class="cell"><span class="cut" title=${token.id}>${token.name}</span></div></td>
        <td>${token.role}</td><td><${Tone} tone=${token.state === 'valid' ? 'ok' : 'off'} word=${token.state} /></td>
        <td class="right wide"><${Time} at=${token.createdAt} /></td><td class="right wide">${token.lastUsedAt ? html`<${Time} at=${token.lastUsedAt} />` : html`<span class="muted">never</span>`}</td>
        <td class="right wide">${token.revokedAt ? html`revoked <${Time} at=${token.revokedAt} />` : token.expiresAt ? html`<${Time} at=${token.expiresAt} />` : html`<span class="muted">never</span>`}</td>
        <td class="right">${token.state === 'valid' && html`<button class="small" onClick=${() => askRevoke(token)}>Revoke</button>`}</td></tr>`)}</${Table}>`
    : html`<${Empty} title="There is no token.">Every caller of this address may do everything until there is one.</${Empty}>`)}</${Show}>
    ${creating && html`<${NewToken} close=${() => setCreating(false)} isFirst=${loaded.data?.tokens.length === 0} />`}</${Panel}>`;
}
