// One job: what it does, its policy, its recent executions, and the form that triggers it.
import { html, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { HANDLERS, policyOf } from '../lib/policy.js';
import { href, route } from '../lib/router.js';
import { Handler } from '../parts/handler.js';
import { JobStats } from '../parts/job_stats.js';
import { Lazy } from '../parts/lazy.js';
import { Recent } from '../parts/recent.js';
import { Empty, Panel, Show } from '../parts/states.js';
import { Trigger } from '../parts/trigger.js';

/** @typedef {import('../lib/types.js').components['schemas']['JobView']} Job */

/** The paragraphs of a text. @param {string} text */
function paragraphs(text) {
  return text.split(/\n\s*\n/).map((one) => html`<p>${one}</p>`);
}

/** @param {{name: string, schema: any}} properties */
function SchemaText({ name, schema }) {
  const [open, setOpen] = useState(false);
  const load = () => import('../parts/json_view.js').then((module) => module.JsonView);
  return html`<details onToggle=${(/** @type {any} */ event) => setOpen(event.target.open)}><summary>${name}</summary>
    ${open && html`<${Lazy} load=${load} properties=${{ value: schema, name: `${name} schema` }} />`}</details>`;
}

/** @param {{path: string[]}} properties */
export default function JobScreen({ path: [id] }) {
  const loaded = useData(`job:${id}`, () => api.job(id), { every: 10_000 });
  const job = loaded.data;
  if (loaded.error?.status === 404) {
    const near = loaded.error.problem.near ?? [];
    return html`<${Empty} title="No job has the id ${id}.">${near.length ? html`Near: ${near.map((/** @type {string} */ one) => html`<a href=${href(['jobs', one])}>${one}</a> `)}` : html`<a href=${href(['jobs'])}>All jobs</a>`}</${Empty}>`;
  }
  if (!job) return html`<${Show} of=${loaded} what="The job" lines=${10} />`;
  const from = route.value.query.get('from');
  return html`<div class="screen">
    <header><div>
      <p class="crumbs"><a href=${href(['jobs'])}>Jobs</a> / ${job.label === job.id ? '' : job.label}</p>
      <h1>${job.id}</h1>
      <p class="row"><${Handler} job=${job} /> <span>${job.enabled ? HANDLERS[job.handler] : 'It is disabled and accepts no executions.'}</span>
        </p>
    </div></header>
    <div class="columns aside">
      <div class="stack wide">
        <${JobStats} job=${job} />
        <${Panel} title="What it does"><div class="body prose">${paragraphs(job.description || job.label)}
          <p class="muted">Source <code>${job.source}</code>${job.aliases?.length ? html`, also known as ${job.aliases.join(', ')}` : ''}${job.tags.length ? html`, tags ${job.tags.join(', ')}` : ''}.</p>
            </div></${Panel}>
        <${Panel} title="Policy">
          <dl class="facts body">${policyOf(job).map(([name, words]) => html`<dt>${name}</dt>
          <dd>${words}</dd>`)}</dl></${Panel}>
        <${Recent} title="Recent executions" filters=${{ jobId: job.id }} />
        <${Panel} title="Schemas"><div class="body stack">
          <${SchemaText} name="Payload" schema=${job.payloadSchema} />
          <${SchemaText} name="Result" schema=${job.resultSchema} />
          <p class="muted">Fingerprint <code>${job.fingerprint}</code></p></div></${Panel}>
      </div>
      <${Trigger} key=${from ?? ''} job=${job} from=${from} />
    </div>
  </div>`;
}
