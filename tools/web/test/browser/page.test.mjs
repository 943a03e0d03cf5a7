import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drop } from './drag.mjs';
import { answersAfter, openPage, ready, texts } from './open_page.mjs';

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };

test('under a sub-path, all requests go there', async () => {
  const { page, requests, errors, url } = await openPage({ path: '/a/repo/' });
  await ready(page);
  assert.ok(url.endsWith('/a/repo/'));
  assert.deepEqual(
    requests.filter((it) => !it.startsWith(url) && !it.startsWith('blob:' + new URL(url).origin)),
    [],
  );
  assert.equal(requests.filter((it) => it.endsWith('.wasm')).length, 1);
  assert.deepEqual(await texts(page, '#results .title'), ['float32', 'int8']);
  assert.deepEqual(errors, []);
});

test('speed is shown with how the files ran', async () => {
  const { page } = await openPage({ context: PHONE });
  await ready(page);
  // A GPU is only offered where there is one.
  assert.equal(await page.locator('#gpu').count(), 0);
  await page.locator('#summary button').focus();
  await page.keyboard.press('Enter');
  await page.locator('#measuring progress').waitFor();
  await page.locator('#summary button', { hasText: /^Measuring… \d+ %$/ }).waitFor();
  // Where the keyboard was, it stays: the button is gone.
  await page.locator('.tile').nth(1).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'summary');
  const lines = await texts(page, '#speed tr');
  const expected = [
    /^\s*float32\s+int8$/,
    /^Median(\s+[\d.]+ ms){2}$/,
    /^5–95 %(\s+[\d.]+–[\d.]+ ms){2}$/,
    /^Speed-up\s+1.00 ×\s+[\d.]+ ×$/,
    /^Runs(\s+\d+){2}$/,
    /^First run(\s+[\d.]+ ms){2}$/,
    /^Size\s+3.\d+ MB\s+1.\d+ MB$/,
    /^Ran on(\s+CPU, wasm){2}$/,
    /^Accelerated(\s+fully){2}$/,
  ];
  assert.equal(lines.length, expected.length);
  expected.forEach((line, index) => assert.match(lines[index], line));
  // No speed-up without what it is made of, and how much that varies.
  const range = '[\\d.]+ ms \\([\\d.]+–[\\d.]+ ms\\)';
  const faster = `^[\\d.]+ × (faster|slower)\\s+${range} and ${range}: median`;
  assert.match((await texts(page, '.tile'))[1], new RegExp(faster));
  const receipt = await page.locator('#speed .facts').innerText();
  assert.match(receipt, /LiteRT\.js \d[\s\S]*SIMD[\s\S]*Threads\s+1[\s\S]*one thread/);
  assert.match(receipt, /GPU\s+none for this page\s+Browser\s+Chrome \d+/);
  const wide = await page.evaluate(() =>
    [...document.querySelectorAll('main, main *')]
      .filter((it) => it.scrollWidth > it.clientWidth && it.clientWidth > 0)
      .map((it) => `${it.tagName} ${it.id} ${it.className}`),
  );
  assert.deepEqual(wide, []);
});

test('a measurement can be cancelled', async () => {
  const { page } = await openPage();
  await ready(page);
  await page.locator('#measure').click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.locator('#measure').waitFor();
  assert.equal(await page.locator('#errors .error').count(), 0);
});

test('threads where the host isolates the page', async () => {
  const { page } = await openPage({ isolate: true, query: '?threads=2' });
  await ready(page);
  assert.match(await page.locator('#status').innerText(), /2 threads/);
});

test('threads by a service worker', async () => {
  const { page } = await openPage({ path: '/repo/', query: '?threads=2' });
  await ready(page);
  assert.match(await page.locator('#status').innerText(), /1 thread$/);
  await page.locator('#threads').click();
  await page.locator('#speed .facts', { hasText: /Isolated page\s*yes/ }).waitFor();
  await page.getByRole('button', { name: 'Use one thread' }).click();
  await page.locator('#threads').waitFor();
});

for (const [name, context] of Object.entries({
  phone: PHONE,
  desktop: { viewport: { width: 1280, height: 800 } },
})) {
  test(`a ${name} needs no scrolling sideways, and nothing moves`, async () => {
    const { page } = await openPage({
      context,
      prepare: (it) =>
        it.addInitScript(() => {
          Object.assign(window, { shift: 0 });
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) {
              /** @type {any} */ (window).shift += /** @type {any} */ (entry).value;
            }
          }).observe({ type: 'layout-shift', buffered: true });
        }),
    });
    await ready(page);
    await page.waitForTimeout(300);
    const [wide, shift] = await page.evaluate(() => [
      document.documentElement.scrollWidth - document.documentElement.clientWidth,
      /** @type {any} */ (window).shift,
    ]);
    assert.equal(wide, 0);
    // What web.dev calls good is below 0.1.
    assert.ok(shift < 0.05, `layout shift ${shift}`);
  });
}

test('keyboard and names', async () => {
  const { page } = await openPage();
  await ready(page);
  await page.locator('[data-sample=horse]').focus();
  await answersAfter(page, () => page.keyboard.press('Enter'));
  assert.equal(await page.locator('[data-sample=horse]').getAttribute('aria-pressed'), 'true');
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll('button, a, canvas, progress, [role=region]')]
      .filter(
        (it) =>
          !it.textContent?.trim() &&
          !it.getAttribute('aria-label') &&
          !it.getAttribute('aria-labelledby'),
      )
      .map((it) => it.outerHTML),
  );
  assert.deepEqual(nameless, []);
});

for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  test(`texts are legible: ${colorScheme}`, async () => {
    const { page } = await openPage({ context: { colorScheme } });
    await ready(page);
    await drop(page, 'models/refused/text.tflite');
    await page.locator('#errors .error').waitFor();
    const faint = await page.evaluate(() => {
      const numbers = (/** @type {string} */ color) => (color.match(/[\d.]+/g) ?? []).map(Number);
      const luminance = (/** @type {number[]} */ rgb) =>
        rgb
          .slice(0, 3)
          .map((it) => it / 255)
          .map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4))
          .reduce((sum, it, index) => sum + it * [0.2126, 0.7152, 0.0722][index], 0);
      const behind = (/** @type {Element | null} */ it) => {
        for (let at = it; at !== null; at = at.parentElement) {
          const color = numbers(getComputedStyle(at).backgroundColor);
          if (color.length === 3 || color[3] === 1) return color;
        }
        return [255, 255, 255];
      };
      return [...document.querySelectorAll('main *, header *')]
        .filter((it) => [...it.childNodes].some((n) => n.nodeType === 3 && n.textContent?.trim()))
        .filter((it) => it.closest('noscript') === null)
        .map((it) => {
          const both = [luminance(numbers(getComputedStyle(it).color)), luminance(behind(it))];
          both.sort((a, b) => b - a);
          return { text: it.textContent, ratio: (both[0] + 0.05) / (both[1] + 0.05) };
        })
        .filter(({ ratio }) => ratio < 4.5);
    });
    assert.deepEqual(faint, []);
  });
}
