import { Environment, loadAndCompile, Tensor } from '@litertjs/core';
import { liteRtWasm, startLiteRt } from './litert.js';
import { RunError } from './run_error.js';
/** @import { CompiledModel } from '@litertjs/core' */
/** @import { TensorData } from '../core/tensor_data.js' */
/** @import { Receipt, StartOptions } from './litert.js' */
/** @import { Call } from './protocol.js' */

/** @typedef {'wasm' | 'webgpu'} Accelerator */
/** @typedef {Record<string, TensorData>} OutputData Values by the names of the outputs. */

/**
 * @typedef {object} LoadRequest
 * @property {string} name
 * @property {Uint8Array} bytes
 * @property {Accelerator} accelerator
 */

/**
 * How a file was loaded.
 *
 * @typedef {object} LoadReceipt
 * @property {Accelerator} accelerator that was obtained
 * @property {boolean} fullyAccelerated whether it runs the whole graph: XNNPACK for `wasm`
 * @property {number} loadMs milliseconds of compiling
 * @property {number} firstRunMs milliseconds of the first inference
 */

/** @typedef {{name: string, input: TensorData}} RunRequest */

/**
 * @typedef {object} MeasureRequest
 * @property {string} name
 * @property {number} warmup inferences that do not count
 * @property {number | null} runs inferences that count; null to measure for some time
 * @property {number | null} seconds
 */

/**
 * @typedef {object} MeasureProgress
 * @property {number} done inferences that count
 * @property {number} share of the measurement, in [0, 1]
 */

/**
 * @typedef {object} Loaded
 * @property {CompiledModel} model
 * @property {TensorData} input of the last inference
 * @property {number[]} shape
 * @property {Environment | undefined} environment
 */

const PROGRESS_MS = 200;
const INPUTS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };

/**
 * Runs files with LiteRT.js: the worker's side of `Runner`.
 *
 * Files are computed on the CPU unless a GPU is asked for by name: LiteRT.js by itself would take
 * the GPU wherever there is one, which computes int8 files in float16, if at all.
 */
export class Engine {
  /** @type {Map<string, Loaded>} */
  #models = new Map();
  #threads = 1;
  /** @type {Environment | undefined} */
  #gpu;
  /** @type {string | null} */
  #abortReason = null;

  /** Whether LiteRT.js has ended for good. */
  get isDead() {
    return this.#abortReason !== null;
  }

  /**
   * @param {StartOptions} options
   * @param {Pick<Call, 'onProgress'>} call
   * @returns {Promise<Receipt>}
   */
  async start(options, { onProgress }) {
    const receipt = await startLiteRt(options, {
      onProgress,
      onAbort: (reason) => {
        this.#abortReason = String(reason);
      },
    });
    this.#threads = receipt.threads;
    return receipt;
  }

