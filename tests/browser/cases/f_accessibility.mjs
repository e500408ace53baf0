// axe on every screen in both themes, at the width of a desk and of a phone.
import fs from 'node:fs';
import { assert, context, reaches, require, settings, trigger } from '../tools.mjs';

const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

async function screens() {
  const failed = await trigger('test.ends', { how: 'permanent' }, { itemId: 'axe', tags: ['axe'] });
  await reaches(failed, 'failed');
  const running = await trigger('test.log-and-wait', {});
  await reaches(running, 'running');
  return ['overview', 'failures', 'executions', `executions/${failed}`, `executions/${running}`, 'jobs', 'jobs/test.form', 'queues', 'schedules', 'system'];
}

/** The serious findings of axe on the page as it is. */
async function findings(page, place) {
  // The policy of the page forbids scripts in it; this one runs in the debugger's world.
  await page.evaluate(AXE);
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const serious = result.violations.filter((violation) => ['serious', 'critical'].includes(violation.impact));
  return serious.map((one) => `${place}: ${one.id} ${one.help}: ${one.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 200)} ${node.any[0]?.message ?? ''}`).join('\n    ')}`);
}

async function check(width, theme) {
  const list = await screens();
  const tools = await context({ width, theme });
  const found = [];
  try {
    for (const screen of list) {
      await tools.open(screen);
      await tools.page.waitForFunction(() => !document.querySelector('.skeleton'));
      found.push(...await findings(tools.page, `${screen} ${theme} ${width}`));
      const wide = await tools.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) found.push(`${screen} ${theme} ${width}: the page is ${wide} px wider than the window`);
    }
  } finally {
    await tools.close();
  }
  assert.deepEqual(found, [], found.join('\n'));
}

export async function axe_finds_nothing_serious_in_dialogs({ page, open, button }) {
  const found = [];
  const inDialog = async (screen, steps) => {
    await open(screen);
    await steps();
    await page.locator('dialog[open]').waitFor();
    found.push(...await findings(page, `a dialog of ${screen}`));
    await page.keyboard.press('Escape');
  };
  const [, , , failed] = await screens();
  await inDialog('overview', () => page.keyboard.press('?'));
  await inDialog('overview', () => page.keyboard.press('/'));
  await inDialog('schedules', () => button('New schedule').click());
  await inDialog('queues', () => button('Pause').first().click());
  await inDialog(failed, () => button('Retry').click());
  await inDialog(failed, () => button('Edit and retry').click());
  assert.deepEqual(found, [], found.join('\n'));
}
axe_finds_nothing_serious_in_dialogs.tier = 'full';

export const axe_finds_nothing_serious_in_the_light_theme = () => check(1280, 'light');
export const axe_finds_nothing_serious_on_a_dark_phone = () => check(390, 'dark');
export const axe_finds_nothing_serious_in_the_dark_theme = () => check(1280, 'dark');
axe_finds_nothing_serious_in_the_dark_theme.tier = 'full';
export const axe_finds_nothing_serious_on_a_light_phone = () => check(390, 'light');
axe_finds_nothing_serious_on_a_light_phone.tier = 'full';
