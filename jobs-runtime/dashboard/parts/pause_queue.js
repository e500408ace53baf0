// The dialog that pauses a queue, with a reason.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { quote } from '../lib/commands.js';
import { count } from '../lib/format.js';
import { touch } from '../lib/live.js';
import { failed, toast } from '../lib/notices.js';
import { CopyAs } from './copying.js';
import { Dialog } from './dialog.js';

/** @param {{queue: any, close: () => void}} properties */
export function PauseQueue({ queue, close }) {
  const [reason, setReason] = useState('');
  const body = { reason: reason.trim() };
  const pause = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      await api.pauseQueue(queue.queue, body);
      toast(`The queue ${queue.queue} is paused.`, { undo: () => void api.resumeQueue(queue.queue).then(touch) });
      touch();
    } catch (error) {
      failed('Pause', error);
    }
    close();
  };
  return html`<${Dialog} title="Pause the queue ${queue.queue}?" close=${close}>
    <form class="stack" onSubmit=${pause}>
      <div class="prose"><p>Workers claim nothing from it until it is resumed. ${count(queue.running, 'running execution')} ${queue.running === 1 ? 'continues' : 'continue'}; new ones are accepted and wait.</p>
        </div>
      <div class="field"><label for="pause-reason">Reason</label>
        <input id="pause-reason" autofocus required maxlength="255" value=${reason} onInput=${(/** @type {any} */ event) => setReason(event.target.value)} />
        <span class="hint">It stands beside the queue until it is resumed.</span></div>
      <footer class="dialog-foot">
        <${CopyAs} command=${{ method: 'POST', path: `queues/${encodeURIComponent(queue.queue)}/pause`, body, cli: `jobs queues pause ${queue.queue}${body.reason ? ` --reason ${quote(body.reason)}` : ''}` }} />
        <span class="spring"></span>
        <button type="button" onClick=${close}>Keep it open</button>
          <button class="primary" type="submit" disabled=${!reason.trim()}>Pause it</button>
          </footer>
    </form>
  </${Dialog}>`;
}
