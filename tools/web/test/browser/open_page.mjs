import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { serve } from '../../serve.mjs';
/** @import { Browser, BrowserContextOptions, Page } from 'playwright-core' */

// On a machine for tests, a page may wait for others.
const PATIENCE = 60_000;

/** @type {(() => unknown)[]} */
const closers = [];
after(async () => {
  for (const close of closers) await close();
});
const usual = await launch();

/**
 * @param {object} [options]
 * @param {string[]} [options.args]
 * @param {string[]} [options.withoutArgs] of those of playwright
 */
export async function launch({ args = [], withoutArgs = [] } = {}) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // Chromium's own sandbox needs rights that containers do not give to root.
    args: ['--no-sandbox', '--use-fake-device-for-media-stream', ...args],
    ignoreDefaultArgs: withoutArgs,
  });
  closers.unshift(() => browser.close());
  return browser;
}

/**
 * @param {object} [options]
 * @param {Browser} [options.browser]
 * @param {string} [options.query]
 * @param {string} [options.path] of the folder on the server
 * @param {boolean} [options.isolate]
 * @param {Record<string, string>} [options.folders] further paths on the server
 * @param {BrowserContextOptions} [options.context]
 * @param {(page: Page) => Promise<unknown>} [options.prepare] before the page is loaded
 */
export async function openPage({
  browser = usual,
  query = '',
  path = '/',
  isolate = false,
  folders = {},
  context = {},
  prepare = async () => {},
} = {}) {
  const server = await serve({ path, isolate, folders });
  closers.push(server.close);
  const page = await (await browser.newContext(context)).newPage();
  page.setDefaultTimeout(PATIENCE);
  /** @type {string[]} */
  const requests = [];
  /** @type {string[]} */
  const errors = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('pageerror', (error) => errors.push(error.message));
  await page.addInitScript(() => {
    Object.assign(window, { answers: [] });
    document.addEventListener('answers', (event) => {
      /** @type {any} */ (window).answers.push(/** @type {CustomEvent} */ (event).detail);
    });
  });
  await prepare(page);
  await page.goto(server.url + query);
  return { page, requests, errors, url: server.url };
}

/** @param {Page} page whose models have been tested */
export async function ready(page) {
  await page.locator('.test').first().waitFor();
}

/**
 * The texts of elements.
 *
 * @param {Page} page
 * @param {string} selector
 */
export function texts(page, selector) {
  return page.locator(selector).allInnerTexts();
}

/**
 * Does something that makes the page compute, and waits for the answers.
 *
 * @param {Page} page
 * @param {() => Promise<unknown>} action
 * @returns {Promise<{name: string, outputs: Record<string, number[]>}[]>} of each file
 */
export async function answersAfter(page, action) {
  const before = await page.evaluate(() => /** @type {any} */ (window).answers.length);
  await action();
  await page.waitForFunction((n) => /** @type {any} */ (window).answers.length > n, before);
  return page.evaluate(() =>
    /** @type {any} */ (window).answers.at(-1).map((/** @type {any} */ { name, outputs }) => ({
      name,
      outputs: Object.fromEntries(
        Object.entries(outputs).map(([key, values]) => [key, Array.from(values, Number)]),
      ),
    })),
  );
}
