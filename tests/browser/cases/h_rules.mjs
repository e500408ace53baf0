// Rules that draw nothing: words for cron expressions, durations, exact numbers, differences, copied
// commands.
import { assert } from '../tools.mjs';

/** Calls functions of a module of the dashboard in the page; returns their results as JSON. */
async function call(page, module, calls) {
  return page.evaluate(async ([path, list]) => {
    const root = document.querySelector('script[type="module"]').src.replace(/app\.js$/, '');
    const loaded = await import(root + path);
    return list.map(([name, ...values]) => loaded[name](...values));
  }, [module, calls]);
}

export async function cron_expressions_have_plain_words({ page, open }) {
  await open('overview');
  const cases = {
    '0 3 * * *': 'Every day at 03:00',
    '*/5 * * * *': 'Every 5 minutes',
    '0 * * * *': 'Every hour',
    '15,45 * * * *': 'Every hour at :15 and :45',
    '30 4 * * 1-5': 'On weekdays at 04:30',
    '0 9,17 * * mon,fri': 'On Monday and Friday at 09:00 and 17:00',
    '0 0 1 * *': 'On day 1 of the month at 00:00',
    '@daily': 'Every day at 00:00',
    '*/10 * * * * *': 'Every 10 seconds',
    '0 0 1 1 1': '0 0 1 1 1',
    '5 4 * * 2#1': '5 4 * * 2#1',
    'no cron': 'no cron',
  };
  const words = await call(page, 'lib/cron_words.js', Object.keys(cases).map((one) => ['cronWords', one]));
  assert.deepEqual(words, Object.values(cases));
}

export async function numbers_and_durations_are_exact({ page, open }) {
  await open('overview');
  const durations = { 0: '0 ms', 0.4: '< 1 ms', 999: '999 ms', 1500: '1.5 s', 59_400: '59 s', 64_000: '1 min 4 s', 3_600_000: '1 h', 90_000_000: '1 d 1 h' };
  const words = await call(page, 'lib/format.js', Object.keys(durations).map((one) => ['duration', Number(one)]));
  assert.deepEqual(words, Object.values(durations));
  assert.deepEqual(await call(page, 'lib/format.js', [['number', 9999], ['number', 12408]]), ['9999', '12,408']);
  const exact = await page.evaluate(async () => {
    const root = document.querySelector('script[type="module"]').src.replace(/app\.js$/, '');
    const { parse } = await import(`${root}lib/json.js`);
    return JSON.stringify(parse('{"id":12345678901234567890,"rate":0.10000000000000000001,"plain":1.5}'));
  });
  assert.equal(exact, '{"id":12345678901234567890,"rate":0.10000000000000000001,"plain":1.5}');
  const [changes] = await call(page, 'lib/json.js', [['difference', { a: 1, b: [1, 2], c: { d: 1 } }, { a: 1, b: [1], c: { d: 2 }, e: 3 }]]);
  assert.deepEqual(changes.map((one) => [one.pointer, one.kind]), [['/b/1', 'removed'], ['/c/d', 'changed'], ['/e', 'added']]);
}

export async function copied_commands_are_whole({ page, open }) {
  await open('overview');
  const id = '01a231fe-e79c-7795-bd6b-0a43ba9fd3b5';
  const texts = await call(page, 'lib/commands.js', [
    ['rustText', 'plain'],
    ['rustText', '{"color":"#fff"}'],
    ['bulkCli', 'retry', { jobId: 'mail.send', status: 'failed', createdBy: 'night shift' }],
    ['bulkCli', 'delete', { ids: [id, id] }],
    ['bulkCli', 'cancel', { text: 'in a payload' }],
    ['withFlags', `jobs edit ${id}`, { priority: 7, payload: { a: 1 }, other: 1 }, { priority: '--priority', payload: '--payload' }],
    ['withFlags', 'jobs schedules edit nightly', { jitterMs: 30_000 }, { jitterMs: '--jitter' }],
  ]);
  assert.deepEqual(texts, [
    '"plain"',
    'r##"{"color":"#fff"}"##',
    `jobs retry --where 'job=mail.send status=failed created-by="night shift"'`,
    `jobs delete --where 'id=${id} id=${id}'`,
    undefined,
    `jobs edit ${id} --priority=7 --payload='{"a":1}'`,
    'jobs schedules edit nightly --jitter=30000ms',
  ]);
}

export async function attempts_that_should_have_ended_need_attention({ page, open }) {
  await open('overview');
  const now = Date.parse('2030-01-01T00:10:00Z');
  const ago = (seconds) => new Date(now - seconds * 1000).toISOString();
  const running = [
    { id: 'a', jobId: 'slow', startedAt: ago(50) },
    { id: 'b', jobId: 'slow', startedAt: ago(100) },
    { id: 'c', jobId: 'deaf', startedAt: ago(500), cancelRequestedAt: ago(45) },
    { id: 'd', jobId: 'deaf', startedAt: ago(500), cancelRequestedAt: ago(5) },
  ];
  const jobs = [{ id: 'slow', timeoutMs: 60_000 }, { id: 'deaf', timeoutMs: null }];
  const [concerns] = await call(page, 'lib/attention.js', [['concernsOf', { running, jobs }, now]]);
  assert.deepEqual(concerns.map((one) => one.text), [
    'An attempt of slow has run for 1 min 40 s, and its timeout is 1 min.',
    'An attempt of deaf was asked to end 45 s ago.',
  ]);
}
