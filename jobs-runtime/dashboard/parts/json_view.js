// A JSON value: folded, searchable, with paths to copy and the schema's text beside it.
import { html, useState } from '../lib/dom.js';
import { child, isObject, isRaw, pretty, segments } from '../lib/json.js';
import { copy } from '../lib/clipboard.js';
import { toast } from '../lib/notices.js';
import { property } from '../lib/schema.js';
import { Copy } from './copying.js';
import { typed } from './labelled.js';

const MOST_MEMBERS = 200;
const MOST_TEXT = 2000;

/** True if the value or a member has the text. @param {any} value @param {string} text @returns {boolean} */
function holds(value, text) {
  if (!text) return false;
  return JSON.stringify(value)?.toLowerCase().includes(text) ?? false;
}

/** @param {any} value */
function kind(value) {
  if (value === null) return 'null';
  return isRaw(value) ? 'number' : typeof value;
}

/** @param {{value: any, find: string}} properties */
function Scalar({ value, find }) {
  const [whole, setWhole] = useState(false);
  const text = isRaw(value) ? value.rawJSON : JSON.stringify(value);
  const cut = !whole && text.length > MOST_TEXT;
  return html`<span class="json-${kind(value)} ${find && text.toLowerCase().includes(find) ? 'found' : ''}">${cut ? `${text.slice(0, MOST_TEXT)}…` : text}</span>${cut && html` <button class="link" onClick=${() => setWhole(true)}>show all ${text.length} characters</button>`}`;
}

/** @param {string} pointer */
async function copyPath(pointer) {
  const path = segments(pointer).map((part) => (/^[A-Za-z_]\w*$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`)).join('');
  if (await copy(path)) toast(`The path ${path} is copied.`);
}

/** @param {{name?: string, value: any, schema: any, root: any, depth: number, find: string, pointer: string}} properties */
function Node({ name, value, schema, root, depth, find, pointer }) {
  const many = isObject(value) || Array.isArray(value);
  const entries = many ? Object.entries(value) : [];
  const [chosen, setOpen] = useState(/** @type {boolean | null} */ (null));
  const [most, setMost] = useState(MOST_MEMBERS);
  const open = chosen ?? (depth < 2 && entries.length <= 50 || holds(value, find));
  const about = name !== undefined ? property(schema, name, root)?.description : undefined;
  const inner = name === undefined ? schema : property(schema, name, root);
  const label = name !== undefined && html`<button class="json-key" title="Copy the path" onClick=${() => copyPath(pointer)}>${name}</button>`;
  if (!many) return html`<div class="json-line">${label}<${Scalar} value=${value} find=${find} />${about && html`<span class="json-about">${about}</span>`}</div>`;
  const size = Array.isArray(value) ? `${entries.length} items` : `${entries.length} fields`;
  return html`<div class="json-node">
    <div class="json-line">${label}<button class="json-fold" aria-expanded=${open} onClick=${() => setOpen(!open)}>${Array.isArray(value) ? '[' : '{'}${open ? '' : ` ${size} ${Array.isArray(value) ? ']' : '}'}`}</button>${about && html`<span class="json-about">${about}</span>`}</div>
    ${open && html`<div class="json-members">${entries.slice(0, most).map(([key, one]) => html`<${Node} key=${key} name=${key} value=${one} schema=${inner} root=${root} depth=${depth + 1} find=${find} pointer=${child(pointer, key)} />`)}
      ${entries.length > most && html`<button class="link" onClick=${() => setMost(most + 1000)}>show ${Math.min(1000, entries.length - most)} more of ${entries.length}</button>`}
    </div><div class="json-line">${Array.isArray(value) ? ']' : '}'}</div>`}
  </div>`;
}

/** @param {{value: any, schema?: any, name: string}} properties */
export function JsonView({ value, schema, name }) {
  const [find, setFind] = useState('');
  const text = pretty(value) ?? '';
  const long = text.length > 400;
  return html`<div class="json">
    <div class="json-tools">${long && html`<input type="search" aria-label="Find in the ${name}" placeholder="Find" value=${find} onInput=${typed(setFind)} />`}<${Copy} text=${text} what="the ${name}" />
      </div>
    <${Node} value=${value} schema=${schema} root=${schema} depth=${0} find=${find.trim().toLowerCase()} pointer="" />
  </div>`;
}
