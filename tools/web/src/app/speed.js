import { mayRunOnGpu } from '../core/browser_limits.js';
import { asRunError } from '../runtime/run_error.js';
import { attempt } from './attempt.js';
import { canIsolate, endIsolation, isIsolatedByUs, isolate } from './isolation_switch.js';
import { measureInRounds } from './measurement.js';
import { haveSameTask } from './models.js';
import { clearErrors } from './views/errors_view.js';
import { showMeasuring, showSpeed } from './views/speed_view.js';
import { clearSummary, showSummary, showSummaryMeasuring } from './views/summary_view.js';
/** @import { Runner } from '../runtime/client.js' */
/** @import { Receipt } from '../runtime/litert.js' */
/** @import { Measured } from './measurement.js' */
/** @import { Model } from './models.js' */
/** @import { Row } from './views/speed_view.js' */

/** Measures files, and shows how fast they are. */
export class Speed {
  #runner;
  #onGpu;
  /** @type {Model[]} */
  #models = [];
  /** @type {Receipt | null} */
  #receipt = null;
  /** @type {Map<string, Measured>} */
  #measured = new Map();
  /** @type {AbortController | null} */
  #measuring = null;

  /**
   * @param {Runner} runner
   * @param {(model: Model) => void} onGpu called with a file that the user wants on the GPU, too
   */
  constructor(runner, onGpu) {
    this.#runner = runner;
    this.#onGpu = onGpu;
  }

  /**
   * Shows files that have not been measured.
   *
   * @param {Model[]} models
   * @param {Receipt} receipt
   */
  show(models, receipt) {
    this.stop();
    this.#models = models;
    this.#receipt = receipt;
    this.#measured.clear();
    this.#render();
  }

  stop() {
    this.#measuring?.abort();
    this.#measuring = null;
  }

  /** Measures the files, unless that is under way. */
  async measure() {
    if (this.#measuring !== null) return;
    clearErrors();
    const controller = new AbortController();
    this.#measuring = controller;
    const isCurrent = () => this.#measuring === controller;
    const onProgress = (/** @type {number} */ share) => {
      if (!isCurrent()) return;
      showMeasuring(share, () => controller.abort());
      showSummaryMeasuring(share);
    };
    onProgress(0);
    await attempt(
      async () => {
        const keys = this.#models.map(({ key }) => key);
        const { signal } = controller;
        try {
          const measured = await measureInRounds(this.#runner, keys, { onProgress, signal });
          if (isCurrent()) this.#measured = measured;
        } catch (error) {
          if (asRunError(error).kind !== 'cancelled') throw error;
        }
      },
      { onRetry: () => this.measure() },
    );
    if (!isCurrent()) return;
    this.#measuring = null;
    this.#render();
  }

  #render() {
    if (this.#receipt === null) return;
    const rows = this.#models.map((model) => this.#row(model));
    const forGpu = this.#modelForGpu(this.#receipt);
    showSpeed(rows, this.#receipt, {
      onMeasure: () => this.measure(),
      onGpu: forGpu === undefined ? null : () => this.#onGpu(forGpu),
      onThreads: canIsolate() ? () => attempt(isolate) : null,
      onOneThread: isIsolatedByUs() ? () => attempt(endIsolation) : null,
    });
    if (haveSameTask(this.#models)) {
      showSummary(rows[0], rows[1], () => this.measure());
    } else {
      clearSummary();
    }
  }

  /**
   * @param {Model} model
   * @returns {Row}
   */
  #row({ key, title, file, receipt }) {
    const measured = this.#measured.get(key) ?? null;
    return { title, sizeBytes: file.sizeBytes, receipt, measured };
  }

  /**
   * A file that could run on the GPU, unless one does.
   *
   * @param {Receipt} receipt
   */
  #modelForGpu({ gpu }) {
    const usesGpu = this.#models.some(({ receipt }) => receipt.accelerator === 'webgpu');
    if (gpu === null || usesGpu) return undefined;
    return this.#models.find(({ file }) => mayRunOnGpu(file.info));
  }
}
