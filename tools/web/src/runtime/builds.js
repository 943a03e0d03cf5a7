/**
 * Builds of LiteRT.js: with relaxed SIMD, with plain SIMD for browsers that have no other, and
 * with relaxed SIMD and threads.
 *
 * @typedef {'relaxed' | 'plain' | 'threaded'} Build
 */

/** Version of `@litertjs/core` that the page is built with. */
export const LITERT_VERSION = '2.5.3';

/**
 * Name of the files of each build, without `.js` and `.wasm`, and bytes of the latter. Servers
 * that compress do not tell how much there is to load.
 *
 * @type {Readonly<Record<Build, {name: string, wasmBytes: number}>>}
 */
export const BUILDS = Object.freeze({
  relaxed: { name: 'litert_wasm_internal', wasmBytes: 9_367_934 },
  plain: { name: 'litert_wasm_compat_internal', wasmBytes: 9_334_181 },
  threaded: { name: 'litert_wasm_threaded_internal', wasmBytes: 9_445_834 },
});
