// The limits that jobs declare.
import { html } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useData } from '../lib/data.js';
import { policyOf } from '../lib/policy.js';
import { href } from '../lib/router.js';
import { Empty, Panel, Show } from './states.js';
import { Table } from './table.js';

export function Limits() {
  const loaded = useData('jobs:all', () => api.jobs({ limit: 1000 }), { live: false });
  return html`<${Panel} title="Declared limits" kind="table">
    <${Show} of=${loaded} what="The list of limits" lines=${3}>${(/** @type {{jobs: any[]}} */ page) => {
    const rows = page.jobs.flatMap((job) => policyOf(job).filter(([name]) => ['Concurrency', 'Rate', 'Backlog'].includes(name)).map(([name, words]) => ({ job, name, words })));
    if (!rows.length) return html`<${Empty} title="No job declares a limit." />`;
    return html`<${Table} label="Limits" columns=${['Job', 'Limit', ['Rule', 'grow']]}>${rows.map(({ job, name, words }) => html`<tr key=${job.id + name}><td>
        <a href=${href(['jobs', job.id])}>${job.id}</a></td><td>${name}</td><td class="grow wraps">
        <span class="cut">${words}</span></td></tr>`)}</${Table}>`;
  }}</${Show}></${Panel}>`;
}
