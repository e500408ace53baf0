// One execution: progress, cancel, log, retry with another payload, edit while it waits.
import { execFileSync } from 'node:child_process';
import { api, assert, reaches, trigger, until } from '../tools.mjs';

export async function watch_progress_and_cancel_a_running_one({ page, open, see, button }) {
  const id = await trigger('test.wait', {});
  await open(`executions/${id}`);
  await see('Running');
  await page.getByRole('progressbar').first().waitFor();
  await see('50 %');
  await see('waiting');
  await button('Cancel').click();
  await see('Its worker is asked to stop');
  await button('Cancel it').click();
  await reaches(id, 'cancelled');
  await page.locator('h1', { hasText: 'Cancelled' }).waitFor();
}

export async function follow_the_log_of_a_running_one({ page, open, button }) {
  const id = await trigger('test.log-and-wait', {});
  await open(`executions/${id}`);
  const log = page.getByRole('region', { name: 'Log lines' });
  await log.getByText('waiting').waitFor();
  await button('Cancel').click();
  await button('Cancel it').click();
  await log.getByText('asked to end').waitFor();
}

export async function a_log_of_a_thousand_lines_is_windowed({ page, open }) {
  const id = await trigger('test.log-much', { lines: 900 });
  await reaches(id, 'succeeded');
  await open(`executions/${id}`);
  const log = page.getByRole('region', { name: 'Log lines' });
  await page.getByText('900 lines').waitFor();
  const drawn = await log.locator('.log-line').count();
  assert(drawn < 100, `${drawn} of 900 lines are in the page`);
  await page.getByLabel('Find in the log').fill('n=899');
  await log.getByText('n=899').waitFor();
  await until('one line matches', async () => (await log.locator('.log-line').count()) === 1);
  await log.focus();
  await page.keyboard.press('ArrowDown');
  await page.locator('.log-detail', { hasText: '899' }).waitFor();
}

export async function retry_with_an_edited_payload({ page, open, see, button }) {
  const id = await trigger('test.ends', { how: 'permanent' });
  await reaches(id, 'failed');
  await open(`executions/${id}`);
  await see('never');
  await button('Edit and retry').click();
  await page.locator('dialog').getByLabel('how').fill('well');
  await page.locator('dialog').getByRole('button', { name: 'Retry', exact: true }).click();
  const one = await reaches(id, 'succeeded');
  assert.equal(one.payload.how, 'well');
  await page.locator('h1', { hasText: 'Succeeded' }).waitFor();
  await see('"well"');
}

export async function edit_one_that_waits({ page, open, see, button }) {
  const id = await trigger('test.echo', { text: 'later' }, { delayMs: 3_600_000 });
  await open(`executions/${id}`);
  await page.locator('h1', { hasText: 'Due in' }).waitFor();
  await button('Edit').click();
  await page.locator('dialog').getByLabel('text').fill('sooner');
  await page.getByLabel('Priority, 0 to 100').fill('90');
  await button('Save').click();
  await see('Changed.');
  await see('"sooner"');
  await button('Edit').click();
  await button('Make it due now').click();
  const one = await reaches(id, 'succeeded');
  assert.equal(one.result, 'sooner');
  assert.equal(one.priority, 90);
}

export async function an_edit_sends_only_what_the_viewer_changed({ page, open, see, button }) {
  const id = await trigger('test.echo', { text: 'at first' }, { delayMs: 3_600_000 });
  await open(`executions/${id}`);
  await button('Edit').click();
  await page.getByLabel('Priority, 0 to 100').fill('90');
  await api('PATCH', `executions/${id}`, { payload: { text: 'meanwhile' } });
  await page.locator('main .json', { hasText: 'meanwhile' }).first().waitFor();
  await button('Save').click();
  await see('Changed.');
  const one = await api('GET', `executions/${id}`);
  assert.equal(one.payload.text, 'meanwhile', 'the payload of another editor is kept');
  assert.equal(one.priority, 90);
}

export async function a_copied_command_is_one_word_per_value({ page, open, button }) {
  const text = `it's $(echo "run")`;
  const id = await trigger('test.echo', { text }, { delayMs: 3_600_000 });
  await api('POST', `executions/${id}/cancel`, {});
  await open(`executions/${id}`);
  await button('Edit and retry').click();
  const copied = await page.locator('dialog .copy-as').getByRole('button', { name: 'CLI' }).getAttribute('title');
  const printed = execFileSync('sh', ['-c', `jobs() { printf '%s\\n' "$@"; }\n${copied}`], { encoding: 'utf8' });
  assert.deepEqual(printed.trim().split('\n'), ['retry', id, '--payload', JSON.stringify({ text })]);
}

export async function the_difference_to_the_last_success_is_shown({ page, open, see, button }) {
  await reaches(await trigger('test.ends', { how: 'permanent' }), 'failed');
  const good = await trigger('test.log', { name: 'good' });
  await reaches(good, 'succeeded');
  const later = await trigger('test.log', { name: 'other' }, { delayMs: 3_600_000 });
  await open(`executions/${later}`);
  await button('Difference to the last success').click();
  await page.locator('.changes del', { hasText: 'good' }).waitFor();
  await page.locator('.changes ins', { hasText: 'other' }).waitFor();
  await see('/name');
}

export async function sensitive_fields_are_revealed_on_request({ page, open, see, button }) {
  const id = await trigger('test.secret', { token: 'a-hidden-word' });
  await reaches(id, 'succeeded');
  await open(`executions/${id}`);
  await see('token');
  assert.equal(await page.getByText('a-hidden-word').count(), 0, 'a sensitive field is shown');
  await button('Reveal').click();
  await see('"a-hidden-word"');
}
