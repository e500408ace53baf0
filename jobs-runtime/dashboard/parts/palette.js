// The command palette: goes to a screen, an id, a job, a queue or a schedule.
import { html, signal, useEffect, useRef, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { useKeys } from '../lib/keys.js';
import { go, href } from '../lib/router.js';
import { setTheme } from '../lib/theme.js';
import { togglePause } from '../lib/live.js';
import { screens } from '../screens/index.js';
import { Dialog } from './dialog.js';

const open = signal(false);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function openPalette() {
  open.value = true;
}

/** @typedef {{kind: string, label: string, run: () => void}} Item */

/** The entries that do not depend on the server. @returns {Item[]} */
function fixed() {
  return [
    ...screens.filter((one) => one.icon).map((one) => ({ kind: 'screen', label: one.label, run: () => go(href([one.name])) })),
    { kind: 'act', label: 'Pause or continue updates', run: togglePause },
    ...['light', 'dark', 'system'].map((theme) => ({ kind: 'theme', label: `Theme: ${theme}`, run: () => setTheme(theme) })),
  ];
}

/** @returns {Promise<Item[]>} */
async function named() {
  const [jobs, queues, schedules] = await Promise.all([
    api.jobs({ limit: 1000 }).catch(() => null), api.queues().catch(() => null), api.schedules().catch(() => null),
  ]);
  return [
    ...(jobs?.jobs ?? []).flatMap((job) => [
      { kind: 'job', label: job.id, run: () => go(href(['jobs', job.id])) },
      { kind: 'trigger', label: `Trigger ${job.id}`, run: () => go(href(['jobs', job.id])) },
    ]),
    ...(queues?.queues ?? []).map((queue) => ({ kind: 'queue', label: queue.queue, run: () => go(href(['executions'], { queue: queue.queue })) })),
    ...(schedules?.schedules ?? []).map((schedule) => ({ kind: 'schedule', label: schedule.id, run: () => go(href(['schedules', schedule.id])) })),
  ];
}

/** What the typed text may mean. @param {string} text @returns {Item[]} */
function guesses(text) {
  if (!text) return [];
  if (UUID.test(text)) return [{ kind: 'execution', label: text, run: () => go(href(['executions', text.toLowerCase()])) }];
  return /** @type {[string, string][]} */ ([['itemId', 'Executions with the item id'], ['tag', 'Executions with the tag'], ['correlationId', 'Executions with the correlation id'], ['createdBy', 'Executions created by']])
    .map(([name, label]) => ({ kind: 'search', label: `${label} “${text}”`, run: () => go(href(['executions'], { [name]: text })) }));
}

/** Finds items whose label has all words. @param {Item[]} items @param {string} text */
function matching(items, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = items.filter((item) => words.every((word) => `${item.kind} ${item.label}`.toLowerCase().includes(word)));
  return found.sort((one, other) => Number(other.label.startsWith(text)) - Number(one.label.startsWith(text)));
}

export function Palette() {
  useKeys([
    { key: 'mod+k', does: 'go to a screen, job, queue or id', run: openPalette },
    { key: '/', does: 'go to…', run: openPalette },
  ]);
  return open.value ? html`<${Opened} />` : null;
}

function Opened() {
  const [text, setText] = useState('');
  const [names, setNames] = useState(/** @type {Item[]} */ ([]));
  const [at, setAt] = useState(0);
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const close = () => {
    open.value = false;
  };
  useEffect(() => void named().then(setNames), []);
  const wanted = text.trim();
  const items = [...matching([...fixed(), ...(wanted ? names : [])], wanted), ...guesses(wanted)].slice(0, 40);
  const chosen = Math.min(at, items.length - 1);
  useEffect(() => list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' }), [chosen]);
  const run = (/** @type {Item | undefined} */ item) => {
    if (!item) return;
    close();
    item.run();
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step) {
      event.preventDefault();
      setAt((chosen + step + items.length) % Math.max(1, items.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      run(items[chosen]);
    }
  };
  return html`<${Dialog} title="Go to" close=${close}>
    <input class="palette-input" autofocus role="combobox" aria-expanded="true" aria-controls="palette" aria-label="Screen, job, queue, schedule, execution id, tag or item"
      aria-activedescendant=${items.length ? `palette-${chosen}` : undefined}
      placeholder="Screen, job, queue, schedule, execution id, tag or item" value=${text}
      onInput=${(/** @type {any} */ event) => {
        setText(event.target.value);
        setAt(0);
      }} onKeyDown=${onKey} />
    <ul class="palette" id="palette" role="listbox" aria-label="Results" ref=${list}>${items.map((item, index) => html`<li key=${item.kind + item.label} id=${`palette-${index}`} role="option" aria-selected=${index === chosen} onClick=${() => run(item)} onPointerMove=${() => setAt(index)}>
      <span class="kind">${item.kind}</span><span class="cut">${item.label}</span></li>`)}</ul>
    ${!items.length && html`<p class="muted">Nothing has this name.</p>`}
  </${Dialog}>`;
}
