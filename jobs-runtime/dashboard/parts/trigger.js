// The form that triggers a job, checked by the server as the viewer types.
import { html, useEffect, useMemo, useRef, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { quote, rustText } from '../lib/commands.js';
import { pretty } from '../lib/json.js';
import { touch } from '../lib/live.js';
import { toast } from '../lib/notices.js';
import { href } from '../lib/router.js';
import { initial } from '../lib/schema.js';
import { CopyAs } from './copying.js';
import { Labelled, typed } from './labelled.js';
import { mistakesOf, PayloadForm } from './payload_form.js';
import { findMistake } from './raw_json.js';
import { Panel } from './states.js';

/** @typedef {import('../lib/types.js').components['schemas']['JobView']} Job */

const CHECK_AFTER_MS = 350;
const TEXTS = /** @type {[string, string][]} */ ([['itemId', 'Item id'], ['correlationId', 'Correlation id'], ['createdBy', 'Created by'], ['idempotencyKey', 'Idempotency key']]);

/** The body of the request. @param {any} payload @param {Record<string, string>} options */
function bodyOf(payload, options) {
  /** @type {Record<string, any>} */
  const body = { payload: payload ?? {} };
  for (const [name] of TEXTS) if (options[name]) body[name] = options[name];
  if (options.priority) body.priority = Number.isNaN(Number(options.priority)) ? options.priority : Number(options.priority);
  if (options.delay) body.delayMs = Math.round(Number(options.delay) * 1000);
  if (options.runAt) body.runAt = new Date(options.runAt).toISOString();
  const tags = (options.tags ?? '').split(',').map((tag) => tag.trim()).filter(Boolean);
  if (tags.length) body.tags = tags;
  return body;
}

/** @param {Job} job @param {Record<string, any>} body @returns {import('../lib/commands.js').Command} */
function commandOf(job, body) {
  const flags = [['priority', '--priority'], ['itemId', '--item'], ['correlationId', '--correlation-id'], ['createdBy', '--created-by'], ['idempotencyKey', '--idempotency-key'], ['runAt', '--run-at']]
    .filter(([name]) => body[name] !== undefined).map(([name, flag]) => ` ${flag} ${quote(String(body[name]))}`).join('');
  const delay = body.delayMs ? ` --delay ${body.delayMs}ms` : '';
  const tags = (body.tags ?? []).map((/** @type {string} */ tag) => ` --tag ${quote(tag)}`).join('');
  const payload = JSON.stringify(body.payload);
  return {
    method: 'POST', path: `jobs/${encodeURIComponent(job.id)}/trigger`, body,
    cli: `jobs trigger ${job.id} --payload ${quote(payload)}${flags}${delay}${tags}`,
    rust: `client.enqueue(serde_json::from_str::<${job.payloadSchema?.title ?? 'Payload'}>(${rustText(payload)})?).await?`,
  };
}

/** Words for the outcome that a dry run foretells. @param {any} answer */
function outcomeWords(answer) {
  const link = answer.executionId && html`<a href=${href(['executions', answer.executionId])}>an execution that exists</a>`;
  /** @type {Record<string, any>} */
  const words = {
    new: 'The payload is valid.',
    replayed: html`The idempotency key names ${link}: nothing new would run.`,
    skipped: html`${link} is live under the same unique key: nothing new would run.`,
    replaced: html`The payload would replace the one of ${link}.`,
    merged: html`The payload would be merged into ${link}.`,
    rejected: html`It would be rejected because of ${link}.`,
    queueFull: 'The backlog is full: it would be rejected.',
  };
  return words[answer.outcome] ?? null;
}

/** @param {{job: Job, from: string | null}} properties */
export function Trigger({ job, from }) {
  const [payload, setPayload] = useState(() => initial(job.payloadSchema, job.payloadSchema) ?? {});
  const [options, setOptions] = useState(/** @type {Record<string, string>} */ ({}));
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const [outcome, setOutcome] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const [isTyped, setTyped] = useState(false);
  const [sent, setSent] = useState(false);
  const turn = useRef(0);
  const body = useMemo(() => bodyOf(payload, options), [payload, options]);
  useEffect(() => {
    if (!from) return;
    api.execution(from).then((one) => setPayload(withoutHidden(one.payload, job)), () => toast('The execution to copy from does not exist.', { kind: 'bad' }));
  }, [from]);
  useEffect(() => {
    if (!isTyped) return undefined;
    const mine = ++turn.current;
    const timer = setTimeout(() => {
      api.trigger(job.id, JSON.stringify({ ...body, dryRun: true })).then(
        (answer) => mine === turn.current && (setProblem(null), setOutcome(answer)),
        (error) => mine === turn.current && (setProblem(error), setOutcome(null)),
      );
    }, CHECK_AFTER_MS);
    return () => clearTimeout(timer);
  }, [body, isTyped]);
  const change = (/** @type {any} */ next) => {
    setPayload(next);
    setTyped(true);
  };
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (findMistake(/** @type {Element} */ (event.currentTarget))) return;
    setBusy(true);
    turn.current += 1;
    try {
      const answer = await api.trigger(job.id, JSON.stringify(body));
      setProblem(null);
      setSent(false);
      toast(answer.triggered ? `Enqueued, ${answer.status}.` : 'An execution that exists answers: nothing new runs.', { href: href(['executions', answer.executionId]) });
      touch();
    } catch (error) {
      setSent(true);
      setProblem(error);
      requestAnimationFrame(() => /** @type {HTMLElement | null} */ (document.querySelector('.trigger [aria-invalid="true"]'))?.focus());
    } finally {
      setBusy(false);
    }
  };
  // A missing field is shown once the viewer has tried to send; a wrong value is shown at once.
  const mistakes = mistakesOf(problem).filter((one) => sent || !/^is required|^is missing/.test(one.message));
  const missing = mistakesOf(problem).length - mistakes.length;
  const control = (/** @type {string} */ name, /** @type {string} */ label, more = {}) => html`<${Labelled} key=${name} id=${`option-${name}`} label=${label}>
    <input id=${`option-${name}`} value=${options[name] ?? ''} onInput=${typed((value) => {
      setOptions({ ...options, [name]: value });
      setTyped(true);
    })} ...${more} /></${Labelled}>`;
  return html`<${Panel} title="Trigger" kind="trigger"><form class="body stack" onSubmit=${send} novalidate>
    <${PayloadForm} schema=${job.payloadSchema} value=${payload} change=${change} problem=${problem?.code === 'invalid_payload' ? null : problem} mistakes=${mistakes} sensitive=${job.sensitive ?? []} />
    <details><summary>Options${Object.values(options).some(Boolean) ? ` (${Object.values(options).filter(Boolean).length} set)` : ''}</summary>
      <div class="fields options">
      ${control('priority', 'Priority', { placeholder: `${job.priority}: low, normal, high, critical or 0 to 100` })}
      ${control('delay', 'Delay in seconds', { inputmode: 'decimal' })}
      ${control('runAt', 'Due at, in your time zone', { type: 'datetime-local', step: '1' })}
      ${TEXTS.map(([name, label]) => control(name, label))}
      ${control('tags', 'Tags, separated by commas')}
    </div></details>
    <p class="check" role="status">${problem && missing > 0 && !mistakes.length ? html`<span class="muted">${missing === 1 ? 'One required field is empty.' : `${missing} required fields are empty.`}</span>` : problem && mistakes.length ? html`<span class="bad">${mistakes.length === 1 ? 'One mistake.' : `${mistakes.length} mistakes.`}</span>` : outcome ? html`<span class="muted">${outcomeWords(outcome)}</span>` : ''}</p>
    <footer class="row"><button type="submit" class="primary" disabled=${busy || !job.enabled}>Trigger</button>
      <button type="button" class="quiet" onClick=${() => {
        setPayload(initial(job.payloadSchema, job.payloadSchema) ?? {});
        setOptions({});
        setProblem(null);
        setOutcome(null);
        setTyped(false);
      }}>Reset</button><span class="spring"></span><${CopyAs} command=${commandOf(job, body)} /></footer>
    <details class="muted"><summary>The request</summary><pre class="preview">${pretty(body)}</pre></details>
  </form></${Panel}>`;
}

/** A payload to start from, without the members that viewers do not see. @param {any} payload @param {Job | undefined} job */
export function withoutHidden(payload, job) {
  const hidden = (job?.sensitive ?? []).map((one) => one.replace(/^\//, ''));
  return Object.fromEntries(Object.entries(payload ?? {}).filter(([name]) => !hidden.includes(name)));
}
