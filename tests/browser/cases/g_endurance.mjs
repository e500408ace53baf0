// A tab that stays open: many events, and the memory stays.
import { assert, api, until } from '../tools.mjs';

/** The size of the page after a garbage collection. */
async function size(session) {
  await session.send('HeapProfiler.collectGarbage');
  const { metrics } = await session.send('Performance.getMetrics');
  const metric = (name) => metrics.find((one) => one.name === name).value;
  return { heap: metric('JSHeapUsedSize'), nodes: metric('Nodes'), listeners: metric('JSEventListeners') };
}

async function wave(count) {
  for (let n = 0; n < count; n += 500) {
    const executions = Array.from({ length: 500 }, (_, a) => ({ payload: { a, b: n } }));
    await api('POST', 'jobs/test.add/trigger-batch', { executions });
  }
  await until('every execution is final', async () => (await api('GET', 'executions?jobId=test.add&status=queued&limit=1')).executions.length === 0);
}

export async function a_tab_under_events_keeps_its_memory({ page, open }) {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  await open('executions');
  await wave(2000);
  for (const screen of ['overview', 'jobs', 'executions']) await page.locator(`.nav a[href$="${screen}"]`).click();
  await page.locator('tbody tr').first().waitFor();
  const before = await size(session);
  for (let round = 0; round < 5; round += 1) {
    await wave(2000);
    for (const screen of ['overview', 'failures', 'queues', 'system', 'executions']) {
      await page.locator(`.nav a[href$="${screen}"]`).click();
      await page.locator('main h1').waitFor();
    }
  }
  await page.locator('tbody tr').first().waitFor();
  const after = await size(session);
  const seen = JSON.stringify({ before, after });
  assert(after.heap < before.heap * 1.5 + 3_000_000, `the heap grows: ${seen}`);
  assert(after.nodes < before.nodes * 1.5 + 2_000, `the page grows: ${seen}`);
  assert(after.listeners < before.listeners * 1.5 + 500, `the listeners grow: ${seen}`);
}
a_tab_under_events_keeps_its_memory.tier = 'full';
