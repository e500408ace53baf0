// The numbers of a job: charts, and the last hour, day and week.
import { html } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { charts, Lazy } from './lazy.js';
import { Trends } from './trends.js';


/** @param {{job: import('../lib/types.js').components['schemas']['JobView']}} properties */
export function JobStats({ job }) {
  const stats = useData(`stats:${job.id}`, () => api.jobStats(job.id), { every: 5000 });
  return html`<${Lazy} load=${charts} properties=${{ title: 'Over time', of: { jobId: job.id }, show: ['throughput', 'failures', 'wait', 'duration'] }} />
    ${stats.data && html`<${Trends} title="How it did" windows=${stats.data.windows} />`}`;
}
