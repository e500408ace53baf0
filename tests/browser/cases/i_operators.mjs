// What operators look at: charts, trees, what waits behind what, the store.
import { assert, reaches, trigger, until } from '../tools.mjs';

export async function charts_show_what_ended({ page, open, button }) {
  for (let n = 0; n < 3; n += 1) await reaches(await trigger('test.add', { a: n, b: n }), 'succeeded');
  await open('overview');
  // Processes write their counts every 15 seconds.
  await page.getByRole('img', { name: /^Ended: succeeded [1-9]/ }).waitFor();
  await page.locator('.chart rect.ok').first().waitFor();
  await page.locator('.chart .plot').first().hover();
  await until('every chart marks the time under the pointer', async () => (await page.locator('.chart rect.at').count()) === 6);
  await button('Last 24 hours').click();
  await page.getByText('a day ago, by quarter of an hour').waitFor();
  await page.getByRole('img', { name: /^Ended: succeeded [1-9]/ }).waitFor();
  await button('Last hour').click();
  await open('jobs/test.add');
  await page.getByRole('img', { name: /^Duration of attempts, highest: p50 [<\d]/ }).waitFor();
}

export async function lists_show_throughput_and_failures({ page, open, button }) {
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  for (let n = 0; n < 3; n += 1) await reaches(await trigger('test.add', { a: n, b: n }), 'succeeded');
  await reaches(await trigger('test.ends', { how: 'permanent' }), 'failed');
  await open('jobs');
  const row = (name) => page.locator('tr', { has: page.getByRole('link', { name, exact: true }) });
  // Processes write their counts every 15 seconds.
  await row('test.add').locator('.c-rate .num:not(.muted)').waitFor();
  await row('test.ends').locator('.c-failed', { hasText: /^\s*\d+ · [\d.]+ %\s*$/ }).waitFor();
  await button('Last 24 hours').click();
  await until('the day is asked for', () => asked.some((url) => /throughput\?by=job&window=day/.test(url)));
  await row('test.ends').locator('.c-failed .bad').waitFor();
  await button('Last hour').click();
  assert(!asked.some((url) => /\/(stats|series)\b/.test(url)), 'a list asks for single jobs');
  await open('queues');
  await row('default').getByRole('img', { name: /^Ended over time: .*[1-9]/ }).waitFor();
  await page.getByLabel('Queue of the charts').selectOption('default');
  await page.getByRole('img', { name: /^Ended: succeeded [1-9]/ }).waitFor();
}

export async function a_group_of_failures_names_the_versions_of_its_job({ page, open, see }) {
  await reaches(await trigger('test.panic', { message: 'a version that fails' }), 'failed');
  await open('failures');
  await page.locator('.failure', { hasText: 'a version that fails' }).click();
  await see('Versions of the job');
  await page.locator('.failure-detail .pair', { hasText: /^\d+ under [0-9a-f]{8}, the present one$/ }).waitFor();
}

export async function parents_and_children_are_a_tree({ page, open }) {
  const root = await trigger('test.chain', { depth: 3 });
  await reaches(root, 'succeeded');
  await open(`executions/${root}`);
  const tree = page.locator('.tree');
  await tree.getByText('this execution').waitFor();
  await tree.getByRole('button', { name: /^Children of/ }).first().click();
  await until('the child of the child is shown', async () => (await tree.getByRole('link', { name: 'test.chain' }).count()) === 2);
  await tree.getByRole('link', { name: 'test.chain' }).first().click();
  await until('another execution is shown', () => !page.url().endsWith(root));
  // The parent stands above, and its own child below.
  await until('the parent and a child are shown', async () => (await tree.getByRole('link', { name: 'test.chain' }).count()) === 2);
  await tree.locator(`:scope > li > .row a[href$="${root}"]`).waitFor();
}

export async function a_limit_shows_what_waits_and_what_holds_its_permits({ page, open, see }) {
  const tenant = `tenant ${Date.now()}`;
  const ids = [];
  for (let n = 0; n < 3; n += 1) ids.push(await trigger('test.in-turn', { tenant }));
  await reaches(ids[0], 'running');
  await open('queues');
  const row = page.locator('tr', { hasText: tenant });
  await row.getByRole('button', { name: /^2/ }).click();
  await see('Permits are held by');
  const queue = page.locator('.limit-queue');
  await queue.locator(`p:nth-child(1) a[href$="${ids[0]}"]`).waitFor();
  for (const id of ids.slice(1)) await queue.locator(`p:nth-child(2) a[href$="${id}"]`).waitFor();
}

export async function the_store_shows_the_size_of_its_tables({ page, open }) {
  await open('system');
  const tables = page.getByRole('region', { name: 'Tables' });
  await tables.getByText(/executions$/).waitFor();
  assert.match(await tables.locator('tbody tr').first().innerText(), /\d (B|kB|MB)/);
}
