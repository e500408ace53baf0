// Fields of objects: declared members, and members with names of the viewer's choice.
import { html, useState } from '../lib/dom.js';
import { child, isObject } from '../lib/json.js';
import { initial, resolve } from '../lib/schema.js';
import { Field } from './field.js';
import { typed } from './labelled.js';

/** @typedef {import('./field_scalar.js').Inner} Inner */

/** @param {any} value @param {string} name @param {any} next */
function changed(value, name, next) {
  const { [name]: _, ...rest } = isObject(value) ? value : {};
  if (next === undefined) return rest;
  return isObject(value) && name in value ? { ...value, [name]: next } : { ...rest, [name]: next };
}

/** The members of an object, each with its field. @param {{schema: any, value: any, change: (value: any) => void, pointer: string, form: import('./payload_form.js').Form, except?: string[]}} properties */
export function Fields({ schema, value, change, pointer, form, except = [] }) {
  const at = resolve(schema, form.root);
  const names = Object.keys(at.properties ?? {}).filter((name) => !except.includes(name));
  const ordered = [...names.filter((name) => at.required?.includes(name)), ...names.filter((name) => !at.required?.includes(name))];
  return html`<div class="fields">${ordered.map((name) => html`<${Field} key=${name} name=${name} schema=${at.properties[name]} value=${value?.[name]} required=${at.required?.includes(name) ?? false}
    pointer=${child(pointer, name)} form=${form} change=${(/** @type {any} */ next) => change(changed(value, name, next))} />`)}</div>`;
}

/** @param {Inner} properties */
export function ObjectField({ schema, value, change, pointer, required, form, nullable, label }) {
  if (!isObject(value) && (!required || nullable)) {
    return html`<button type="button" class="small add" onClick=${() => change(initial(schema, form.root) ?? {})}>Set ${label}</button>`;
  }
  return html`<fieldset class="nested" aria-label=${label}>
    <${Fields} schema=${schema} value=${value} change=${change} pointer=${pointer} form=${form} />
    ${(!required || nullable) && html`<button type="button" class="link" onClick=${() => change(undefined)}>Remove ${label}</button>`}
  </fieldset>`;
}

/** An object whose member names are free. @param {Inner} properties */
export function MapField({ schema, value, change, pointer, form, label }) {
  const [name, setName] = useState('');
  const entries = Object.entries(isObject(value) ? value : {});
  const inner = isObject(schema.additionalProperties) ? schema.additionalProperties : {};
  const add = () => {
    if (!name || entries.some(([one]) => one === name)) return;
    change({ ...value, [name]: initial(inner, form.root) ?? null });
    setName('');
  };
  return html`<fieldset class="nested" aria-label=${label}>
    ${entries.map(([key, one]) => html`<${Field} key=${key} name=${key} schema=${inner} value=${one} required=${true} pointer=${child(pointer, key)} form=${form}
      change=${(/** @type {any} */ next) => change({ ...value, [key]: next ?? null })}
      actions=${html`<button type="button" class="link" onClick=${() => change(changed(value, key, undefined))}>remove</button>`} />`)}
    <div class="row tight">
      <input aria-label="Name of a new member of ${label}" placeholder="name" value=${name} onInput=${typed(setName)} />
    <button type="button" class="small" disabled=${!name} onClick=${add}>Add</button></div>
  </fieldset>`;
}
