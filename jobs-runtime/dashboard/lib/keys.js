// The keyboard: one listener, and the bindings of the screen that is shown.
import { useLayoutEffect, useRef } from './dom.js';
import { go, href } from './router.js';
import { screens } from '../screens/index.js';

/** @typedef {{key: string, does: string, run: (event: KeyboardEvent) => void}} Binding */

/** @type {Set<{current: Binding[]}>} */
const bound = new Set();
let afterG = -Infinity;

/** Binds keys while the component is shown; those of its last rendering. @param {Binding[]} bindings */
export function useKeys(bindings) {
  const latest = useRef(bindings);
  latest.current = bindings;
  // Before the paint: no key is lost that the viewer presses on a visible screen.
  useLayoutEffect(() => {
    bound.add(latest);
    return () => void bound.delete(latest);
  }, []);
}

/** The bindings in force, for the help. */
export const bindings = () => [...bound].flatMap((one) => one.current);

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) && !(target instanceof HTMLInputElement && target.type === 'checkbox');
}

/** @param {KeyboardEvent} event */
function name(event) {
  const command = event.metaKey || event.ctrlKey ? 'mod+' : '';
  return command + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
}

export function start() {
  document.addEventListener('keydown', (event) => {
    const pressed = name(event);
    const plain = !event.altKey && !event.metaKey && !event.ctrlKey;
    if (plain && (isTyping(event.target) || document.querySelector('dialog[open]'))) return;
    if (plain && pressed === 'g') {
      afterG = event.timeStamp;
      return;
    }
    const screen = plain && event.timeStamp - afterG < 1200 ? screens.find((one) => one.key === pressed) : undefined;
    afterG = -Infinity;
    if (screen) {
      event.preventDefault();
      go(href([screen.name]));
      return;
    }
    const binding = bindings().findLast((one) => one.key === pressed);
    if (!binding) return;
    const onControl = event.target instanceof HTMLElement && /^(BUTTON|A|SUMMARY)$/.test(event.target.tagName);
    if (onControl && (pressed === 'Enter' || pressed === ' ')) return;
    event.preventDefault();
    binding.run(event);
  });
}
