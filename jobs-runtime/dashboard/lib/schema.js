// Reading of JSON Schema: references, members, types, defaults.
import { isObject } from './json.js';

/** Follows references inside the document. @param {any} schema @param {any} root @returns {any} */
export function resolve(schema, root) {
  let found = schema;
  for (let steps = 0; steps < 32 && typeof found?.$ref === 'string'; steps += 1) {
    const { $ref, ...beside } = found;
    if (!$ref.startsWith('#')) return beside;
    let target = root;
    for (const part of $ref.slice(1).split('/').slice(1)) target = target?.[decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')];
    found = isObject(target) ? { ...target, ...beside } : beside;
  }
  if (Array.isArray(found?.allOf) && found.allOf.length === 1) {
    const { allOf, ...beside } = found;
    return { ...resolve(allOf[0], root), ...beside };
  }
  return isObject(found) ? found : {};
}

/** The schema of a member. @param {any} schema @param {string} name @param {any} root @returns {any} */
export function property(schema, name, root) {
  const at = resolve(schema, root);
  if (at.properties?.[name]) return resolve(at.properties[name], root);
  if (/^\d+$/.test(name)) {
    const item = at.prefixItems?.[Number(name)] ?? at.items;
    return isObject(item) ? resolve(item, root) : undefined;
  }
  return isObject(at.additionalProperties) ? resolve(at.additionalProperties, root) : undefined;
}

/** The alternatives of a union without null, and whether null is one. @param {any} schema @param {any} root */
export function alternatives(schema, root) {
  const at = resolve(schema, root);
  const list = at.oneOf ?? at.anyOf;
  if (!Array.isArray(list)) {
    const types = Array.isArray(at.type) ? at.type : [];
    const rest = types.filter((/** @type {string} */ one) => one !== 'null');
    if (rest.length > 1) return { choices: rest.map((/** @type {string} */ type) => ({ ...at, type })), nullable: rest.length < types.length };
    return { choices: null, nullable: types.includes('null') };
  }
  const all = list.map((one) => resolve(one, root));
  const choices = all.filter((one) => one.type !== 'null' && one.const !== null);
  return { choices, nullable: choices.length < all.length };
}

/** The one type of a schema. @param {any} at @returns {string | undefined} */
export function typeOf(at) {
  if (Array.isArray(at.type)) return at.type.find((/** @type {string} */ one) => one !== 'null');
  if (at.type) return at.type;
  if (at.properties) return 'object';
  if ('const' in at) return Array.isArray(at.const) ? 'array' : typeof at.const;
  return undefined;
}

/** True if every alternative is a constant. @param {any[]} choices */
export function isEnum(choices) {
  return choices.length > 0 && choices.every((one) => 'const' in one || (Array.isArray(one.enum) && one.enum.length === 1));
}

/** The constant of an alternative. @param {any} choice */
export const constant = (choice) => ('const' in choice ? choice.const : choice.enum[0]);

/** A first value for the form: defaults and constants; `undefined` for what the viewer has to fill in. @param {any} schema @param {any} root @param {number} [depth] @returns {any} */
export function initial(schema, root, depth = 0) {
  const at = resolve(schema, root);
  if ('default' in at) return structuredCloneJson(at.default);
  if ('const' in at) return at.const;
  if (depth > 6) return undefined;
  if (typeOf(at) === 'object' && at.properties) {
    /** @type {Record<string, any>} */
    const value = {};
    for (const [name, one] of Object.entries(at.properties)) {
      const member = resolve(one, root);
      const wanted = at.required?.includes(name) || 'default' in member;
      const made = wanted ? initial(member, root, depth + 1) : undefined;
      if (made !== undefined) value[name] = made;
    }
    return value;
  }
  if (at.oneOf || at.anyOf) {
    const { choices, nullable } = alternatives(at, root);
    if (nullable) return null;
    return choices && !isEnum(choices) ? initial(choices[0], root, depth + 1) : undefined;
  }
  if (typeOf(at) === 'array') return [];
  if (typeOf(at) === 'boolean') return false;
  return undefined;
}

/** A copy that keeps exact numbers. @param {any} value @returns {any} */
function structuredCloneJson(value) {
  if (Array.isArray(value)) return value.map(structuredCloneJson);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, structuredCloneJson(one)])) : value;
}
