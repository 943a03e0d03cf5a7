import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { FOLDER, json } from '../node/golden.mjs';
import { openPage } from './open_page.mjs';

const GOLDEN = '/golden/';
// What the page promises where decoders round otherwise.
const LEAST_LOSSY_DB = 60;

test('pictures are decoded as Pillow decodes them', async (context) => {
  const cases = json('picture_files/cases.json');
  assert.equal(cases.length, 32);
  const { page } = await openPage({ folders: { [GOLDEN]: fileURLToPath(FOLDER) } });
  await page.addScriptTag({ content: await decoder() });
  for (const { file, shape, pixels, is_lossy: isLossy } of cases) {
    const actual = await page.evaluate(differenceFrom, [
      `${GOLDEN}picture_files/${file}`,
      `${GOLDEN}picture_files/${pixels}`,
    ]);
    assert.deepEqual([actual.height, actual.width], shape, file);
    context.diagnostic(`${file}: ${actual.db.toFixed(1)} dB`);
    if (isLossy) assert.ok(actual.db >= LEAST_LOSSY_DB, `${file}: ${actual.db} dB`);
    else assert.equal(actual.db, Infinity, file);
  }
});

/** The page's own decoder, as a script of its own. */
async function decoder() {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../src/app/pictures.js', import.meta.url))],
    bundle: true,
    format: 'iife',
    globalName: 'pictures',
    write: false,
  });
  return outputFiles[0].text;
}

/**
 * Decodes a file in the page, and compares it with RGB bytes: signal to difference in dB.
 *
 * @param {string[]} urls of the file and of the bytes
 */
async function differenceFrom(urls) {
  const [file, bytes] = await Promise.all(urls.map(async (url) => (await fetch(url)).blob()));
  const expected = new Uint8Array(await bytes.arrayBuffer());
  const { decodePicture } = /** @type {any} */ (window).pictures;
  const { width, height, data } = (await decodePicture(file, 'a file')).pixels;
  const [signal, difference] = [0, 1].map((share) =>
    expected.reduce((sum, value, at) => sum + (value - share * data[at]) ** 2, 0),
  );
  return { width, height, db: 10 * Math.log10(signal / difference) };
}
