// A small chart without axes: one bar for each time.
import { html } from '../lib/dom.js';

/** @param {{values: number[], label: string, tone?: string}} properties */
export function Sparkline({ values, label, tone = 'bad' }) {
  const most = Math.max(1, ...values);
  const width = 96 / Math.max(1, values.length);
  return html`<svg class="sparkline ${tone}" width="96" height="24" viewBox="0 0 96 24" role="img" aria-label="${label}: ${values.join(', ')}">
    ${values.map((value, n) => html`<rect key=${n} x=${n * width} width=${Math.max(1, width - 1)} y=${24 - Math.max(value ? 2 : 1, (value / most) * 24)} height=${Math.max(value ? 2 : 1, (value / most) * 24)} opacity=${value ? 1 : 0.25} />`)}</svg>`;
}
