// Saved views: filters under a name, kept by the browser.
import { html, useState } from '../lib/dom.js';
import { recall, keep } from '../lib/storage.js';
import { toast } from '../lib/notices.js';
import { Menu } from './copying.js';
import { Icon } from './icons.js';
import { Dialog, DialogFoot } from './dialog.js';
import { Labelled, typed } from './labelled.js';

/** @typedef {{name: string, filters: Record<string, string>}} View */

/** @param {{filters: Record<string, string>, change: (filters: Record<string, string>) => void}} properties */
export function Views({ filters, change }) {
  const [views, setViews] = useState(() => recall('views', /** @type {View[]} */ ([])));
  const [naming, setNaming] = useState(false);
  const [name, setName] = useState('');
  const store = (/** @type {View[]} */ next) => {
    keep('views', next);
    setViews(next);
  };
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!name.trim()) return;
    store([...views.filter((one) => one.name !== name.trim()), { name: name.trim(), filters }]);
    setNaming(false);
    setName('');
    toast('The view is saved in this browser.');
  };
  return html`<${Menu} label=${html`<${Icon} name="star" size=${14} /> Views`}>
    ${views.map((view) => html`<span class="row view" key=${view.name}>
      <button onClick=${() => change(view.filters)}><span class="cut">${view.name}</span></button>
      <button aria-label="Delete the view ${view.name}" onClick=${() => store(views.filter((one) => one !== view))}>
        <${Icon} name="close" size=${12} /></button></span>`)}
    ${views.length === 0 && html`<span class="menu-note">No view is saved yet.</span>`}
    <hr /><button onClick=${() => setNaming(true)} disabled=${!Object.keys(filters).length}>Save these filters…</button>
  </${Menu}>
  ${naming && html`<${Dialog} title="Save these filters" close=${() => setNaming(false)}>
    <form class="stack" onSubmit=${save}>
      <${Labelled} id="view-name" label="Name" hint=${Object.entries(filters).map(([filter, value]) => `${filter} = ${value}`).join(', ')}>
        <input id="view-name" autofocus value=${name} onInput=${typed(setName)} /></${Labelled}>
      <${DialogFoot} keep="Save nothing" close=${() => setNaming(false)} verb="Save" disabled=${!name.trim()} />
    </form>
  </${Dialog}>`}`;
}
