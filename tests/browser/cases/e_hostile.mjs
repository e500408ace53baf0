// Texts that attack the page: they are shown as text, wherever they stand.
import { assert, reaches, trigger } from '../tools.mjs';

const SCRIPT = '<script>window.attacked = true</script><img src=x onerror="window.attacked = true">';
const TEXT = `${SCRIPT} \u001b[31mred\u001b[0m \u202etxt.exe`;

export async function scripts_escapes_and_bidi_marks_are_shown_as_text({ page, open, see }) {
  const id = await trigger('test.hostile', { text: TEXT }, { itemId: '<b>item</b>', correlationId: SCRIPT, createdBy: SCRIPT, tags: [SCRIPT] });
  await reaches(id, 'failed');
  await trigger('test.echo', { [SCRIPT]: 1, text: TEXT });
  for (const screen of ['overview', 'executions', 'executions?itemId=%3Cb%3Eitem%3C%2Fb%3E', `executions/${id}`, 'jobs', 'jobs/test.hostile']) {
    await open(screen);
    await page.locator('main').getByText(/hostile|<script>/).filter({ visible: true }).first().waitFor();
    assert.equal(await page.locator('main script, main b:text-is("item"), main img').count(), 0, screen);
    const text = await page.locator('main').innerText();
    assert(!/[\u001b\u202e]/.test(text), `${screen} has an escape or a bidirectional mark`);
  }
  await open(`executions/${id}`);
  await see(/\\u001b\[31mred\\u001b\[0m \\u202etxt\.exe/);
  assert.equal(await page.evaluate(() => window.attacked), undefined);
}
