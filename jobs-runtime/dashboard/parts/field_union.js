// Fields of unions: the viewer chooses an alternative, and fills in its members.
import { html, useState } from '../lib/dom.js';
import { isObject } from '../lib/json.js';
import { alternatives, initial, resolve, typeOf } from '../lib/schema.js';
import { Field } from './field.js';
import { Fields } from './field_object.js';

/** @typedef {import('./field_scalar.js').Inner} Inner */

/** The members of an alternative with a constant: the tag. @param {any} choice @param {any} root @returns {[string, any][]} */
function tags(choice, root) {
  return Object.entries(choice.properties ?? {}).flatMap(([name, one]) => {
    const member = resolve(one, root);
    return 'const' in member ? [/** @type {[string, any]} */ ([name, member.const])] : [];
  });
}

/** The name of an alternative: its tag, title, only member or type. @param {any} choice @param {any} root @param {number} n */
function nameOf(choice, root, n) {
  const [tag] = tags(choice, root);
  if (tag) return String(tag[1]);
  if ('const' in choice) return JSON.stringify(choice.const);
  if (choice.title) return choice.title;
  if (choice.required?.length === 1) return choice.required[0];
  return typeOf(choice) ?? `alternative ${n + 1}`;
}

/** True if the value looks like the alternative. @param {any} value @param {any} choice @param {any} root */
function fits(value, choice, root) {
  if ('const' in choice) return value === choice.const;
  if (Array.isArray(choice.enum)) return choice.enum.includes(value);
  const type = typeOf(choice);
  if (type === 'object') {
    if (!isObject(value)) return false;
    const found = tags(choice, root);
    if (found.length) return found.every(([name, one]) => value[name] === one);
    return (choice.required ?? []).every((/** @type {string} */ name) => name in value);
  }
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

/** @param {Inner} properties */
export function UnionField({ id, name, schema, value, change, pointer, required, nullable, form, label, invalid, describedBy }) {
  const choices = /** @type {any[]} */ (alternatives(schema, form.root).choices);
  const fitting = value === undefined || value === null ? -1 : choices.findIndex((one) => fits(value, one, form.root));
  const [chosen, setChosen] = useState(fitting);
  const at = fitting >= 0 && (chosen < 0 || !fits(value, choices[chosen], form.root)) ? fitting : value == null ? -1 : chosen;
  const choice = choices[at];
  const constants = choice ? tags(choice, form.root).map(([one]) => one) : [];
  const select = (/** @type {number} */ n) => {
    setChosen(n);
    if (n < 0) return change(undefined);
    const made = initial(choices[n], form.root);
    return change(made === undefined ? (typeOf(choices[n]) === 'string' ? '' : typeOf(choices[n]) === 'object' ? {} : null) : made);
  };
  return html`<div class="union">
    <select id=${id} value=${at} aria-invalid=${invalid ? 'true' : undefined} aria-describedby=${describedBy} onChange=${(/** @type {any} */ event) => select(Number(event.target.value))}>
      ${(at < 0 || !required || nullable) && html`<option value="-1">${required && !nullable ? 'choose…' : 'not set'}</option>`}
      ${choices.map((one, n) => html`<option key=${n} value=${n}>${nameOf(one, form.root, n)}</option>`)}
    </select>
    ${choice?.description && html`<span class="hint">${choice.description}</span>`}
    ${choice && !('const' in choice) && (choice.properties
      ? html`<fieldset class="nested" aria-label="${label}: ${nameOf(choice, form.root, at)}">
        <${Fields} schema=${choice} value=${value} change=${change} pointer=${pointer} form=${form} except=${constants} />
        </fieldset>`
      : html`<fieldset class="nested" aria-label=${label}>
        <${Field} name=${nameOf(choice, form.root, at) === name ? 'value' : nameOf(choice, form.root, at)} schema=${{ ...choice, description: undefined }} value=${value} required=${true} change=${change} pointer=${pointer} form=${{ ...form, mistakes: form.mistakes.filter((one) => one.pointer !== pointer) }} />
        </fieldset>`)}
  </div>`;
}
