// Icons of the frame: strokes on a grid of 16.
import { html } from '../lib/dom.js';

/** @type {Record<string, string>} */
const PATHS = {
  overview: 'M2 13V8M6 13V3M10 13V6M14 13v-3',
  failures: 'M8 1.8 14.6 13.5H1.4ZM8 6v3.6M8 11.4v.3',
  executions: 'M2 4h12M2 8h12M2 12h8',
  jobs: 'M2.5 5h11v8.5h-11zM5.5 5V2.5h5V5M2.5 8.5h11',
  queues: 'M2 4h3v8H2zM6.5 4h3v8h-3zM11 4h3v8h-3z',
  schedules: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM8 4.5V8l2.5 1.8',
  system: 'M2 3h12v4H2zM2 9h12v4H2zM4.5 5h.1M4.5 11h.1',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.4 10.4 14 14',
  sun: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1',
  moon: 'M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1Z',
  system_theme: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM8 2v12M8 5l4.5-1M8 8h6M8 11l4.5 1',
  close: 'M4 4l8 8M12 4l-8 8',
  copy: 'M5.5 5.5h8v8h-8zM3 10.5H2.5v-8h8V3',
  down: 'M4 6l4 4 4-4',
  right: 'M6 4l4 4-4 4',
  plus: 'M8 3v10M3 8h10',
  columns: 'M2 3h12v10H2zM6 3v10M10 3v10',
  star: 'M8 2l1.8 3.9 4.2.5-3.1 2.9.8 4.2L8 11.4l-3.7 2.1.8-4.2L2 6.4l4.2-.5Z',
};

/** @param {{name: string, size?: number}} properties */
export function Icon({ name, size = 16 }) {
  return html`<svg width=${size} height=${size} viewBox="0 0 16 16" fill="none" stroke="currentColor"
    stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d=${PATHS[name]} /></svg>`;
}
