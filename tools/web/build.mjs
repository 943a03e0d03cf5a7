// Builds the page into dist/, which any static host can serve.
import { cpSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUILDS } from './src/runtime/builds.js';

const at = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const DIST = at('dist/');
// What `tools/export_bundled_models.py` and `copy_samples.py` wrote.
const MODELS = at('../golden_values/build/bundled/');
const SAMPLES = at('build/samples/');
const WASM = fileURLToPath(new URL('wasm/', import.meta.resolve('@litertjs/core/package.json')));

rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST);
await build({
  entryPoints: { app: at('src/app/main.js'), worker: at('src/runtime/worker.js') },
  outdir: DIST,
  bundle: true,
  minify: true,
  // LiteRT.js calls importScripts, which only classic workers have.
  format: 'iife',
  target: 'es2022',
  legalComments: 'inline',
});
for (const file of ['index.html', 'style.css', 'icon.svg', 'isolation.js']) {
  cpSync(at(`src/${file}`), `${DIST}${file}`);
}
for (const { name } of Object.values(BUILDS)) {
  for (const ending of ['js', 'wasm']) {
    cpSync(`${WASM}${name}.${ending}`, `${DIST}wasm/${name}.${ending}`);
  }
}
copyAll(MODELS, '.tflite', 'models');
copyAll(SAMPLES, '.png', 'samples');
const files = readdirSync(DIST, { recursive: true, withFileTypes: true }).filter((it) =>
  it.isFile(),
);
const bytes = files.reduce((sum, it) => sum + statSync(`${it.parentPath}/${it.name}`).size, 0);
console.log(`${files.length} files, ${(bytes / 1e6).toFixed(1)} MB in tools/web/dist`);

/**
 * @param {string} folder
 * @param {string} ending
 * @param {string} target
 */
function copyAll(folder, ending, target) {
  const names = readdirSync(folder).filter((name) => name.endsWith(ending));
  if (names.length === 0) throw new Error(`Expected ${ending} files in ${folder}: run make web`);
  for (const name of names) cpSync(`${folder}${name}`, `${DIST}${target}/${name}`);
}
