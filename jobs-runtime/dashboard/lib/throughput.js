// What ended in each job or queue in the last hour or day: one request for a whole list.
import { api } from './api.js';
import { useData } from './data.js';

/** @typedef {import('./types.js').components['schemas']['ThroughputLine']} Line */
/** @typedef {{of: (name: string) => {line: Line | undefined, ended: number} | null, ms: number, complete: boolean, error: any}} Ended */

/**
 * The ended executions by name; `of` returns `null` until they are loaded.
 * @param {'job' | 'queue'} by @param {string} window @returns {Ended}
 */
export function useThroughput(by, window) {
  const { data, error } = useData(`throughput:${by}:${window}`, () => api.throughput({ by, window }), { every: 10_000 });
  const lines = new Map(data?.lines.map((line) => [line.name, line]));
  return {
    of: (name) => {
      if (!data) return null;
      const line = lines.get(name);
      return { line, ended: line ? line.succeeded + line.failed + line.cancelled : 0 };
    },
    ms: data ? Date.parse(data.at) - Date.parse(data.since) : 0,
    complete: data?.complete ?? true,
    error,
  };
}
