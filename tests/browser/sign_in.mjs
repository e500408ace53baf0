// Signs in with a token, as a viewer who is refused every act, then as an operator.
import { api, assert, browser, context, settings, trigger, reaches, until } from './tools.mjs';

const { DASHBOARD_VIEWER: viewer, DASHBOARD_OPERATOR: operator } = process.env;

async function signIn({ page, see }, token) {
  await page.goto(`${settings.address}/`);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByLabel('Token').fill('jobs_wrong.wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#token-mistake:not(:empty)').waitFor();
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  assert.equal(await page.evaluate(() => document.cookie), '', 'scripts see no cookie');
}

const waiting = await trigger('test.echo', { text: 'later' }, { delayMs: 3_600_000 });
const failed = await trigger('test.ends', { how: 'permanent' });
await reaches(failed, 'failed');
await api('POST', 'schedules', { id: 'signed', jobId: 'test.slow', cron: '0 3 * * *' });

{
  const tools = await context();
  const { page, open, button, see } = tools;
  for (const status of [401, 403]) tools.expectStatus(status);
  await signIn(tools, viewer);
  await page.locator('.top', { hasText: 'read only' }).waitFor();

  const refused = async (screen, act, verb) => {
    await open(screen);
    await button(act).click();
    await see('may not do it');
    assert(await page.locator('dialog').getByRole('button', { name: verb, exact: true }).isDisabled(), `${verb} is possible`);
    await page.keyboard.press('Escape');
  };
  await refused(`executions/${waiting}`, 'Cancel', 'Cancel it');
  await refused(`executions/${failed}`, 'Retry', 'Retry it');
  await refused('schedules/signed', 'Run now', 'Run it now');

  const refusedInMenu = async (screen, act, verb) => {
    await open(screen);
    const item = page.getByText(act, { exact: true });
    if (!await item.isVisible()) await button('More acts').click();
    await item.click();
    await see('may not do it');
    assert(await page.locator('dialog').getByRole('button', { name: verb, exact: true }).isDisabled(), `${verb} is possible`);
    await page.keyboard.press('Escape');
  };
  await refusedInMenu(`executions/${failed}`, 'Erase its data…', 'Erase the data');
  await refusedInMenu(`executions/${failed}`, 'Delete…', 'Delete it');
  await refusedInMenu('schedules/signed', 'Delete…', 'Delete it');
  for (const act of ['Retry', 'Delete']) {
    await open('failures');
    await page.locator('.failure', { hasText: 'test.ends' }).first().click();
    await button(`${act} all`).click();
    const dialog = page.locator('dialog[open]');
    await dialog.getByText(/needs the role operator|does not allow this/).first().waitFor();
    assert.equal(await dialog.getByRole('button', { name: new RegExp(`^${act} \\d`) }).count(), 0, `${act} all is possible`);
    await page.keyboard.press('Escape');
  }

  const answered = async (screen, steps) => {
    await open(screen);
    await steps();
    await page.getByText(/needs the role operator/).first().waitFor();
    await page.keyboard.press('Escape');
  };
  await answered('jobs/test.slow', () => button('Trigger').click());
  await answered(`executions/${failed}`, async () => {
    await button('Edit and retry').click();
    await page.locator('dialog').getByRole('button', { name: 'Retry', exact: true }).click();
  });
  await answered(`executions/${waiting}`, async () => {
    await button('Edit').click();
    await button('Make it due now').click();
  });
  await answered('schedules/signed', () => button('Pause').click());
  await open('queues');
  await page.locator('tr', { hasText: 'default' }).first().getByRole('button', { name: 'Pause' }).click();
  await page.getByLabel('Reason').fill('a test');
  await button('Pause it').click();
  await page.getByText(/does not allow this/).first().waitFor();

  assert.equal((await api('GET', `executions/${waiting}`)).status, 'pending');
  assert.equal((await api('GET', `executions/${failed}`)).attempt, 1);
  assert.equal((await api('GET', 'executions?jobId=test.slow')).executions.length, 0);
  assert.equal((await api('GET', 'schedules/signed')).status, 'active');
  await button('Sign out').click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  tools.assertQuiet();
  await tools.close();
}

{
  const tools = await context();
  for (const status of [401]) tools.expectStatus(status);
  await signIn(tools, operator);
  await tools.open(`executions/${failed}`);
  await tools.button('Retry').click();
  await tools.button('Retry it').click();
  await reaches(failed, 'succeeded');
  await tools.open('system');
  await tools.page.getByRole('heading', { name: 'Store' }).waitFor();
  assert.equal(await tools.page.getByRole('heading', { name: 'Audit' }).count(), 0, 'an operator sees no audit log');
  assert.equal(await tools.page.getByRole('heading', { name: 'Tokens' }).count(), 0, 'an operator sees no tokens');
  await tools.open(`executions/${failed}`);
  await until('the page shows it', () => tools.page.locator('h1', { hasText: 'Succeeded' }).count());
  tools.assertQuiet();
  await tools.close();
}
{
  const tools = await context();
  tools.expectStatus(401);
  await signIn(tools, settings.token);
  await tools.open('system');
  await tools.page.locator('tr', { hasText: 'execution.retry' }).filter({ hasText: 'operator' }).first().waitFor();
  await tools.button('New token').click();
  await tools.page.getByLabel('Name', { exact: true }).fill('for the night');
  await tools.page.locator('#token-role').selectOption('viewer');
  await tools.button('Create').click();
  const secret = await tools.page.getByLabel('The new token').inputValue();
  const asViewer = (path) => fetch(`${settings.address}/api/v1/workers/${path}`, { headers: { authorization: `Bearer ${secret}` } });
  assert.equal((await asViewer('queues')).status, 200);
  assert.equal((await asViewer('tokens')).status, 403);
  await tools.button('I have kept it').click();
  const row = tools.page.locator('tr', { hasText: 'for the night' }).filter({ hasText: 'viewer' });
  await row.getByRole('button', { name: 'Revoke' }).click();
  await tools.button('Revoke it').click();
  await row.getByText('revoked', { exact: true }).waitFor();
  await until('the token is refused', async () => (await asViewer('queues')).status === 401);
  await tools.open(`executions/${failed}`);
  await tools.page.getByRole('heading', { name: 'Acts of operators' }).waitFor();
  tools.assertQuiet();
  await tools.close();
}
await browser.close();
