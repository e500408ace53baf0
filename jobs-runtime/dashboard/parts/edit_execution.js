// Dialogs that change an execution: edit while it waits, retry with another payload.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { quote, withFlags } from '../lib/commands.js';
import { pretty } from '../lib/json.js';
import { touch } from '../lib/live.js';
import { toast } from '../lib/notices.js';
import { Dialog, DialogFoot } from './dialog.js';
import { Labelled, typed } from './labelled.js';
import { PayloadForm } from './payload_form.js';
import { withoutHidden } from './trigger.js';

/** @typedef {import('../lib/types.js').components['schemas']['ExecutionRecord']} Execution */

/** Sends a change and keeps the mistakes that the server finds. @param {() => void} close */
function useChange(close) {
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const send = async (/** @type {() => Promise<any>} */ run, /** @type {string} */ done) => {
    setBusy(true);
    try {
      await run();
      toast(done);
      touch();
      close();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return { problem, busy, send };
}

/** @param {{execution: Execution, job: any, close: () => void}} properties */
export function RetryEdited({ execution, job, close }) {
  const [payload, setPayload] = useState(() => withoutHidden(execution.payload, job));
  const { problem, busy, send } = useChange(close);
  const body = { payload };
  return html`<${Dialog} title="Retry with an edited payload" close=${close} wide=${true}>
    <p class="muted">The execution keeps its id. Its attempts and their logs stay; the payload of before is replaced.</p>
    <${PayloadForm} schema=${job?.payloadSchema} value=${payload} change=${setPayload} problem=${problem} sensitive=${job?.sensitive} />
    <${DialogFoot} command=${{ method: 'POST', path: `executions/${execution.id}/retry`, body, cli: `jobs retry ${execution.id} --payload ${quote(JSON.stringify(payload))}` }} close=${close} verb="Retry" disabled=${busy}
      run=${() => send(() => api.retry(execution.id, JSON.stringify(body)), 'Queued again with the edited payload.')} />
  </${Dialog}>`;
}

/** A time for an input of the kind datetime-local. @param {string} at */
function localTime(at) {
  const time = new Date(at);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** The flags of `jobs edit`. */
const FLAGS = { priority: '--priority', runAt: '--run-at', payload: '--payload' };

/** @param {{execution: Execution, job: any, close: () => void}} properties */
export function EditExecution({ execution: latest, job, close }) {
  // As it was when the dialog opened: only what the viewer changed is sent.
  const [execution] = useState(latest);
  const [payload, setPayload] = useState(() => withoutHidden(execution.payload, job));
  const [priority, setPriority] = useState(String(execution.priority));
  const [due, setDue] = useState(localTime(execution.runAt));
  const { problem, busy, send } = useChange(close);
  /** @type {Record<string, any>} */
  const body = {};
  if (Number(priority) !== execution.priority) body.priority = Number(priority);
  if (due !== localTime(execution.runAt)) body.runAt = new Date(due).toISOString();
  if (pretty(payload) !== pretty(withoutHidden(execution.payload, job))) body.payload = payload;
  const changed = Object.keys(body).length > 0;
  const save = (/** @type {Record<string, any>} */ change, /** @type {string} */ done) => send(() => api.edit(execution.id, JSON.stringify(change)), done);
  return html`<${Dialog} title="Edit while it waits" close=${close} wide=${true}>
    <div class="stack">
      <div class="row form-row">
        <${Labelled} id="edit-due" label="Due, in your time zone"><input id="edit-due" type="datetime-local" step="1" value=${due} onInput=${typed(setDue)} /></${Labelled}>
        <button onClick=${() => save({ delayMs: 0 }, 'It is due now.')} disabled=${busy}>Make it due now</button>
        <${Labelled} id="edit-priority" label="Priority, 0 to 100"><input id="edit-priority" type="number" min="0" max="100" value=${priority} onInput=${typed(setPriority)} /></${Labelled}>
      </div>
      <${PayloadForm} schema=${job?.payloadSchema} value=${payload} change=${setPayload} problem=${problem} sensitive=${job?.sensitive} />
    </div>
    <${DialogFoot} command=${changed && { method: 'PATCH', path: `executions/${execution.id}`, body, cli: withFlags(`jobs edit ${execution.id}`, body, FLAGS) }} close=${close} verb="Save" disabled=${busy || !changed} run=${() => save(body, 'Changed.')} />
  </${Dialog}>`;
}
