// The HTTP interface. The only module that sends requests; every route has a function here.
import { signal } from './dom.js';
import { parse } from './json.js';

/** @typedef {import('./types.js').components} Types */

export const base = document.baseURI;
const API = 'api/v1/workers';

/** The server's clock minus this browser's, in milliseconds; 0 while they agree within two seconds. */
export const skew = signal(0);

/** True after an answer that asks for a sign-in. */
export const signedOut = signal(false);

/** An answer that is an error, or none at all. */
export class ApiError extends Error {
  /** @param {number} status @param {any} problem */
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `the server answered ${status}`);
    this.status = status;
    /** @type {string} */
    this.code = problem.code ?? (status === 0 ? 'unreachable' : 'unknown');
    this.problem = problem;
  }
}

/**
 * Sends a request and returns the JSON of its answer.
 * @param {string} method
 * @param {string} path below the base of the page
 * @param {{query?: Record<string, any>, body?: any, text?: string}} [options]
 * @returns {Promise<any>}
 */
export async function request(method, path, { query, body, text } = {}) {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one != null && one !== '') url.searchParams.append(name, String(one));
    }
  }
  /** @type {Record<string, string>} */
  const headers = { accept: 'application/json' };
  const content = text ?? (body === undefined ? undefined : JSON.stringify(body));
  if (content !== undefined) headers['content-type'] = 'application/json';
  let response;
  try {
    response = await fetch(url, { method, headers, body: content, credentials: 'same-origin' });
  } catch {
    throw new ApiError(0, { detail: 'The server does not answer. What you see is the last state it sent.' });
  }
  observeClock(response.headers.get('date'));
  const answer = await response.text();
  let value;
  try {
    value = answer ? parse(answer) : null;
  } catch {
    value = { detail: answer.slice(0, 300) || response.statusText };
  }
  if (response.ok || (path === 'health' && value?.checks)) return value;
  if (response.status === 401 && path !== 'api/v1/session' || value?.code === 'token_required') signedOut.value = true;
  throw new ApiError(response.status, value ?? {});
}

/** @param {string | null} date */
function observeClock(date) {
  const server = date ? Date.parse(date) : NaN;
  if (Number.isNaN(server)) return;
  const difference = server + 500 - Date.now();
  skew.value = Math.abs(difference) > 2000 ? Math.round(difference / 1000) * 1000 : 0;
}

const id = encodeURIComponent;
/** @param {string} path @param {Record<string, any>} [query] */
const get = (path, query) => request('GET', `${API}/${path}`, { query });
/** @param {string} path @param {any} [body] */
const post = (path, body = {}) => request('POST', `${API}/${path}`, { body });

