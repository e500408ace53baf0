// The form that triggers a job, made from the schema of its payload.
import { api, assert, reaches, settings } from '../tools.mjs';

export async function trigger_by_form_with_nested_mistakes({ page, open, see, button, expectStatus }) {
  expectStatus(422);
  const stored = async () => (await api('GET', 'executions?jobId=test.form')).executions.length;
  const before = await stored();
  await open('jobs/test.form');
  const field = (pointer) => page.locator(`[data-pointer="${pointer}"]`);
  await field('/title').getByLabel('title').fill('Spring catalogue');
  await field('/pages').getByLabel('pages').fill('many');
  await button('Add an item').first().click();
  await field('/recipients/0/email').getByLabel('email').fill('nobody');
  await field('/format').getByLabel('format').selectOption({ label: 'pdf – A page to print.' });
  await field('/delivery').getByRole('combobox').selectOption({ label: 'postal' });
  await field('/delivery/copies').getByLabel('copies').fill('0');
  await button('Trigger').click();
  for (const pointer of ['/pages', '/recipients/0/name', '/recipients/0/email', '/delivery/copies']) {
    await field(pointer).locator('.mistake').first().waitFor();
  }
  assert.equal(await stored(), before, 'nothing is stored while there are mistakes');

  await field('/pages').getByLabel('pages').fill('12345678901234567');
  await field('/recipients/0/name').getByLabel('name').fill('Alice');
  await field('/recipients/0/email').getByLabel('email').fill('alice@example.com');
  await field('/delivery/copies').getByLabel('copies').fill('3');
  await button('Trigger').click();
  await see('Enqueued');
  // The notice goes away by itself, so its link is read now.
  const shown = await page.getByRole('link', { name: 'Show' }).getAttribute('href');
  const text = await (await fetch(`${settings.address}/api/v1/workers/executions?jobId=test.form`)).text();
  assert.match(text, /"pages":12345678901234567/, 'a long number keeps its digits');
  const [one] = JSON.parse(text).executions;
  assert.equal(one.payload.recipients[0].email, 'alice@example.com');
  assert.deepEqual(one.payload.delivery, { kind: 'postal', copies: 3 });
  assert.equal(one.payload.note, undefined);
  await reaches(one.id, 'succeeded');
  await page.goto(new URL(shown, page.url()).href);
  await see('12345678901234567');
}

export async function raw_json_is_the_way_out_of_the_trigger_form({ page, open, see, button }) {
  const stored = async () => (await api('GET', 'executions?jobId=test.echo')).executions.length;
  const before = await stored();
  await open('jobs/test.echo');
  await button('JSON').click();
  const area = page.getByLabel('Payload as JSON');
  await area.fill('{"text": ');
  await see('Not JSON');
  for (const refused of ['Trigger', 'Form']) {
    await button(refused).click();
    assert(await area.evaluate((one) => one === document.activeElement), `${refused} leads to the mistake`);
  }
  assert.equal(await stored(), before, 'the payload of an earlier text is sent');
  await area.fill('{"text": "by hand"}');
  await button('Trigger').click();
  await see('Enqueued');
}
