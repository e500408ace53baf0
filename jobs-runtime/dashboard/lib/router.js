// The address of the page: the path below `dashboard/` and the query.
import { signal } from './dom.js';

export const root = new URL('dashboard/', document.baseURI);

/** @typedef {{path: string[], query: URLSearchParams}} Route */

/** @returns {Route} */
function read() {
  const rest = location.pathname.startsWith(root.pathname) ? location.pathname.slice(root.pathname.length) : '';
  const path = rest.split('/').filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { path, query: new URLSearchParams(location.search) };
}

export const route = signal(read());

/**
 * The address of a screen. Empty values of the query are left out.
 * @param {string[]} path
 * @param {Record<string, string | string[] | undefined | null>} [query]
 */
export function href(path, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one) parameters.append(name, one);
  }
  const search = parameters.toString();
  return root.pathname + path.map(encodeURIComponent).join('/') + (search ? `?${search}` : '');
}

let entry = 0;
/** Scroll positions by history entry. @type {Map<number, number>} */
const scrolls = new Map();

function remember() {
  scrolls.set(entry, scrollY);
  if (scrolls.size > 200) scrolls.delete(scrolls.keys().next().value ?? 0);
}

/** Goes to an address of the dashboard. @param {string} target @param {{replace?: boolean}} [options] */
export function go(target, { replace = false } = {}) {
  remember();
  if (replace) {
    history.replaceState({ entry }, '', target);
    route.value = read();
    return;
  }
  entry = Date.now();
  history.pushState({ entry }, '', target);
  const before = route.value.path.join('/');
  route.value = read();
  if (route.value.path.join('/') !== before) {
    scrollTo(0, 0);
    document.querySelector('main')?.focus({ preventScroll: true });
  }
}

/** Changes the query of the present screen. @param {Record<string, string | string[] | undefined | null>} query @param {{replace?: boolean}} [options] */
export function setQuery(query, options) {
  go(href(route.value.path, query), options);
}

/** Answers to clicks on links of the dashboard, and to back and forward. */
export function start() {
  history.scrollRestoration = 'manual';
  entry = history.state?.entry ?? Date.now();
  history.replaceState({ entry }, '', location.href);
  addEventListener('popstate', (event) => {
    remember();
    entry = event.state?.entry ?? 0;
    route.value = read();
    const top = scrolls.get(entry) ?? 0;
    requestAnimationFrame(() => requestAnimationFrame(() => scrollTo(0, top)));
  });
  document.addEventListener('click', (event) => {
    const link = /** @type {Element} */ (event.target).closest?.('a[href]');
    if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.target || link.download) return;
    if (link.origin !== location.origin || !link.pathname.startsWith(root.pathname)) return;
    if (link.pathname.includes('/assets/')) return;
    if (link.hash && link.pathname === location.pathname) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
