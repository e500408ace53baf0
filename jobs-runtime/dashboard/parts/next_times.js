// The next times of a rule that is typed, as the server computes them.
import { html, useEffect, useState } from '../lib/dom.js';
import { api } from '../lib/api.js';
import { full, inZone } from '../lib/format.js';

const AFTER_MS = 350;

/** @param {{cron: string, timezone: string}} properties */
export function NextTimes({ cron, timezone }) {
  const [times, setTimes] = useState(/** @type {string[] | null} */ (null));
  const [mistake, setMistake] = useState('');
  useEffect(() => {
    let isLast = true;
    const timer = setTimeout(() => {
      api.scheduleTimes({ cron: cron || ' ', timezone }).then(
        (answer) => isLast && (setTimes(answer.nextTimes), setMistake('')),
        (error) => isLast && (setTimes(null), setMistake(error.message)),
      );
    }, AFTER_MS);
    return () => {
      isLast = false;
      clearTimeout(timer);
    };
  }, [cron, timezone]);
  if (!times) return html`<p class="next-times ${mistake ? 'bad' : 'muted'}" role="status">${mistake || 'Next times…'}</p>`;
  if (!times.length) return html`<p class="next-times muted" role="status">The rule has no time to come.</p>`;
  return html`<ol class="next-times" aria-label="Next times">${times.map((at) => html`<li key=${at} class="num">${inZone(at, timezone)}<span class="muted"> · yours: ${full(at)}</span>
    </li>`)}</ol>`;
}