  /**
   * Loads a file, and runs it once on zeros.
   *
   * @param {LoadRequest} request
   * @returns {Promise<LoadReceipt>}
   */
  async load({ name, bytes, accelerator }) {
    await this.unload({ name });
    return this.#guarded(async () => {
      checkRoom(bytes.length);
      if (accelerator === 'wasm') return this.#compile(name, bytes, undefined);
      const environment = await this.#webGpu();
      try {
        return await this.#compile(name, bytes, environment);
      } catch (cause) {
        throw new RunError('no_webgpu', `The GPU cannot compute this file: ${cause}`, { cause });
      }
    });
  }

  /**
   * @param {string} name
   * @param {Uint8Array} bytes
   * @param {Environment | undefined} environment that of the GPU; undefined for the CPU
   * @returns {Promise<LoadReceipt>}
   */
  async #compile(name, bytes, environment) {
    const begun = performance.now();
    const model = await loadAndCompile(bytes, {
      accelerator: environment === undefined ? 'wasm' : 'webgpu',
      environment,
      cpuOptions: { numThreads: this.#threads },
    });
    const loadMs = performance.now() - begun;
    try {
      const loaded = { model, environment, ...inputOf(model) };
      const firstRunMs = (await infer(loaded)).ms;
      this.#models.set(name, loaded);
      return {
        accelerator: /** @type {Accelerator} */ (model.options.accelerator),
        fullyAccelerated: model.isFullyAccelerated,
        loadMs,
        firstRunMs,
      };
    } catch (error) {
      if (!this.isDead) model.delete();
      throw error;
    }
  }

  /**
   * @param {RunRequest} request
   * @returns {Promise<OutputData>}
   */
  async run({ name, input }) {
    const loaded = this.#find(name);
    return this.#guarded(async () => {
      const { outputs } = await infer({ ...loaded, input });
      loaded.input = input;
      return outputs;
    });
  }

  /**
   * Times inferences on the last input: from its values to those of the outputs.
   *
   * @param {MeasureRequest} request
   * @param {Call} call
   * @returns {Promise<Float64Array>} milliseconds of each
   */
  async measure({ name, warmup, runs, seconds }, { onProgress, signal }) {
    const loaded = this.#find(name);
    return this.#guarded(async () => {
      for (let index = 0; index < warmup; index++) await infer(loaded);
      /** @type {number[]} */
      const samples = [];
      const begun = performance.now();
      let told = begun;
      for (;;) {
        const now = performance.now();
        const share =
          runs === null ? (now - begun) / (1000 * (seconds ?? 0)) : samples.length / runs;
        if (samples.length > 0 && share >= 1) break;
        if (now - told > PROGRESS_MS) {
          told = now;
          onProgress({ done: samples.length, share });
          // Lets a cancellation arrive.
          await new Promise((resolve) => setTimeout(resolve));
          if (signal.aborted) throw new RunError('cancelled', 'The measurement was cancelled');
        }
        samples.push((await infer(loaded)).ms);
      }
      return Float64Array.from(samples);
    });
  }

  /** @param {{name: string}} request */
  async unload({ name }) {
    const loaded = this.#models.get(name);
    this.#models.delete(name);
    if (loaded !== undefined && !this.isDead) loaded.model.delete();
  }

  /** @param {string} name */
  #find(name) {
    const loaded = this.#models.get(name);
    if (loaded !== undefined) return loaded;
    throw new RunError('runtime', `Expected the name of a loaded file. Received: ${name}`);
  }

  async #webGpu() {
    if (!('gpu' in navigator)) throw new RunError('no_webgpu', 'This browser has no WebGPU');
    this.#gpu ??= await Environment.create();
    if (this.#gpu.webGpuDevice) return this.#gpu;
    throw new RunError('no_webgpu', 'The browser gives no GPU to this page');
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   */
  async #guarded(work) {
    try {
      return await work();
    } catch (error) {
      // After a trap, memory may be anything.
      if (error instanceof WebAssembly.RuntimeError) this.#abortReason ??= error.message;
      throw error;
    }
  }
}

/**
 * LiteRT.js does not notice that it got no memory for a file.
 *
 * @param {number} size
 */
function checkRoom(size) {
  const wasm = liteRtWasm();
  const at = wasm._malloc(size);
  if (at === 0) throw new RunError('out_of_memory', `There is no room for ${size} bytes`);
  wasm._free(at);
}

/** @param {CompiledModel} model */
function inputOf(model) {
  const details = model.getInputDetails();
  if (details.length !== 1) {
    throw new RunError('runtime', `Expected a file with one input. Received: ${details.length}`);
  }
  const [{ shape, dtype }] = details;
  const sides = [...shape];
  if (sides.some((side) => side < 1)) {
    throw new RunError('dynamic_batch', `Expected an input of fixed size. Received: [${sides}]`);
  }
  const size = sides.reduce((product, side) => product * side, 1);
  return { shape: sides, input: new INPUTS[dtype](size) };
}

/** @param {Loaded} loaded */
async function infer({ model, input, shape, environment }) {
  const begun = performance.now();
  const tensor = Tensor.fromTypedArray(
    /** @type {Float32Array<ArrayBuffer>} */ (input),
    shape,
    environment,
  );
  /** @type {OutputData} */
  const outputs = {};
  try {
    const results = await model.run([tensor]);
    for (const [index, { name }] of model.getOutputDetails().entries()) {
      outputs[name] = await results[index].data();
    }
    for (const result of results) result.delete();
  } finally {
    tensor.delete();
  }
  return { outputs, ms: performance.now() - begun };
}
