// The routes and inputs of this server, read from its index.
import { api } from './api.js';
import { useData } from './data.js';

/** @typedef {{has: (route: string) => boolean, takes: (route: string, input: string) => boolean, known: boolean}} Features */

/** The routes of the server. `route` is as in `POST /jobs/{id}/trigger`, without the prefix. @returns {Features} */
export function useFeatures() {
  const { data } = useData('index', api.index, { live: false });
  const line = (/** @type {string} */ route) => {
    const [method, path] = route.split(' ');
    return data?.routes[`${method} /api/v1/workers${path}`] ?? data?.routes[route];
  };
  return {
    known: Boolean(data),
    has: (route) => line(route) !== undefined,
    takes: (route, input) => new RegExp(`[{?&, ]${input}\\b`).test(line(route)?.split('; ').slice(1).join('; ') ?? ''),
  };
}