export const api = {
  /** @returns {Promise<{name: string, version: string, routes: Record<string, string>}>} */
  index: () => request('GET', ''),
  /** @returns {Promise<Types['schemas']['HealthReport']>} */
  health: () => request('GET', 'health'),
  /** @param {Record<string, any>} [query] @returns {Promise<Types['schemas']['JobPage']>} */
  jobs: (query) => get('jobs', query),
  /** @param {string} job @returns {Promise<Types['schemas']['JobView']>} */
  job: (job) => get(`jobs/${id(job)}`),
  /** @param {string} job @param {string} text the body as JSON @returns {Promise<Types['schemas']['Triggered']>} */
  trigger: (job, text) => request('POST', `${API}/jobs/${id(job)}/trigger`, { text }),
  /** @param {Record<string, any>} query @returns {Promise<Types['schemas']['ExecutionPage']>} */
  executions: (query) => get('executions', query),
  /** @param {string} execution @param {{reveal?: boolean}} [query] @returns {Promise<Types['schemas']['ExecutionRecord']>} */
  execution: (execution, query) => get(`executions/${id(execution)}`, query),
  /** @param {string} execution @returns {Promise<Types['schemas']['Explanation']>} */
  explain: (execution) => get(`executions/${id(execution)}/explain`),
  /** @param {string} execution @param {Record<string, any>} query @returns {Promise<Types['schemas']['LogPage']>} */
  logs: (execution, query) => get(`executions/${id(execution)}/logs`, query),
  /** @param {string} execution @returns {Promise<Types['schemas']['Cancelled']>} */
  cancel: (execution) => post(`executions/${id(execution)}/cancel`),
  /** @param {string} execution @param {string} [text] the body as JSON @returns {Promise<Types['schemas']['Retried']>} */
  retry: (execution, text = '{}') => request('POST', `${API}/executions/${id(execution)}/retry`, { text }),
  /** @param {string} execution @returns {Promise<null>} */
  remove: (execution) => request('DELETE', `${API}/executions/${id(execution)}`),
  /** @param {string} execution @returns {Promise<Types['schemas']['Erased']>} */
  erase: (execution) => post(`executions/${id(execution)}/erase`),
  /** @param {string} execution @param {string} text the body as JSON @returns {Promise<Types['schemas']['ExecutionRecord']>} */
  edit: (execution, text) => request('PATCH', `${API}/executions/${id(execution)}`, { text }),
  /** @param {Record<string, any>} body a dry run answers with a preview @returns {Promise<any>} */
  startOperation: (body) => post('operations', body),
  /** @param {Record<string, any>} [query] @returns {Promise<{operations: any[]}>} */
  operations: (query) => get('operations', query),
  /** @param {string} operation @returns {Promise<any>} */
  operation: (operation) => get(`operations/${id(operation)}`),
  /** @param {string} operation @returns {Promise<any>} */
  cancelOperation: (operation) => post(`operations/${id(operation)}/cancel`),
  /** @param {Record<string, any>} [query] @returns {Promise<any>} */
  failures: (query) => get('failures', query),
  /** @param {Record<string, any>} query @returns {Promise<Types['schemas']['AuditPage']>} */
  audit: (query) => get('audit', query),
  /** @returns {Promise<any>} */
  overview: () => get('overview'),
  /** @param {string} job @returns {Promise<any>} */
  jobStats: (job) => get(`jobs/${id(job)}/stats`),
  /** @returns {Promise<Types['schemas']['Queues']>} */
  queues: () => get('queues'),
  /** @param {string} queue @param {any} body @returns {Promise<Types['schemas']['QueueState']>} */
  pauseQueue: (queue, body) => post(`queues/${id(queue)}/pause`, body),
  /** @param {string} queue @returns {Promise<Types['schemas']['QueueState']>} */
  resumeQueue: (queue) => post(`queues/${id(queue)}/resume`),
  /** @param {{jobId?: string, queue?: string, window: string}} query @returns {Promise<Types['schemas']['Series']>} */
  series: (query) => get('series', query),
  /** @param {{by: 'job' | 'queue', window: string}} query @returns {Promise<Types['schemas']['Throughput']>} */
  throughput: (query) => get('throughput', query),
  /** @returns {Promise<Types['schemas']['StoreView']>} */
  store: () => get('store'),
  /** @returns {Promise<Types['schemas']['Tokens']>} */
  tokens: () => get('tokens'),
  /** @param {any} body @returns {Promise<Types['schemas']['CreatedToken']>} */
  createToken: (body) => post('tokens', body),
  /** @param {string} token @returns {Promise<null>} */
  revokeToken: (token) => request('DELETE', `${API}/tokens/${id(token)}`),
  /** @param {string} limit @returns {Promise<Types['schemas']['LimitQueue']>} */
  limit: (limit) => get(`limits/${id(limit)}`),
  /** @returns {Promise<any>} */
  limits: () => get('limits', { limit: 1000 }),
  /** @param {string} limit @returns {Promise<Types['schemas']['LimitReset']>} */
  resetLimit: (limit) => post(`limits/${id(limit)}/reset`),
  /** @returns {Promise<Types['schemas']['Processes']>} */
  processes: () => get('processes'),
  /** @param {Record<string, any>} [query] @returns {Promise<Types['schemas']['Schedules']>} */
  schedules: (query) => get('schedules', query),
  /** @param {string} schedule @returns {Promise<Types['schemas']['ScheduleDetails']>} */
  schedule: (schedule) => get(`schedules/${id(schedule)}`),
  /** @param {{cron: string, timezone: string}} rule @returns {Promise<Types['schemas']['ScheduleTimes']>} */
  scheduleTimes: (rule) => get('schedule-times', rule),
  /** @param {string} text the body as JSON @returns {Promise<Types['schemas']['ScheduleDetails']>} */
  createSchedule: (text) => request('POST', `${API}/schedules`, { text }),
  /** @param {string} schedule @param {string} text the body as JSON @returns {Promise<Types['schemas']['ScheduleDetails']>} */
  editSchedule: (schedule, text) => request('PATCH', `${API}/schedules/${id(schedule)}`, { text }),
  /** @param {string} schedule @param {'pause' | 'resume' | 'run'} act @returns {Promise<any>} */
  actOnSchedule: (schedule, act) => post(`schedules/${id(schedule)}/${act}`),
  /** @param {string} schedule @returns {Promise<null>} */
  removeSchedule: (schedule) => request('DELETE', `${API}/schedules/${id(schedule)}`),
};

/** The absolute address of a route, for the event stream and for copied commands. @param {string} path */
export const address = (path) => new URL(`${API}/${path}`, base).href;
