// The first load: the index leads to the dashboard, and reload, back and forward keep the place.
import { assert, settings, trigger } from '../tools.mjs';

export async function the_index_leads_to_the_overview({ page }) {
  await page.goto(`${settings.address}/`);
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  assert.match(page.url(), /\/dashboard\/$/);
  assert.equal(await page.locator('script:not([src])').count(), 0, 'the page has an inline script');
}

export async function back_forward_and_reload_keep_the_place({ page, open, see }) {
  const item = `back-${Date.now()}`;
  const id = await trigger('test.add', { a: 1, b: 2 }, { itemId: item });
  await open(`executions?itemId=${item}`);
  await page.locator('table a', { hasText: 'test.add' }).click();
  await see(/Succeeded|Queued|Running/);
  assert.match(page.url(), new RegExp(`/executions/${id}$`));
  await page.reload();
  await see('Payload');
  await page.goBack();
  await page.locator('table a', { hasText: 'test.add' }).waitFor();
  assert.match(page.url(), new RegExp(`itemId=${item}$`));
  await see(item);
  await page.goForward();
  await see('Payload');
}

export async function the_theme_is_set_before_the_first_paint({ page, open }) {
  await open('jobs');
  await page.evaluate(() => localStorage.setItem('jobs.theme', 'dark'));
  await page.goto(`${settings.address}/dashboard/jobs`, { waitUntil: 'commit' });
  await page.locator('#app').waitFor({ state: 'attached' });
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
}

export async function the_instance_has_its_name_and_colour({ page, open }) {
  await open('overview');
  await page.locator('.brand', { hasText: 'production' }).waitFor();
  assert.match(await page.title(), /production$/);
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--hue').trim()), '25');
}
the_instance_has_its_name_and_colour.store = 'sqlite';
