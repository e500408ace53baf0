// Fields of arrays and tuples.
import { html } from '../lib/dom.js';
import { child, isObject } from '../lib/json.js';
import { initial, resolve, typeOf } from '../lib/schema.js';
import { Field } from './field.js';

/** @typedef {import('./field_scalar.js').Inner} Inner */

/** A first value of an item; a text starts empty. @param {any} schema @param {any} root */
function first(schema, root) {
  const made = initial(schema, root);
  if (made !== undefined) return made;
  return typeOf(resolve(schema, root)) === 'string' ? '' : null;
}

/** @param {Inner} properties */
export function ArrayField({ schema, value, change, pointer, form, label }) {
  const items = Array.isArray(value) ? value : [];
  const inner = isObject(schema.items) ? schema.items : {};
  const full = schema.maxItems !== undefined && items.length >= schema.maxItems;
  return html`<fieldset class="nested" aria-label=${label}>
    ${items.map((one, n) => html`<${Field} key=${n} name=${`${n + 1}`} schema=${inner} value=${one} required=${true} pointer=${child(pointer, n)} form=${form}
      change=${(/** @type {any} */ next) => change(items.map((other, at) => (at === n ? next ?? null : other)))}
      actions=${html`<button type="button" class="link" aria-label="Remove item ${n + 1} of ${label}" onClick=${() => change(items.filter((_, at) => at !== n))}>remove</button>`} />`)}
    <button type="button" class="small add" disabled=${full} onClick=${() => change([...items, first(inner, form.root)])}>Add an item</button>
  </fieldset>`;
}

/** @param {Inner} properties */
export function TupleField({ schema, value, change, pointer, form, label }) {
  const places = /** @type {any[]} */ (schema.prefixItems);
  const items = places.map((place, n) => (Array.isArray(value) && value[n] !== undefined ? value[n] : first(place, form.root)));
  return html`<fieldset class="nested" aria-label=${label}>${places.map((place, n) => html`<${Field} key=${n} name=${`${n + 1}`} schema=${place} value=${items[n]} required=${true} pointer=${child(pointer, n)} form=${form}
    change=${(/** @type {any} */ next) => change(items.map((other, at) => (at === n ? next ?? null : other)))} />`)}</fieldset>`;
}
