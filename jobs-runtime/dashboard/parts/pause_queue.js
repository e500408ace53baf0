// The dialog that pauses a queue, with a reason.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { quote } from '../lib/commands.js';
import { count } from '../lib/format.js';
import { touch } from '../lib/live.js';
import { failed, toast } from '../lib/notices.js';
import { Dialog, DialogFoot } from './dialog.js';
import { Labelled, typed } from './labelled.js';

/** @param {{queue: any, close: () => void}} properties */
export function PauseQueue({ queue, close }) {
  const [reason, setReason] = useState('');
  const body = { reason: reason.trim() };
  const pause = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      const { changed } = await api.pauseQueue(queue.queue, body);
      const undo = () => void api.resumeQueue(queue.queue).then(touch, (/** @type {any} */ error) => failed('Undo', error));
      toast(changed ? `The queue ${queue.queue} is paused.` : `The queue ${queue.queue} was paused already.`, changed ? { undo } : {});
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
      <${Labelled} id="pause-reason" label="Reason" hint="It stands beside the queue until it is resumed.">
        <input id="pause-reason" autofocus required maxlength="255" value=${reason} onInput=${typed(setReason)} /></${Labelled}>
      <${DialogFoot} keep="Keep it open" close=${close} verb="Pause it" disabled=${!reason.trim()} command=${{ method: 'POST', path: `queues/${encodeURIComponent(queue.queue)}/pause`, body, cli: `jobs queues pause ${quote(queue.queue)}${body.reason ? ` --reason ${quote(body.reason)}` : ''}` }} />
    </form>
  </${Dialog}>`;
}
