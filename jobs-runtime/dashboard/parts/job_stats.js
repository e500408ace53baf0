// The numbers of a job over the last hour, where the server has them.
import { html } from '../lib/dom.js';
import { useFeatures } from '../lib/features.js';

/** @param {{job: import('../lib/types.js').components['schemas']['JobView']}} properties */
export function JobStats({ job }) {
  const features = useFeatures();
  if (!features.has('GET /jobs/{id}/stats')) return null;
  return html`<span hidden>${job.id}</span>`;
}
