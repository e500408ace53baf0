// The states of a piece of a screen: loading, empty, failed, stale, forbidden.
import { html } from '../lib/dom.js';
import { Time } from './time.js';

/** @param {{title: any, children?: any}} properties */
export function Empty({ title, children }) {
  return html`<div class="empty">
    <p class="empty-title">${title}</p>${children && html`<p>${children}</p>`}</div>`;
}

/** What failed, what is still shown, and what to do. @param {{error: any, at?: number, reload?: () => void, what?: string}} properties */
export function Failure({ error, at = 0, reload, what = 'This part' }) {
  const title = error.status === 403 ? 'Your role does not show this.' : error.status === 0 ? 'No connection.' : `${what} could not be loaded.`;
  return html`<div class="notice bad" role="alert">
    <div><b>${title}</b> ${error.message}${at > 0 && html` Shown is the state of <${Time} at=${new Date(at).toISOString()} />.`}</div>
    ${reload && html`<button class="small" onClick=${reload}>Try again</button>`}
  </div>`;
}

/** Grey lines where content will stand. @param {{lines?: number}} properties */
export function Skeleton({ lines = 6 }) {
  return html`<div class="skeleton" role="status" aria-label="Loading">${Array.from({ length: lines }, (_, n) => html`<i key=${n}>
    </i>`)}</div>`;
}

/**
 * Shows a loaded value, or the state instead of it. Old data stays while an error stands above it.
 * @param {{of: import('../lib/data.js').Loaded<any> & {reload: () => void}, what?: string, lines?: number, children?: (data: any) => any}} properties
 */
export function Show({ of, what, lines, children }) {
  const failure = of.error && html`<${Failure} error=${of.error} at=${of.data === undefined ? 0 : of.at} reload=${of.reload} what=${what} />`;
  if (of.data === undefined) return failure || html`<${Skeleton} lines=${lines} />`;
  return html`${failure}${children?.(of.data)}`;
}

/** A panel with a heading. @param {{title?: any, aside?: any, children?: any, kind?: string, id?: string}} properties */
export function Panel({ title, aside, children, kind = '', id }) {
  return html`<section class="panel ${kind}" id=${id} aria-label=${typeof title === 'string' ? title : undefined}>
    ${title && html`<header><h2>${title}</h2>${aside && html`<div class="aside">${aside}</div>`}</header>`}
    ${children}
  </section>`;
}

/** A progress bar with its number. @param {{value: number, label?: string}} properties */
export function Progress({ value, label }) {
  return html`<span class="progress" role="progressbar" aria-valuenow=${value} aria-valuemin="0" aria-valuemax="100" aria-label=${label ?? 'Progress'}>
    <span class="track"><span style=${{ width: `${value}%` }}></span></span><span class="num">${value} %</span>
      </span>`;
}
