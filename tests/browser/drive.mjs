// Runs the cases of `cases/` one after the other, each in a new browser context.
//
// A case is a function that gets the tools of `tools.mjs`. DASHBOARD_CASES selects cases by parts
// of their names, with commas between them. Fails with all failed cases, each with what the page showed.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { browser, context, settings } from './tools.mjs';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), 'cases');
const wanted = (process.env.DASHBOARD_CASES ?? '').split(',').filter(Boolean);
const failures = [];

for (const file of fs.readdirSync(folder).sort()) {
  const cases = await import(path.join(folder, file));
  for (const [name, run] of Object.entries(cases)) {
    if (wanted.length && !wanted.some((part) => `${file} ${name}`.includes(part))) continue;
    if (run.tier === 'full' && settings.tier !== 'full') continue;
    if (run.store && run.store !== settings.store) continue;
    const began = Date.now();
    const tools = await context(run.options);
    try {
      await run(tools);
      tools.assertQuiet();
      console.log(`ok ${name} ${Date.now() - began} ms`);
    } catch (error) {
      console.log(`FAILED ${name}`);
      const text = await tools.shown();
      const errors = tools.problems.length ? `\nproblems of the page:\n${tools.problems.join('\n')}` : '';
      failures.push(`${file}: ${name}\n${error.stack}${errors}\nthe page ${tools.page.url()} showed:\n${text}`);
    } finally {
      await tools.close();
    }
  }
}
await browser.close();
if (failures.length) {
  console.error(failures.join('\n\n'));
  process.exit(1);
}
