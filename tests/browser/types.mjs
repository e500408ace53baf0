// TypeScript declarations from the schemas of an OpenAPI document.

/** The TypeScript type of a schema. */
function type(schema) {
  if (schema === true || schema === undefined || Object.keys(schema).length === 0) return 'any';
  if (schema.$ref) return `components['schemas'][${JSON.stringify(schema.$ref.split('/').pop())}]`;
  for (const [key, separator] of [['anyOf', ' | '], ['oneOf', ' | '], ['allOf', ' & ']]) {
    if (!schema[key]) continue;
    const members = `(${schema[key].map(type).join(separator)})`;
    return schema.properties ? `${members} & ${object(schema)}` : members;
  }
  if ('const' in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' | ');
  if (Array.isArray(schema.type)) return schema.type.map((one) => type({ ...schema, type: one })).join(' | ');
  return { string: 'string', integer: 'number', number: 'number', boolean: 'boolean', null: 'null' }[schema.type]
    ?? (schema.type === 'array' ? `(${type(schema.items)})[]` : schema.type === 'object' ? object(schema) : 'any');
}

function object(schema) {
  const required = schema.required ?? [];
  const members = Object.entries(schema.properties ?? {}).map(([name, one]) => `${JSON.stringify(name)}${required.includes(name) ? '' : '?'}: ${type(one)}`);
  if (!members.length) return 'Record<string, any>';
  return `{ ${members.join('; ')} }`;
}

/** The declarations of the shared schemas; those of jobs are left out. */
export function declarations(document) {
  const schemas = Object.entries(document.components.schemas).filter(([name]) => !/^(payload|result)\./.test(name));
  return `export interface components { schemas: {\n${schemas.map(([name, schema]) => `${JSON.stringify(name)}: ${type(schema)};`).join('\n')}\n} }\n`;
}
