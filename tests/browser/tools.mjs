// The tools of the cases: the browser, the interface, and waits with generous deadlines.
import fs from 'node:fs';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';

export const settings = {
  address: process.env.DASHBOARD_ADDRESS,
  packages: process.env.DASHBOARD_PACKAGES,
  tier: process.env.DASHBOARD_TIER ?? 'short',
  store: process.env.DASHBOARD_STORE ?? 'sqlite',
  /** The token of the requests that the scripts send themselves. */
  token: process.env.DASHBOARD_TOKEN,
};
const require = createRequire(path.join(settings.packages, 'package.json'));
const { chromium } = require('playwright-core');
const API = `${settings.address}/api/v1/workers`;
/** Generous: the tests also hold beside eight busy processes. */
export const DEADLINE = 120_000;

const executable = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) => fs.existsSync(file));
assert(executable, 'Chromium is missing: run ./test');
export const browser = await chromium.launch({ executablePath: executable, timeout: DEADLINE, args: ['--no-sandbox', '--disable-dev-shm-usage'] });

/** Sends a request to the interface and returns the JSON of the answer. */
export async function api(method, route, body) {
  const headers = { 'content-type': 'application/json' };
  if (settings.token) headers.authorization = `Bearer ${settings.token}`;
  const response = await fetch(`${API}/${route}`, {
    method, headers, body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  assert(response.ok, `${method} ${route}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/** Triggers a job and returns the id of the execution. */
export async function trigger(job, payload, options = {}) {
  return (await api('POST', `jobs/${job}/trigger`, { payload, ...options })).executionId;
}

/** Waits until the check returns a value that is not empty. `what` may be a function of the last state. */
export async function until(what, check) {
  const end = Date.now() + DEADLINE;
  let last;
  while (Date.now() < end) {
    last = await check();
    if (last) return last;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ${DEADLINE / 1000} s: ${typeof what === 'function' ? what() : what}`);
}

/** Waits until an execution has a status. */
export function reaches(id, status) {
  let seen;
  return until(() => `execution ${id} is ${status}; it was ${seen}`, async () => {
    const one = await api('GET', `executions/${id}`);
    seen = `${one.status}, attempt ${one.attempt}, ${one.error?.message ?? 'without an error'}`;
    return one.status === status && one;
  });
}

/** A page with the tools of a case. */
export async function context({ width = 1280, height = 900, theme = 'light' } = {}) {
  const made = await browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion: 'reduce' });
  const page = await made.newPage();
  page.setDefaultTimeout(DEADLINE);
  const problems = [];
  const allowed = [];
  page.on('pageerror', (error) => problems.push(error.stack ?? error.message));
  page.on('dialog', (dialog) => {
    problems.push(`a dialog of the browser: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('console', (message) => {
    if (message.type() === 'error' || /Content Security Policy/.test(message.text())) problems.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(settings.address)) problems.push(`a request to ${request.url()}`);
  });
  const tools = {
    page, problems,
    /** Opens a screen. */
    async open(screen) {
      await page.goto(`${settings.address}/dashboard/${screen}`);
      await page.locator('main h1, main .empty').first().waitFor();
    },
    /** Expects answers with this status; the browser logs them as errors. */
    expectStatus: (status) => allowed.push(`status of ${status}`),
    button: (name, exact = true) => page.getByRole('button', { name, exact }),
    /** Waits for a text in the content of the page. */
    see: (text) => page.locator('main, dialog[open], .toasts').getByText(text).first().waitFor(),
    /** What the page shows, and where the focus is, for the message of a failure. */
    shown: () => page.evaluate(() => {
      const at = document.activeElement;
      const dialog = document.querySelector('dialog[open]')?.getAttribute('aria-label');
      const focus = `${at?.tagName} ${at?.getAttribute('aria-label') ?? at?.id ?? ''}`;
      const live = document.querySelector('.live')?.getAttribute('data-state');
      return `focus ${focus}; dialog ${dialog ?? 'none'}; updates ${live ?? 'none'}\n${document.body?.innerText.slice(0, 4000)}`;
    }).catch((error) => `nothing: ${error.message}`),
    /** Waits until no dialog is open: keys of the screen do nothing before. */
    closed: () => page.waitForFunction(() => !document.querySelector('dialog[open]')),
    assertQuiet() {
      const loud = problems.filter((one) => !allowed.some((text) => one.includes(text)));
      assert.deepEqual(loud, [], 'the page logged errors');
    },
    close: () => made.close(),
  };
  return tools;
}

export { assert, require };
