// Fields of single values: choices, booleans, numbers, texts.
import { html, useState } from '../lib/dom.js';
import { isRaw } from '../lib/json.js';
import { alternatives, constant } from '../lib/schema.js';

/** @typedef {import('./field.js').FieldProperties & {id: string, label: string, nullable: boolean, invalid: boolean, describedBy: string}} Inner */

/** @param {Inner} properties */
export function EnumField({ id, schema, value, change, required, form, invalid, describedBy }) {
  const { choices } = alternatives(schema, form.root);
  const values = schema.enum ?? ('const' in schema ? [schema.const] : (choices ?? []).map(constant));
  const texts = (choices ?? []).map((/** @type {any} */ one) => one.description ?? '');
  const at = values.findIndex((/** @type {any} */ one) => JSON.stringify(one) === JSON.stringify(value));
  return html`<select id=${id} value=${at} aria-invalid=${invalid ? 'true' : undefined} aria-describedby=${describedBy} onChange=${(/** @type {any} */ event) => change(values[Number(event.target.value)])}>
    ${(at < 0 || !required) && html`<option value="-1">${required ? 'choose…' : 'not set'}</option>`}
    ${values.map((/** @type {any} */ one, /** @type {number} */ n) => one !== null && html`<option key=${n} value=${n}>${typeof one === 'string' ? one : JSON.stringify(one)}${texts[n] ? ` – ${texts[n]}` : ''}</option>`)}
  </select>`;
}

/** @param {Inner} properties */
export function BooleanField({ id, value, change, required, invalid, describedBy }) {
  const text = value === true ? 'true' : value === false ? 'false' : '';
  return html`<select id=${id} value=${text} aria-invalid=${invalid ? 'true' : undefined} aria-describedby=${describedBy} onChange=${(/** @type {any} */ event) => change(event.target.value === '' ? undefined : event.target.value === 'true')}>
    ${(!required || text === '') && html`<option value="">${required ? 'choose…' : 'not set'}</option>`}
    <option value="true">true</option><option value="false">false</option>
  </select>`;
}

/** A number from a text; exact if a double cannot hold it. Other texts stay texts, and the server says what is wrong. @param {string} text @returns {any} */
function numberOf(text) {
  if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return text;
  const value = Number(text);
  const native = /** @type {any} */ (JSON);
  return String(value) !== text && native.rawJSON ? native.rawJSON(text) : value;
}

/** @param {Inner} properties */
export function NumberField({ id, value, change, invalid, describedBy }) {
  const text = value == null ? '' : isRaw(value) ? value.rawJSON : String(value);
  return html`<input id=${id} inputmode="decimal" autocomplete="off" value=${text} aria-invalid=${invalid ? 'true' : undefined} aria-describedby=${describedBy}
    onInput=${(/** @type {any} */ event) => change(event.target.value.trim() === '' ? undefined : numberOf(event.target.value.trim()))} />`;
}

/** @type {Record<string, string>} */
const TYPES = { date: 'date', email: 'email', uri: 'url' };

/** @param {Inner} properties */
export function TextField({ id, name, schema, value, change, required, form, pointer, invalid, describedBy }) {
  const hidden = form.sensitive.includes(name) && pointer.split('/').length === 2;
  const [long, setLong] = useState(typeof value === 'string' && (value.includes('\n') || value.length > 80));
  const text = value == null ? '' : String(value);
  const set = (/** @type {any} */ event) => change(event.target.value === '' && !required ? undefined : event.target.value);
  const shared = { id, value: text, 'aria-invalid': invalid ? 'true' : undefined, 'aria-describedby': describedBy, onInput: set, autocomplete: 'off', spellcheck: false };
  if (long && !hidden) return html`<textarea ...${shared} rows=${Math.min(12, Math.max(3, text.split('\n').length))}>
    </textarea>`;
  return html`<div class="row tight">
    <input ...${shared} type=${hidden ? 'password' : TYPES[schema.format] ?? 'text'} placeholder=${schema.examples?.[0] ?? ''} />
    ${schema.format === 'uuid' && html`<button type="button" class="small" onClick=${() => change(newUuid())}>New</button>`}
    ${schema.format === 'date-time' && html`<button type="button" class="small" onClick=${() => change(new Date().toISOString())}>Now</button>`}
    ${!schema.format && !hidden && html`<button type="button" class="quiet small" title="More lines" onClick=${() => setLong(true)}>⤢</button>`}</div>`;
}

/** A random UUID; `crypto.randomUUID` is absent without https. */
function newUuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
