/**
 * Why something cannot be run here:
 *
 * - `no_webassembly`: the browser has none, or none with SIMD;
 * - `no_webgpu`: a GPU was asked for, and there is none;
 * - `no_threads`: threads were asked for, and the page is not cross-origin isolated;
 * - `out_of_memory`;
 * - `int8_input`, `dynamic_batch`: LiteRT.js does not take such files;
 * - `http_404`: a file of the page is missing on the server;
 * - `network`: it cannot be fetched for another reason;
 * - `worker_died`: the thread that computes ended, and is started anew for the next call;
 * - `cancelled`;
 * - `runtime`: anything else that LiteRT.js says.
 *
 * @typedef {'no_webassembly' | 'no_webgpu' | 'no_threads' | 'out_of_memory' | 'int8_input'
 *   | 'dynamic_batch' | 'http_404' | 'network' | 'worker_died' | 'cancelled' | 'runtime'} RunProblem
 */

/** @type {Readonly<Record<RunProblem, string>>} */
const ADVICE = {
  no_webassembly:
    'Use a browser from 2023 or newer, such as Chrome, Edge, Firefox or Safari 16.4, and allow ' +
    'WebAssembly in it.',
  no_webgpu: 'Run the file on the CPU instead, or use a browser with WebGPU.',
  no_threads: 'Reload the page with threads turned on, or use one thread.',
  out_of_memory: 'Close other tabs and reload the page, or choose a smaller file.',
  int8_input: "Export the model with the recipe 'int8', which computes in int8 and takes float32.",
  dynamic_batch: 'Export the model with keras_mobilevit, which fixes the size of the input.',
  http_404: 'Check the address, or that all files of the page are on the server.',
  network: 'Check the connection, and try again.',
  worker_died: 'Try again: the models are loaded anew.',
  cancelled: 'Start it again when you like.',
  runtime: 'Reload the page. If it happens again, try another file or browser.',
};

/** Something that cannot be run here. */
export class RunError extends Error {
  name = 'RunError';

  /**
   * @param {RunProblem} kind which of the problems it is
   * @param {string} message what happened
   * @param {ErrorOptions} [options]
   */
  constructor(kind, message, options) {
    super(message, options);
    this.kind = kind;
    /** What the user can do about it, a sentence of its own. */
    this.advice = ADVICE[kind];
  }
}

/**
 * What LiteRT.js and browsers say -> what it is.
 *
 * @type {readonly [RegExp, RunProblem][]}
 */
const MESSAGES = [
  [
    /out of memory|could not allocate|cannot enlarge memory|allocation failed|\bOOM\b/i,
    'out_of_memory',
  ],
  [/Element type \w+ is not supported|DType \w+ is not supported/, 'int8_input'],
  [/expected ranked tensor type \w+\[-1\b/, 'dynamic_batch'],
  [/WebGPU|GPU adapter|GPUDevice/, 'no_webgpu'],
];

/**
 * @param {unknown} error
 * @returns {RunError} the error itself if it already is one
 */
export function asRunError(error) {
  if (error instanceof RunError) return error;
  const said = error instanceof Error ? error.message : String(error);
  // Emscripten's hint to developers.
  const message = said.replace(/ Build with -sASSERTIONS.*/, '');
  const known = MESSAGES.find(([pattern]) => pattern.test(message));
  return new RunError(known?.[1] ?? 'runtime', message, { cause: error });
}
