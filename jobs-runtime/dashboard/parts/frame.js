// The frame of every screen: top bar, navigation, the screen of the address.
import { html, useEffect, useState } from '../lib/dom.js';
import { api, signedOut, skew } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { href, route } from '../lib/router.js';
import { state, togglePause } from '../lib/live.js';
import { isReadOnly } from '../lib/session.js';
import { theme, setTheme } from '../lib/theme.js';
import { CreatedToken } from './created_token.js';
import { openPalette, Palette } from './palette.js';
import { Confirm, Toasts } from './dialog.js';
import { Keys, showKeys } from './key_help.js';
import { Icon } from './icons.js';
import { SignIn, Who } from './sign_in.js';
import { Skeleton, Empty } from './states.js';
import { screens, screenOf } from '../screens/index.js';

const LIVE_WORDS = /** @type {Record<string, string>} */ ({ live: 'live', connecting: 'connecting', paused: 'paused', offline: 'no events' });

function Live() {
  const words = LIVE_WORDS[state.value];
  const title = state.value === 'paused' ? 'Updates are paused. Click to continue.' : state.value === 'offline' ? 'The event stream is closed; the page still looks every 5 seconds. Click to pause.' : 'Changes appear as they happen. Click to pause.';
  return html`<button class="quiet live" data-state=${state.value} title=${title} aria-label="Updates: ${words}" aria-pressed=${state.value === 'paused'} onClick=${togglePause}>
    <span class="dot"></span><span>${words}</span></button>`;
}

function Theme() {
  const order = ['system', 'light', 'dark'];
  const next = order[(order.indexOf(theme.value) + 1) % 3];
  const icon = theme.value === 'light' ? 'sun' : theme.value === 'dark' ? 'moon' : 'system_theme';
  return html`<button class="quiet icon" title="Theme: ${theme.value}. Click for ${next}." aria-label="Theme: ${theme.value}" onClick=${() => setTheme(next)}>
    <${Icon} name=${icon} /></button>`;
}

function Top() {
  const name = document.documentElement.dataset.instance || 'jobs';
  return html`<header class="top">
    <a class="brand" href=${href(['overview'])} title=${name}>
      <svg width="18" height="18" viewBox="0 0 16 16" aria-hidden="true">
      <rect width="16" height="16" rx="4" fill="var(--instance)" />
      <path d="M4 5h8M4 8h5M4 11h7" stroke="#fff" stroke-width="1.6" stroke-linecap="round" /></svg>
      <span class="cut">${name}</span></a>
    <span class="spring"></span>
    <button class="find" title="Search and commands" onClick=${openPalette}><${Icon} name="search" />
      <span>Go to…</span><kbd aria-hidden="true">⌘K</kbd></button>
    ${isReadOnly() && html`<span class="tag" title="Your role is viewer: you see everything and change nothing.">read only</span>`}
    <${Live} /><${Theme} />
  </header>`;
}

function Navigation() {
  const version = useData('index', api.index, { live: false });
  const here = screenOf(route.value.path)?.name;
  return html`<nav class="nav" aria-label="Screens">
    ${screens.filter((one) => one.icon).map((one) => html`<a key=${one.name} href=${href([one.name])} title=${one.label} aria-current=${here === one.name ? 'page' : undefined}>
      <${Icon} name=${one.icon} /><span>${one.label}</span>
    </a>`)}
    <div class="foot">
      <${Who} />${version.data ? `jobs ${version.data.version}` : ''}${skew.value !== 0 && html`<br />Server clock: ${skew.value > 0 ? '+' : '−'}${Math.abs(skew.value / 1000)} s`}<br />
      <button class="link" onClick=${showKeys}>Keys</button> · <a href=${new URL('docs', document.baseURI).href} target="_blank" rel="noopener">HTTP docs</a>
    </div>
  </nav>`;
}

/** The screen of the address, loaded when it is first shown. */
function Screen() {
  const { path } = route.value;
  const screen = screenOf(path);
  const [loaded, setLoaded] = useState(/** @type {{name: string, view: any, error?: any} | null} */ (null));
  const name = screen ? (path.length > 1 && screen.detail ? `${screen.name}/` : screen.name) : '';
  useEffect(() => {
    if (!screen) return;
    const load = path.length > 1 && screen.detail ? screen.detail : screen.load;
    load().then(
      (/** @type {any} */ module) => setLoaded({ name, view: module.default }),
      (/** @type {any} */ error) => setLoaded({ name, view: null, error }),
    );
  }, [name]);
  useEffect(() => {
    const what = path.length > 1 ? `${path[path.length - 1]} · ` : '';
    document.title = `${what}${screen?.label ?? 'Not found'} · ${document.documentElement.dataset.instance || 'jobs'}`;
  }, [path.join('/')]);
  if (!screen) return html`<${Empty} title="There is no such screen.">
    <a href=${href(['overview'])}>Go to the overview</a></${Empty}>`;
  if (loaded?.name !== name) return html`<${Skeleton} lines=${8} />`;
  if (loaded.error) return html`<${Empty} title="The screen could not be loaded.">
    <button onClick=${() => location.reload()}>Reload the page</button></${Empty}>`;
  return html`<${loaded.view} key=${path.slice(0, 2).join('/')} path=${path.slice(1)} />`;
}

export function Frame() {
  return html`<div class="shell">
    <a class="skip" href="#main" onClick=${(/** @type {Event} */ event) => {
      event.preventDefault();
      document.querySelector('main')?.focus();
    }}>Skip to the content</a>
    <${Top} />
    <${Navigation} />
    <main id="main" tabindex="-1">${signedOut.value ? html`<${SignIn} />` : html`<${Screen} />`}</main>
    <${Palette} /><${Keys} /><${Confirm} /><${CreatedToken} /><${Toasts} />
  </div>`;
}
