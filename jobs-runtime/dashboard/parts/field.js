// One field of a form: chooses the control by the schema, and shows its text and its mistakes.
import { html, useId } from '../lib/dom.js';
import { sentence } from '../lib/format.js';
import { alternatives, isEnum, resolve, typeOf } from '../lib/schema.js';
import { ArrayField, TupleField } from './field_array.js';
import { MapField, ObjectField } from './field_object.js';
import { BooleanField, EnumField, NumberField, TextField } from './field_scalar.js';
import { UnionField } from './field_union.js';
import { RawJson } from './raw_json.js';

/** @typedef {import('./payload_form.js').Form} Form */
/**
 * @typedef {object} FieldProperties
 * @property {string} name
 * @property {any} schema
 * @property {any} value
 * @property {(value: any) => void} change `undefined` removes the member
 * @property {string} pointer
 * @property {boolean} required
 * @property {Form} form
 * @property {any} [actions] beside the label
 */

/** The control of a schema. @param {any} at @param {any} root */
function controlOf(at, root) {
  const { choices } = alternatives(at, root);
  if (Array.isArray(at.enum) || (choices && isEnum(choices)) || 'const' in at) return EnumField;
  if (choices && choices.length > 1) return UnionField;
  const type = typeOf(at);
  if (type === 'object') return at.properties ? ObjectField : MapField;
  if (type === 'array') return Array.isArray(at.prefixItems) ? TupleField : ArrayField;
  if (type === 'boolean') return BooleanField;
  if (type === 'integer' || type === 'number') return NumberField;
  return type === 'string' ? TextField : null;
}

/** Controls of several inputs; their label is a text, because a label would rename their first button. @type {any[]} */
const GROUPS = [ArrayField, TupleField, MapField, ObjectField];

/** Bounds and formats in words. @param {any} at */
function bounds(at) {
  const words = [];
  const type = typeOf(at);
  if (at.minimum !== undefined || at.maximum !== undefined) words.push(`${at.minimum ?? '…'} to ${at.maximum ?? '…'}`);
  if (at.minLength > 0 || at.maxLength !== undefined) words.push(`${at.minLength ?? 0} to ${at.maxLength ?? '…'} characters`);
  if (at.pattern) words.push(`matches ${at.pattern}`);
  if (at.minItems || at.maxItems !== undefined) words.push(`${at.minItems ?? 0} to ${at.maxItems ?? '…'} items`);
  if (at.format && !/^u?int|^float|^double/.test(at.format)) words.push(at.format);
  if ('default' in at && type !== 'object') words.push(`default ${JSON.stringify(at.default)}`);
  return words.join(' · ');
}

/** @param {FieldProperties} properties */
export function Field(properties) {
  const { name, schema, value, change, pointer, required, form, actions } = properties;
  const id = useId();
  let at = resolve(schema, form.root);
  const { choices, nullable } = alternatives(at, form.root);
  if (choices?.length === 1 && nullable) at = { ...choices[0], ...without(at, ['anyOf', 'oneOf']) };
  const Control = controlOf(at, form.root);
  const mistakes = form.mistakes.filter((one) => one.pointer === pointer);
  const label = at.title && !/^[A-Z]\w*$/.test(at.title) ? at.title : name;
  const hint = [at.description, bounds(at)].filter(Boolean).join(' · ');
  const set = (/** @type {any} */ next) => change(next === undefined && required && nullable ? null : next);
  const inner = { ...properties, schema: at, id, label, nullable, change: set, invalid: mistakes.length > 0, describedBy: `${id}-hint` };
  return html`<div class="field" data-pointer=${pointer}>
    <div class="row label-row">${GROUPS.includes(Control) ? html`<span class="label">${label}</span>` : html`<label for=${id}>${label}</label>`}${required ? '' : html`<span class="optional">optional</span>`}${actions}</div>
    ${Control ? html`<${Control} ...${inner} />` : html`<${RawJson} id=${id} label="${label} as JSON" value=${value} change=${set} />`}
    <div id="${id}-hint">${hint && html`<span class="hint">${sentence(hint)}</span>`}${mistakes.map((one) => html`<span class="mistake" key=${one.message}>${sentence(one.message)}</span>`)}</div>
  </div>`;
}

/** @param {any} object @param {string[]} names */
function without(object, names) {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}
