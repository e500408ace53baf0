// A payload as a form made from the job's schema, or as raw JSON.
import { html, useMemo, useState } from '../lib/dom.js';
import { resolve } from '../lib/schema.js';
import { Fields } from './field_object.js';
import { findMistake, RawJson } from './raw_json.js';

/** @typedef {{pointer: string, message: string}} Mistake */

/**
 * The state that the fields of a form share.
 * @typedef {object} Form
 * @property {any} root the whole schema
 * @property {Mistake[]} mistakes those to show
 * @property {string[]} sensitive names of top-level members that are hidden from viewers
 */

/** The mistakes of a problem, by pointer into the payload. @param {any} problem @returns {Mistake[]} */
export function mistakesOf(problem) {
  return problem?.code === 'invalid_payload' ? problem.problem.violations ?? [] : [];
}

/** True if the schema has a field for the place of the mistake. @param {any} schema @param {Mistake} mistake */
function hasField(schema, mistake) {
  const first = mistake.pointer.split('/')[1];
  return Boolean(first && resolve(schema, schema).properties?.[first.replaceAll('~1', '/').replaceAll('~0', '~')]);
}

/**
 * @param {{schema: any, value: any, change: (value: any) => void, problem?: any, mistakes?: Mistake[], sensitive?: string[]}} properties
 */
export function PayloadForm({ schema, value, change, problem, mistakes = mistakesOf(problem), sensitive = [] }) {
  const isForm = Boolean(schema && resolve(schema, schema).properties);
  const [raw, setRaw] = useState(!isForm);
  const form = useMemo(() => ({ root: schema, mistakes, sensitive }), [schema, mistakes, sensitive]);
  const elsewhere = mistakes.filter((one) => raw || !hasField(schema, one));
  const other = problem && problem.code !== 'invalid_payload' ? problem : null;
  const empty = isForm && !Object.keys(resolve(schema, schema).properties).length;
  return html`<div class="payload-form">
    <div class="row"><h3>Payload</h3><span class="spring"></span>${isForm && html`<span class="tabs">
      <button type="button" class="small" aria-pressed=${!raw} onClick=${(/** @type {any} */ event) => findMistake(event.currentTarget.closest('.payload-form')) || setRaw(false)}>Form</button>
      <button type="button" class="small" aria-pressed=${raw} onClick=${() => setRaw(true)}>JSON</button>
      </span>`}</div>
    ${other && html`<div class="notice bad" role="alert">
      <div>${other.message}${other.problem?.violations?.map((/** @type {Mistake} */ one) => html`<br />
      <code>${one.pointer}</code> ${one.message}`)}</div></div>`}
    ${elsewhere.length > 0 && html`<div class="notice bad" role="alert">
      <div>${elsewhere.map((one) => html`<div key=${one.pointer + one.message}>
      <code>${one.pointer || '/'}</code> ${one.message}</div>`)}</div></div>`}
    ${raw ? html`<${RawJson} value=${value} change=${change} label="Payload as JSON" rows=${12} />` : empty ? html`<p class="muted">This job takes no payload.</p>` : html`<${Fields} schema=${schema} value=${value} change=${change} pointer="" form=${form} />`}
  </div>`;
}
