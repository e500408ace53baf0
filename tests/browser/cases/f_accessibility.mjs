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

async function check(width, theme) {
  const list = await screens();
  const tools = await context({ width, theme });
  const found = [];
  try {
    for (const screen of list) {
      await tools.open(screen);
      await tools.page.waitForFunction(() => !document.querySelector('.skeleton'));
      // The policy of the page forbids scripts in it; this one runs in the debugger's world.
      await tools.page.evaluate(AXE);
      const result = await tools.page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      for (const one of result.violations.filter((violation) => ['serious', 'critical'].includes(violation.impact))) {
        found.push(`${screen} ${theme} ${width}: ${one.id} ${one.help}: ${one.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 200)} ${node.any[0]?.message ?? ''}`).join('\n    ')}`);
      }
      const wide = await tools.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) found.push(`${screen} ${theme} ${width}: the page is ${wide} px wider than the window`);
    }
  } finally {
    await tools.close();
  }
  assert.deepEqual(found, [], found.join('\n'));
}

export const axe_finds_nothing_serious_in_the_light_theme = () => check(1280, 'light');
export const axe_finds_nothing_serious_on_a_dark_phone = () => check(390, 'dark');
export const axe_finds_nothing_serious_in_the_dark_theme = () => check(1280, 'dark');
axe_finds_nothing_serious_in_the_dark_theme.tier = 'full';
export const axe_finds_nothing_serious_on_a_light_phone = () => check(390, 'light');
axe_finds_nothing_serious_on_a_light_phone.tier = 'full';
