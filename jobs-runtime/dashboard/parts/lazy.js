// A part that is loaded when it is first shown.
import { html, useEffect, useState } from '../lib/dom.js';
import { failed } from '../lib/notices.js';

export const charts = () => import('./charts.js').then((module) => module.Charts);

/** @param {{load: () => Promise<any>, properties: Record<string, any>}} properties */
export function Lazy({ load, properties }) {
  const [part, setPart] = useState(/** @type {{view: any} | null} */ (null));
  useEffect(() => {
    load().then((view) => setPart({ view }), (error) => failed('Open', error));
  }, []);
  return part && html`<${part.view} ...${properties} />`;
}
