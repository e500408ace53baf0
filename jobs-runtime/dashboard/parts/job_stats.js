// The numbers of a job, where the server has them.
import { html } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { useFeatures } from '../lib/features.js';
import { Trends } from './trends.js';

/** @param {{job: import('../lib/types.js').components['schemas']['JobView']}} properties */
export function JobStats({ job }) {
  const isKnown = useFeatures().has('GET /jobs/{id}/stats');
  const stats = useData(isKnown ? `stats:${job.id}` : null, () => api.jobStats(job.id), { every: 5000 });
  return stats.data ? html`<${Trends} title="How it did" windows=${stats.data.windows} />` : null;
}
