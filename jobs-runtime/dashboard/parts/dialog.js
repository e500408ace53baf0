// Dialogs: the native element keeps the focus inside and closes on Escape.
import { html, useLayoutEffect, useRef, useState } from '../lib/dom.js';
import { question, failed, toasts, dismiss } from '../lib/notices.js';
import { touch } from '../lib/live.js';
import { caller, isReadOnly } from '../lib/session.js';
import { CopyAs } from './copying.js';
import { Icon } from './icons.js';
import { findMistake } from './raw_json.js';

/** @param {{title: string, close: () => void, children?: any, wide?: boolean}} properties */
export function Dialog({ title, close, children, wide = false }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  // Before the next key is pressed, so that no letter is lost.
  useLayoutEffect(() => {
    const shown = dialog.current;
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    shown?.showModal();
    return () => {
      shown?.close();
      before?.focus?.();
    };
  }, []);
  return html`<dialog ref=${dialog} class=${wide ? 'wide' : ''} aria-label=${title}
    onCancel=${(/** @type {Event} */ event) => {
      event.preventDefault();
      close();
    }}>
    <header class="dialog-head"><h2>${title}</h2><button class="quiet icon" aria-label="Close" onClick=${close}>
      <${Icon} name="close" /></button></header>
    <div class="dialog-body">${children}</div>
  </dialog>`;
}

/**
 * The end of a dialog: its act as commands, the way out, the act. Without `run`, the act submits the form.
 * @param {{command?: import('../lib/commands.js').Command | false, keep?: string, close: () => void, verb: string, danger?: boolean, disabled?: any, focus?: boolean, run?: () => void}} properties
 */
export function DialogFoot({ command, keep = 'Keep as it is', close, verb, danger = false, disabled, focus = false, run }) {
  const act = (/** @type {any} */ event) => findMistake(event.currentTarget.closest('dialog')) || run?.();
  return html`<footer class="dialog-foot">${command && html`<${CopyAs} command=${command} />`}
    <span class="spring"></span><button type="button" onClick=${close}>${keep}</button>
    <button class="primary ${danger ? 'danger' : ''}" type=${run ? 'button' : 'submit'} disabled=${disabled} autofocus=${focus} onClick=${run && act}>${verb}</button></footer>`;
}

/** The question before an act, if one is asked. */
export function Confirm() {
  const asked = question.value;
  const [busy, setBusy] = useState(false);
  if (!asked) return null;
  const close = () => {
    question.value = null;
  };
  const run = async () => {
    setBusy(true);
    try {
      await asked.run();
      close();
      touch();
    } catch (error) {
      failed(asked.verb, error);
      close();
    } finally {
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${asked.title} close=${close}>
    <div class="prose">${asked.body}</div>
    ${isReadOnly() && html`<p class="notice wait refusal">Your role, ${caller.value?.role}, sees this and may not do it.</p>`}
    <${DialogFoot} command=${asked.command} close=${close} verb=${asked.verb} danger=${asked.danger} disabled=${busy || isReadOnly()} focus=${true} run=${run} />
  </${Dialog}>`;
}

/** The notices in the corner. */
export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">${toasts.value.map(
    (one) => html`<div class="toast ${one.kind}" key=${one.id}>
      <div>${one.text} ${one.href && html`<a href=${one.href}>Show</a>`}</div>
      ${one.undo && html`<button class="link" onClick=${() => {
        one.undo?.();
        dismiss(one.id);
      }}>Undo</button>`}
      <button class="link" aria-label="Dismiss" onClick=${() => dismiss(one.id)}>
        <${Icon} name="close" size=${14} /></button>
    </div>`,
  )}</div>`;
}
