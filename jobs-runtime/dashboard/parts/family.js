// The tree of an execution: the executions that enqueued it, and those that its attempts enqueued.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { duration, shortId } from '../lib/format.js';
import { href } from '../lib/router.js';
import { Panel } from './states.js';
import { Status } from './status.js';
import { Time } from './time.js';

/** @typedef {import('../lib/types.js').components['schemas']['ExecutionRecord']} Execution */

const HIGHEST = 10;
const LISTED = 50;

/** The ancestors, the highest first; one that was deleted ends the chain. @param {Execution} one */
async function ancestors(one) {
  /** @type {Execution[]} */
  const chain = [];
  for (let id = one.parentId; id && chain.length < HIGHEST; id = chain[0].parentId) {
    try {
      chain.unshift(await api.execution(id));
    } catch (error) {
      if (/** @type {any} */ (error).status === 404) break;
      throw error;
    }
  }
  return chain;
}

/** @param {string} id */
const childrenOf = (id) => api.executions({ parentId: id, limit: LISTED });

/** @param {{one: Execution, isHere?: boolean}} properties */
function Line({ one, isHere = false }) {
  return html`<span class="row"><${Status} status=${one.status} />
    ${isHere ? html`<b>${one.jobId}</b> <span class="muted">this execution</span>` : html`<a href=${href(['executions', one.id])}>${one.jobId}</a> <span class="mono muted">${shortId(one.id)}</span>`}
    <span class="muted num">${one.durationMs == null ? '' : `${duration(one.durationMs)}, `}<${Time} at=${one.createdAt} /></span></span>`;
}

/** A child, whose own children are read when it is opened. @param {{one: Execution}} properties */
function Branch({ one }) {
  const [open, setOpen] = useState(false);
  const children = useData(open ? `children:${one.id}` : null, () => childrenOf(one.id), { every: 3000 });
  const list = children.data?.executions;
  return html`<li><button class="link fold" aria-expanded=${open} aria-label="Children of ${shortId(one.id)}" onClick=${() => setOpen(!open)}>${open ? '−' : '+'}</button>
    <${Line} one=${one} />
    ${open && list && (list.length ? html`<${Children} page=${children.data} of=${one.id} />` : html`<ul><li class="muted">It enqueued none.</li></ul>`)}</li>`;
}

/** @param {{page: any, of: string}} properties */
function Children({ page, of }) {
  return html`<ul>${page.executions.map((/** @type {Execution} */ child) => html`<${Branch} key=${child.id} one=${child} />`)}
    ${page.nextCursor && html`<li class="muted">The last ${LISTED} of them. <a href=${href(['executions'], { parentId: of })}>All as a list</a></li>`}</ul>`;
}

/** @param {{execution: Execution}} properties */
export function Family({ execution: one }) {
  const above = useData(one.parentId ? `ancestors:${one.id}` : null, () => ancestors(one), { live: false });
  const below = useData(`children:${one.id}`, () => childrenOf(one.id), { every: 3000 });
  const children = below.data?.executions ?? [];
  if (!one.parentId && !children.length) return null;
  const here = html`<li class="here"><${Line} one=${one} isHere=${true} />
    ${children.length > 0 && html`<${Children} page=${below.data} of=${one.id} />`}</li>`;
  const tree = (above.data ?? []).reduceRight((inner, parent) => html`<li><${Line} one=${parent} /><ul>${inner}</ul></li>`, here);
  return html`<${Panel} title="Parent and children"><ul class="tree body">${tree}</ul></${Panel}>`;
}
