// The log of an execution: filter by level and text, follow, any number of lines by windowing.
import { html, useEffect, useMemo, useRef, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { clock, count, full } from '../lib/format.js';
import { onChange, state as live } from '../lib/live.js';
import { Copy } from './copying.js';
import { typed } from './labelled.js';

/** @typedef {import('../lib/types.js').components['schemas']['LogRecord']} Line */

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'];
const ROW = 22;
const MOST = 100_000;

/** @param {Line} line */
function fieldsOf(line) {
  return Object.entries(line.fields ?? {}).map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join(' ');
}

/** @param {Line} line */
const asText = (line) => `${line.at} ${line.level.toUpperCase()} ${line.target} ${line.message} ${fieldsOf(line)}`.trim();

/** Loads the lines, and those that follow. @param {string} id @param {boolean} isOpen */
function useLines(id, isOpen) {
  const [lines, setLines] = useState(/** @type {Line[]} */ ([]));
  const [state, setState] = useState({ loaded: false, error: /** @type {any} */ (null) });
  useEffect(() => {
    let after = /** @type {any} */ (undefined);
    let busy = false;
    let ended = false;
    /** @type {Line[]} */
    let all = [];
    const load = async () => {
      if (busy || ended || all.length >= MOST) return;
      busy = true;
      try {
        let more = true;
        while (more && !ended && all.length < MOST) {
          const page = await api.logs(id, { after, limit: 1000 });
          after = page.after ?? after;
          more = page.more;
          if (page.lines.length) {
            all = [...all, ...page.lines];
            if (!ended) setLines(all);
          }
        }
        if (!ended) setState({ loaded: true, error: null });
      } catch (error) {
        if (!ended) setState({ loaded: true, error });
      } finally {
        busy = false;
      }
    };
    void load();
    const stop = onChange(() => void load());
    const timer = isOpen ? setInterval(() => !document.hidden && live.value !== 'paused' && void load(), 1000) : null;
    return () => {
      ended = true;
      stop();
      if (timer) clearInterval(timer);
    };
  }, [id, isOpen]);
  return { lines, ...state };
}

/** @param {{id: string, isOpen: boolean, attempts: number}} properties */
export function LogView({ id, isOpen, attempts }) {
  const { lines, loaded, error } = useLines(id, isOpen);
  const [level, setLevel] = useState('trace');
  const [attempt, setAttempt] = useState('');
  const [find, setFind] = useState('');
  const [follow, setFollow] = useState(isOpen);
  const [top, setTop] = useState(0);
  const [chosen, setChosen] = useState(/** @type {Line | null} */ (null));
  const view = useRef(/** @type {HTMLElement | null} */ (null));
  const wanted = find.trim().toLowerCase();
  const shown = useMemo(() => lines.filter((line) =>
    LEVELS.indexOf(line.level) >= LEVELS.indexOf(level) && (!attempt || line.attempt === Number(attempt))
    && (!wanted || asText(line).toLowerCase().includes(wanted))), [lines, level, attempt, wanted]);
  useEffect(() => {
    if (follow && view.current) view.current.scrollTop = view.current.scrollHeight;
  }, [shown.length, follow]);
  const choose = (/** @type {KeyboardEvent} */ event) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (!step || !view.current) return;
    event.preventDefault();
    const next = Math.min(shown.length - 1, Math.max(0, (chosen ? shown.indexOf(chosen) : -1) + step));
    setChosen(shown[next]);
    const { scrollTop, clientHeight } = view.current;
    if (next * ROW < scrollTop) view.current.scrollTop = next * ROW;
    else if ((next + 1) * ROW > scrollTop + clientHeight) view.current.scrollTop = (next + 1) * ROW - clientHeight;
  };
  const height = Math.min(Math.max(shown.length, 3), 18) * ROW;
  const from = Math.max(0, Math.floor(top / ROW) - 10);
  const window = shown.slice(from, from + Math.ceil(height / ROW) + 20);
  return html`<div class="log">
    <div class="log-tools">
      <select aria-label="Least level" value=${level} onChange=${typed(setLevel)}>${LEVELS.map((one) => html`<option key=${one} value=${one}>${one === 'trace' ? 'every level' : `${one} and above`}</option>`)}</select>
      ${attempts > 1 && html`<select aria-label="Attempt" value=${attempt} onChange=${typed(setAttempt)}>
        <option value="">all attempts</option>${Array.from({ length: attempts }, (_, n) => html`<option key=${n} value=${n + 1}>attempt ${n + 1}</option>`)}</select>`}
      <input type="search" aria-label="Find in the log" placeholder="Find" value=${find} onInput=${typed(setFind)} />
      ${isOpen && html`<label class="row">
        <input type="checkbox" checked=${follow} onChange=${() => setFollow(!follow)} /> follow</label>`}
      <span class="spring"></span>
      <span class="muted num">${loaded ? (shown.length === lines.length ? count(lines.length, 'line') : `${shown.length} of ${count(lines.length, 'line')}`) : 'Loading'}</span>
      ${shown.length > 0 && html`<${Copy} text=${() => shown.map(asText).join('\n')} what="the log" />`}
    </div>
    ${error && html`<p class="notice bad">${error.message}</p>`}
    ${loaded && !lines.length && !error && html`<p class="log-empty muted">${isOpen ? 'Nothing is logged yet.' : 'Its handler logged nothing at INFO or above.'}</p>`}
    ${shown.length > 0 && html`<div class="log-lines" ref=${view} tabindex="0" role="region" aria-label="Log lines" onKeyDown=${choose} style=${{ height: `${height}px` }} onScroll=${(/** @type {any} */ event) => {
      const target = event.target;
      setTop(target.scrollTop);
      if (follow && target.scrollTop + target.clientHeight < target.scrollHeight - ROW * 2) setFollow(false);
    }}>
      <div style=${{ height: `${shown.length * ROW}px`, position: 'relative' }}>
        <div style=${{ transform: `translateY(${from * ROW}px)` }}>${window.map((line) => html`<div key=${`${line.attempt}/${line.line}`} class="log-line ${line.level} ${chosen === line ? 'chosen' : ''}" onClick=${() => !getSelection()?.toString() && setChosen(chosen === line ? null : line)}>
          <time class="num" title=${full(line.at)}>${clock(line.at, true)}</time>
            <b>${line.level}</b>${attempts > 1 && html`<i title="attempt">${line.attempt}</i>`}<span class="message">${line.message}</span>
            <span class="fields">${fieldsOf(line)}</span></div>`)}</div>
      </div>
    </div>`}
    ${chosen && html`<div class="log-detail"><p>
      <b>${chosen.level}</b> <code>${chosen.target}</code> · ${full(chosen.at)} · attempt ${chosen.attempt}, line ${chosen.line} <${Copy} text=${asText(chosen)} what="the line" />
      </p><pre>${chosen.message}</pre>${chosen.fields && html`<pre>${JSON.stringify(chosen.fields, null, 2)}</pre>`}</div>`}
  </div>`;
}
