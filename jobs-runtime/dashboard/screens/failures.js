// Failures: failed executions in groups of one job and one error, with one act for the group.
import { html, useState } from '../lib/dom.js';
import { ACTS } from '../lib/bulk_words.js';
import { useData } from '../lib/data.js';
import { groupsSince, pieces, versionWords } from '../lib/failure_groups.js';
import { count, number } from '../lib/format.js';
import { href, route, setQuery } from '../lib/router.js';
import { startOf } from '../parts/filters.js';
import { FailureDetail } from '../parts/failure_detail.js';
import { OperationDialog } from '../parts/operation_dialog.js';
import { Sparkline } from '../parts/sparkline.js';
import { Empty, Panel, Show } from '../parts/states.js';
import { Time } from '../parts/time.js';

/** @typedef {import('../lib/failure_groups.js').Group} Group */

const PERIODS = /** @type {[string, string][]} */ ([['1h', 'last hour'], ['24h', 'last 24 hours'], ['7d', 'last 7 days'], ['30d', 'last 30 days'], ['90d', 'last 90 days']]);

export default function Failures() {
  const period = route.value.query.get('period') ?? '24h';
  const jobId = route.value.query.get('jobId') ?? undefined;
  const loaded = useData(`failures:${period}:${jobId ?? ''}`, () => groupsSince(startOf(period), jobId), { every: 3000 });
  const [opened, setOpened] = useState('');
  const [act, setAct] = useState(/** @type {{act: import('../lib/bulk_words.js').BulkAct, filter: Record<string, any>} | null} */ (null));
  const run = (/** @type {Group} */ group, /** @type {string} */ name, /** @type {any[] | null} */ some) => {
    const one = /** @type {import('../lib/bulk_words.js').BulkAct} */ (ACTS.find((candidate) => candidate.act === name));
    setAct({ act: one, filter: some ? { ids: some.map((row) => row.id) } : { jobId: group.jobId, status: 'failed', errorFingerprint: group.fingerprint } });
  };
  return html`<div class="screen">
    <header><div><h1>Failures</h1></div><div class="acts">
      ${jobId && html`<a href=${href(['failures'], { period })}>All jobs</a>`}
      <select aria-label="Failed in the" value=${period} onChange=${(/** @type {any} */ event) => setQuery({ jobId, period: event.target.value })}>${PERIODS.map(([value, label]) => html`<option key=${value} value=${value}>${label}</option>`)}</select>
        </div></header>
    <${Show} of=${loaded} what="The list of failures">${(/** @type {{groups: Group[], examined: number, complete: boolean}} */ { groups, examined, complete }) => (groups.length ? html`<${Panel} kind="table">
        <div class="table-bar">
          <span class="muted num">${count(groups.length, 'group')} of ${complete ? count(examined, 'failed execution') : `the last ${number(examined)} failed executions; older ones are not counted`}</span>
          </div>
        <ul class="failures">${groups.map((group) => html`<li key=${group.key} class=${opened === group.key ? 'opened' : ''}>
          <button class="failure" aria-expanded=${opened === group.key} onClick=${() => setOpened(opened === group.key ? '' : group.key)}>
            <span class="num bad">${number(group.count)}</span>
            <span class="what"><span class="cut">
              <span class="tag">${group.kind.replace('_', ' ')}</span> ${pieces(group.message.split('\n')[0].slice(0, 400)).map((piece, n) => html`<span key=${n} class=${piece.varies ? 'varies' : ''}>${piece.text}</span>`)}</span>
              <span class="cut muted">${[group.jobId, versionWords(group)].filter(Boolean).join(' · ')}</span></span>
            <${Sparkline} values=${group.trend} label="Failures over time" />
            <span class="seen muted"><span>last <${Time} at=${group.lastSeen} /></span>
              <span>first <${Time} at=${group.firstSeen} /></span></span>
          </button>
          ${opened === group.key && html`<${FailureDetail} group=${group} run=${run} />`}
        </li>`)}</ul>
      </${Panel}>` : html`<${Panel}>
        <${Empty} title="Nothing failed in this time.">${period !== '90d' && html`<button class="link" onClick=${() => setQuery({ jobId, period: '90d' })}>Look at the last 90 days</button>`}</${Empty}>
        </${Panel}>`)}</${Show}>
    ${act && html`<${OperationDialog} act=${act.act} filter=${act.filter} close=${() => setAct(null)} />`}
  </div>`;
}
