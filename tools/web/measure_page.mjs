// Prints what the built page measures in a headless Chromium, as JSON.
import { chromium } from 'playwright-core';
import { serve } from './serve.mjs';

const PATIENCE = 120_000;

const server = await serve();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.goto(server.url);
  await page.locator('.test').nth(1).waitFor();
  await page.locator('#measure').click();
  await page.locator('.tile').nth(1).waitFor();
  const names = await page.locator('#speed thead th').allInnerTexts();
  const medians = await page.locator('.median td').allInnerTexts();
  const verdicts = await page.locator('.test .badge').allInnerTexts();
  const texts = await page.locator('.test .text:not(.muted)').allInnerTexts();
  const status = await page.locator('#status').innerText();
  const decibels = texts.map((text) => /[\d.]+ dB/.exec(text)?.[0]);
  console.log(
    JSON.stringify({
      medians: Object.fromEntries(names.map((name, at) => [name, parseFloat(medians[at])])),
      verdicts: Object.fromEntries(
        names.map((name, at) => [name, decibels[at] ?? verdicts[at].toLowerCase()]),
      ),
      ran: `${status.replace('Ready: ', '')} in Chromium ${browser.version().split('.')[0]}`,
    }),
  );
} finally {
  await browser.close();
  server.close();
}
