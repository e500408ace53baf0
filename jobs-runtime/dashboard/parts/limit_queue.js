// The executions that wait for a permit of a limit, and the holders of its permits.
import { html } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { count, relative, shortId } from '../lib/format.js';
import { now } from '../lib/live.js';
import { href } from '../lib/router.js';
import { Show } from './states.js';

/** @param {string} id */
const link = (id) => html`<a class="mono" href=${href(['executions', id])}>${shortId(id)}</a>`;

/** @param {any[]} items */
const listed = (items) => items.map((item, n) => html`${n ? ', ' : ''}${item}`);

/** @param {{limit: string, waiting: number}} properties */
export function LimitQueue({ limit, waiting }) {
  const loaded = useData(`limit:${limit}`, () => api.limit(limit), { every: 2000 });
  return html`<${Show} of=${loaded} what="The limit" lines=${2}>${(/** @type {import('../lib/types.js').components['schemas']['LimitQueue']} */ queue) => {
    const holders = queue.blocking?.holders ?? [];
    const freeAt = queue.blocking?.freeAt;
    return html`<div class="limit-queue">
      <p>${holders.length ? html`Permits are held by ${listed(holders.map((one) => html`${link(one.executionId)}${one.worker ? html` on <code>${one.worker}</code>` : ', ready'}${one.stuck ? ', whose handler outlives its attempt' : ''}`))}.` : freeAt ? `The next start is free ${relative(freeAt, now.value)}.` : 'No holder of a permit was found.'}</p>
      <p>${queue.waiting.length ? html`Behind them ${waiting === 1 ? 'waits' : 'wait'}, in this order: ${listed(queue.waiting.map(link))}${waiting > queue.waiting.length ? ` and ${count(waiting - queue.waiting.length, 'more', 'more')}` : ''}.` : 'Nothing waits for it any more.'}</p>
    </div>`;
  }}</${Show}>`;
}
