// Choices of the viewer, kept by the browser; of this page alone where it has no storage.

/** @type {Map<string, string>} */
const fallback = new Map();

/** Reads a choice. @template T @param {string} name @param {T} otherwise @returns {T} */
export function recall(name, otherwise) {
  let text;
  try {
    text = localStorage.getItem(`jobs.${name}`);
  } catch {
    text = fallback.get(name) ?? null;
  }
  if (text === null) return otherwise;
  if (typeof otherwise === 'string') return /** @type {any} */ (text);
  try {
    return JSON.parse(text);
  } catch {
    return otherwise;
  }
}

/** Keeps a choice. @param {string} name @param {any} value @param {boolean} [plain] */
export function keep(name, value, plain = false) {
  const text = plain ? String(value) : JSON.stringify(value);
  try {
    localStorage.setItem(`jobs.${name}`, text);
  } catch {
    fallback.set(name, text);
  }
}
