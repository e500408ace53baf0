// The first token. The last case: from then on, the server asks every caller for one.
import { assert, settings, until } from '../tools.mjs';

export async function the_first_token_is_shown_until_it_is_kept({ page, open, see, button, closed, expectStatus }) {
  expectStatus(401);
  await open('system');
  await button('New token').click();
  assert.equal(await page.locator('#token-role').inputValue(), 'admin', 'the first token is an administrator');
  await page.getByLabel('Name', { exact: true }).fill('first');
  await button('Create').click();
  const token = await page.getByLabel('The new token').inputValue();
  const route = `${settings.address}/api/v1/workers/queues`;
  await until('the server asks for a token', async () => (await fetch(route)).status === 401);
  // The page asks for a token as well, below the dialog that shows it.
  await page.locator('#token').waitFor({ state: 'attached' });
  assert.equal(await page.getByLabel('The new token').inputValue(), token);
  await button('I have kept it').click();
  await closed();
  await page.locator('#token').fill(token);
  await button('Sign in').click();
  await page.getByRole('heading', { name: 'Tokens' }).waitFor();
  await see('first');
}
