// Lists: filters, selection, bulk acts, new rows that wait, the keyboard.
import { api, assert, reaches, trigger, until } from '../tools.mjs';

export async function filters_live_in_the_address({ page, open }) {
  const item = `filter-${Date.now()}`;
  await trigger('test.echo', { text: 'x' }, { tags: ['eu'], itemId: item });
  await open('executions');
  await page.getByLabel('Job', { exact: true }).selectOption('test.echo');
  await page.getByLabel(/Execution id/).fill('tag:eu');
  await page.keyboard.press('Enter');
  await until('the address has both filters', () => /jobId=test.echo&tag=eu/.test(page.url()));
  await page.locator('td', { hasText: item }).waitFor();
  await page.getByLabel('Status', { exact: true }).selectOption('failed');
  await page.getByText('No execution matches these filters.').waitFor();
  await page.goBack();
  await page.locator('td', { hasText: item }).waitFor();
}

export async function the_longest_come_first_and_stay({ page, open, see }) {
  const item = `long-${Date.now()}`;
  for (let n = 0; n < 3; n += 1) await reaches(await trigger('test.add', { a: n, b: 0 }, { itemId: item }), 'succeeded');
  const waiting = await trigger('test.wait', {}, { itemId: item });
  await reaches(waiting, 'running');
  await open(`executions?itemId=${item}`);
  await page.locator('tbody tr').nth(3).waitFor();
  await page.getByLabel('Order', { exact: true }).selectOption('duration');
  await see('3 shown, longest of the newest 2,500 first');
  assert((await page.locator('tbody tr').count()) === 3, 'the running execution has no duration yet');
  const longest = await api('GET', `executions?itemId=${item}&sort=duration&fields=durationMs`);
  const durations = longest.executions.map((one) => one.durationMs);
  assert(durations.every((one, n) => n === 0 || one <= durations[n - 1]), `longest first: ${durations}`);
  await api('POST', `executions/${waiting}/cancel`, {});
}

export async function retry_the_selected_ones({ page, open, see, button }) {
  const ids = [];
  for (let n = 0; n < 3; n += 1) ids.push(await trigger('test.ends', { how: 'permanent' }, { tags: ['selected'] }));
  for (const id of ids) await reaches(id, 'failed');
  await open('executions?tag=selected');
  await page.locator('tbody tr').nth(2).waitFor();
  await page.getByLabel('Select all shown').check();
  await see('3 selected');
  await button('Retry').click();
  await button('Retry 3').click();
  for (const id of ids) await reaches(id, 'succeeded');
  await until('the rows show the new status', async () => (await page.locator('tbody .tone.ok').count()) === 3);
}

export async function new_rows_wait_until_they_are_asked_for({ page, open, button }) {
  const item = `still-${Date.now()}`;
  await trigger('test.add', { a: 0, b: 0 }, { itemId: item });
  await open(`executions?itemId=${item}`);
  await page.locator('tbody tr').first().waitFor();
  await trigger('test.add', { a: 1, b: 1 }, { itemId: item });
  await button('1 new · show').click();
  await until('both rows are shown', async () => (await page.locator('tbody tr').count()) === 2);
}

export async function the_keyboard_alone_finds_opens_and_cancels({ page, open, see, closed }) {
  const item = `keys-${Date.now()}`;
  const id = await trigger('test.wait', {}, { itemId: item });
  await open('overview');
  // The second key counts for 1.2 seconds, which a busy machine can miss.
  await until('`g` `e` leads to the executions', async () => {
    await page.keyboard.press('g');
    await page.keyboard.press('e');
    return page.url().includes('/executions');
  });
  await page.getByRole('heading', { name: 'Executions', exact: true }).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type(item);
  await page.getByRole('option', { name: new RegExp(`item id “${item}”`) }).waitFor();
  await page.getByRole('option', { name: new RegExp(`item id “${item}”`) }).hover();
  await page.keyboard.press('Enter');
  await page.locator('tbody tr', { hasText: 'test.wait' }).waitFor();
  await page.keyboard.press('j');
  await page.locator('tbody tr.at').waitFor();
  await page.keyboard.press('Enter');
  await page.locator('h1', { hasText: 'Running' }).waitFor();
  await page.keyboard.press('c');
  await see('Its worker is asked to stop');
  await page.keyboard.press('Enter');
  await reaches(id, 'cancelled');
  await closed();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await page.keyboard.press('Escape');
}

export async function pause_and_resume_a_queue({ page, open, see, button }) {
  await open('queues');
  const row = page.locator('tr', { hasText: 'capped' }).first();
  await row.getByRole('button', { name: 'Pause' }).click();
  await page.getByLabel('Reason').fill('a test');
  await button('Pause it').click();
  await row.getByText('paused').waitFor();
  await row.getByText('a test').waitFor();
  const { queues } = await api('GET', 'queues');
  assert(queues.find((one) => one.queue === 'capped').pausedAt);
  await open('overview');
  await see('The queue capped is paused');
  await open('queues');
  await row.getByRole('button', { name: 'Resume' }).click();
  await button('Resume it').click();
  await row.getByText('open').waitFor();
}

export async function create_and_edit_a_schedule({ page, open, see, button, expectStatus }) {
  expectStatus(400);
  await open('schedules');
  await button('New schedule').click();
  await page.getByLabel('Id', { exact: true }).fill('browser.nightly');
  await page.locator('dialog').getByLabel('Job').selectOption('test.slow');
  await page.getByLabel('Cron expression').fill('0 3 * * 9');
  await page.getByLabel('Time zone').fill('Europe/Paris');
  await button('Create').click();
  await page.locator('dialog .mistake, dialog .notice').first().waitFor();
  await page.getByLabel('Cron expression').fill('0 3 * * 1-5');
  await see('On weekdays at 03:00.');
  await page.locator('ol.next-times li').nth(4).waitFor();
  await button('Create').click();
  await page.locator('h1', { hasText: 'On weekdays at 03:00, Europe/Paris' }).waitFor();
  await button('Edit').click();
  await page.getByLabel('Cron expression').fill('30 4 * * *');
  await button('Save').click();
  await page.locator('h1', { hasText: 'Every day at 04:30, Europe/Paris' }).waitFor();
  await button('Run now').click();
  await button('Run it now').click();
  await see('by hand');
  await page.locator('.strip .mark-of-run').first().waitFor();
  await button('Pause').click();
  await see('paused');
}

export async function retry_all_that_failed_by_one_error({ page, open, see, button }) {
  const ids = [];
  for (let n = 0; n < 3; n += 1) ids.push(await trigger('test.panic', { message: `no room for order ${n}` }));
  for (const id of ids) await reaches(id, 'failed');
  await open('failures');
  const group = page.locator('.failure', { hasText: 'no room for order' });
  await group.click();
  await see('Different');
  await button('Retry all').click();
  await page.locator('dialog').getByRole('button', { name: /^Retry \d/ }).click();
  for (const id of ids) await until(`${id} ran again`, async () => (await api('GET', `executions/${id}`)).attempt > 2);
}
