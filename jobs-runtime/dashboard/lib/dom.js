// The only module that imports the vendored libraries of the view.
import { h, render, Fragment } from '../vendor/preact.js';
import htm from '../vendor/htm.js';

export { render, Fragment };
export { useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useId } from '../vendor/hooks.js';
export { signal, computed, effect, batch, untracked, useSignal, useComputed, useSignalEffect } from '../vendor/signals.js';

// Control characters except tab and line feed, and the marks that reorder or hide text.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/**
 * Shows control characters and bidirectional marks as escapes, so that no text changes the reading
 * of the text around it.
 * @param {string} text
 */
export function visible(text) {
  return text.replace(HIDDEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** @param {any} child @returns {any} */
function clean(child) {
  if (typeof child === 'string') return visible(child);
  return Array.isArray(child) ? child.map(clean) : child;
}

/**
 * Creates an element. Every text in it passes through `visible`.
 * @param {any} type
 * @param {any} props
 * @param {...any} children
 */
function element(type, props, ...children) {
  if (props && typeof type === 'string') {
    for (const name of ['title', 'aria-label', 'placeholder']) {
      if (typeof props[name] === 'string') props[name] = visible(props[name]);
    }
  }
  return h(type, props, ...children.map(clean));
}

/** @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(element);
