// Checks the files of the dashboard: sizes, hashes of vendored files, types.
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert, browser, context, settings, trigger } from './tools.mjs';
import { declarations } from './types.mjs';

const FIRST_LOAD = 150_000;
const OWN_CODE = 60_000;
const OWN_CODE_OF_ALL_SCREENS = 110_000;
const here = path.dirname(fileURLToPath(import.meta.url));
const dashboard = path.join(here, '../../jobs-runtime/dashboard');

/** The files below a folder, by their paths. */
function files(folder, prefix = '') {
  return fs.readdirSync(path.join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(prefix, entry.name);
    return entry.isDirectory() ? files(folder, name) : [name];
  });
}

function vendored() {
  const text = fs.readFileSync(path.join(dashboard, 'vendor/VENDOR.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `([^`]+)` \| \[([^\]]+)\]\([^)]*\) \| ([^ ]+) \| `([^`]+)` .* `([0-9a-f]{64})` \|$/gm)];
  const listed = rows.map(([, file]) => file).sort();
  const present = files(path.join(dashboard, 'vendor')).filter((file) => !/LICENSE$|\.md$/.test(file)).sort();
  assert.deepEqual(listed, present, 'VENDOR.md lists the vendored files');
  for (const [, file, name, version, source, hash] of rows) {
    const content = fs.readFileSync(path.join(dashboard, 'vendor', file));
    assert.equal(crypto.createHash('sha256').update(content).digest('hex'), hash, `the hash of ${file}`);
    const from = path.join(settings.packages, 'node_modules', name);
    assert.equal(JSON.parse(fs.readFileSync(path.join(from, 'package.json'), 'utf8')).version, version, name);
    assert.equal(content.toString(), edited(file, fs.readFileSync(path.join(from, source), 'utf8')), `${file} is the file of the package`);
  }
}

/** The edits that VENDOR.md names. */
function edited(file, text) {
  const relative = { preact: './preact.js', 'preact/hooks': './hooks.js', '@preact/signals-core': './signals-core.js' };
  if (!file.endsWith('.js')) return text;
  return text.replace(/\/\/# sourceMappingURL=.*$/m, '').replace(/from"([^".][^"]*)"/g, (_, name) => `from"${relative[name]}"`);
}

/** The first load of each screen, as a browser transfers it. */
async function firstLoads() {
  const id = await trigger('test.add', { a: 1, b: 2 });
  for (const screen of ['overview', 'failures', 'executions', `executions/${id}`, 'jobs', 'jobs/test.form', 'queues', 'schedules', 'system']) {
    const { page, open, close } = await context();
    await open(screen);
    const sizes = await page.evaluate(() => performance.getEntries()
      .filter((entry) => /\/dashboard\//.test(entry.name))
      .map((entry) => [entry.name, entry.encodedBodySize ?? 0]));
    const sum = (list) => list.reduce((total, [, size]) => total + size, 0);
    const all = sum(sizes);
    const own = sum(sizes.filter(([name]) => !name.includes('/vendor/')));
    assert(all > 10_000 && all <= FIRST_LOAD, `the first load of ${screen} has ${all} bytes, ${FIRST_LOAD} are allowed`);
    assert(own <= OWN_CODE, `own code in the first load of ${screen} has ${own} bytes, ${OWN_CODE} are allowed`);
    console.log(`first load of ${screen}: ${all} bytes, of which own code ${own}`);
    await close();
  }
}

/** The bytes of a file as a browser receives it. */
function transferred(url) {
  return new Promise((resolve, reject) => {
    http.get(url, { headers: { 'accept-encoding': 'gzip' } }, (response) => {
      let size = 0;
      response.on('data', (part) => { size += part.length; });
      response.on('end', () => (response.statusCode === 200 ? resolve(size) : reject(new Error(`${url}: ${response.statusCode}`))));
    }).on('error', reject);
  });
}

/** The own code of all screens together. Each file is compressed for itself. */
async function allScreens() {
  const page = await (await fetch(`${settings.address}/dashboard/`)).text();
  const [, assets] = /src="([^"]+)\/app\.js"/.exec(page);
  const own = files(dashboard).filter((file) => !file.startsWith('vendor/') && file !== 'index.html');
  let sum = 0;
  for (const file of own) sum += await transferred(new URL(`${assets}/${file}`, `${settings.address}/`));
  console.log(`own code of all screens: ${sum} bytes in ${own.length} files`);
  assert(sum <= OWN_CODE_OF_ALL_SCREENS, `the own code of all screens has ${sum} bytes, ${OWN_CODE_OF_ALL_SCREENS} are allowed`);
}

/** Checks the modules against types that are made from the interface's own document. */
async function types() {
  const document = await (await fetch(`${settings.address}/openapi.json`)).json();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dashboard-types-'));
  try {
    fs.cpSync(dashboard, folder, { recursive: true });
    fs.symlinkSync(path.join(settings.packages, 'node_modules'), path.join(folder, 'node_modules'));
    fs.writeFileSync(path.join(folder, 'lib/types.d.ts'), declarations(document));
    const module = (name, text) => fs.writeFileSync(path.join(folder, 'vendor', `${name}.d.ts`), text);
    for (const file of fs.readdirSync(path.join(folder, 'vendor'))) if (file.endsWith('.js')) fs.rmSync(path.join(folder, 'vendor', file));
    module('preact', "export * from 'preact';\n");
    module('hooks', "export * from 'preact/hooks';\n");
    module('signals', "export * from '@preact/signals';\n");
    module('htm', 'declare const htm: { bind(h: any): (strings: TemplateStringsArray, ...values: any[]) => any };\nexport default htm;\n');
    const compilerOptions = {
      allowJs: true, checkJs: true, noEmit: true, strict: true, target: 'esnext', module: 'esnext', moduleResolution: 'bundler',
      lib: ['esnext', 'dom', 'dom.iterable'], types: [], skipLibCheck: true,
    };
    fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['app.js', 'theme.js', 'lib', 'parts', 'screens'] }));
    execFileSync(process.execPath, [path.join(settings.packages, 'node_modules/typescript/bin/tsc'), '-p', folder], { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    throw new Error(error.stdout || error.message);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

vendored();
await firstLoads();
await allScreens();
await types();
await browser.close();
