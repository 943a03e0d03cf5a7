import { comparePredictions } from '../core/comparison.js';
import { Runner } from '../runtime/client.js';
import { download } from '../runtime/download.js';
import { asRunError } from '../runtime/run_error.js';
import { Camera } from './camera.js';
import { canIsolate, endIsolation, isIsolatedByUs, isolate } from './isolation_switch.js';
import { measureInRounds } from './measurement.js';
import { openModel, predict, runSelfTest } from './models.js';
import { decodePicture } from './pictures.js';
import { bundledModels, checkOwnOrigin } from './settings.js';
import { TEXTS } from './texts.js';
import { clearErrors, showError } from './views/errors_view.js';
import { showModels } from './views/models_view.js';
import { showCamera, showInputs, showPicture } from './views/picture_view.js';
import { showPlaceholders, showResults, showWaiting } from './views/result_view.js';
import { showSelfTests } from './views/self_test_view.js';
import { showMeasuring, showSpeed } from './views/speed_view.js';
import { clearSummary, showSummary } from './views/summary_view.js';
import { progressOf, showStatus } from './views/status_view.js';
/** @import { Receipt } from '../runtime/litert.js' */
/** @import { LoadReceipt } from '../runtime/engine.js' */
/** @import { Measured } from './measurement.js' */
/** @import { Model } from './models.js' */
/** @import { Picture } from './pictures.js' */
/** @import { Settings } from './settings.js' */
/** @import { Actions, Row } from './views/speed_view.js' */

const MOST_MODELS = 2;

/** What is open, and what happens when something else is. */
export class Demo {
  #settings;
  #runner;
  #camera = new Camera();
  /** @type {Model[]} */
  #models = [];
  #areBundled = false;
  /** @type {Picture | null} */
  #picture = null;
  /** @type {Receipt | null} */
  #receipt = null;
  /** @type {Map<string, Measured>} */
  #measured = new Map();
  /** @type {{key: string, of: Model, receipt: LoadReceipt} | null} */
  #gpu = null;
  #predictions = 0;
  /** @type {AbortController | null} */
  #measuring = null;
  /** Models are opened one after the other. */
  #opening = Promise.resolve();

  /** @param {Settings} settings */
  constructor(settings) {
    this.#settings = settings;
    this.#runner = new Runner({
      createWorker: () => /** @type {any} */ (new Worker('worker.js')),
      wasmFolder: new URL('wasm/', document.baseURI).href,
      build: settings.build,
      threads: settings.threads,
    });
    this.#runner.onLost = (error) => showError(error, TEXTS.workerLost);
  }

  /** Shows the page, then loads the runtime and the models. */
  async begin() {
    showInputs({
      onSample: (name) => this.#try(() => this.#openSample(name)),
      onFiles: (files) => this.openFiles(files),
      onCamera: () => this.#try(() => this.#useCamera()),
      onCloseCamera: () => this.#closeCamera(),
    });
    const { models } = this.#settings;
    const wanted = models.length > 0 ? models.slice(0, MOST_MODELS) : bundledModels();
    showPlaceholders(wanted.length);
    const first = TEXTS.samples.find(({ name }) => name === this.#settings.sample);
    await this.#try(() => this.#openSample((first ?? TEXTS.samples[0]).name));
    try {
      const progress = progressOf(TEXTS.loadingRuntime);
      this.#receipt = await this.#runner.start((it) => {
        progress(it);
        if (it.loadedBytes === it.totalBytes) showStatus(TEXTS.compiling, 'busy');
      });
    } catch (error) {
      showStatus(TEXTS.failed, 'failed');
      showPlaceholders(0);
      throw error;
    }
    this.#areBundled = models.length === 0;
    await this.#openUrls(wanted);
  }

  /** @param {File[]} files pictures or models that the user chose */
  openFiles(files) {
    clearErrors();
    const isModel = (/** @type {File} */ { name }) => /\.tflite$/i.test(name);
    const models = files.filter(isModel);
    const picture = files.find((file) => !isModel(file));
    if (models.length > 0) this.#opening = this.#opening.then(() => this.#openOwn(models));
    if (picture !== undefined) {
      this.#try(async () => {
        await this.#setPicture(
          await decodePicture(picture, picture.name || TEXTS.pasted, undefined),
          null,
        );
      });
    }
  }

  /** @param {File[]} files */
  async #openOwn(files) {
    /** @type {Model[]} */
    const opened = [];
    for (const file of files.slice(0, MOST_MODELS)) {
      await this.#try(async () => {
        const bytes = new Uint8Array(await file.arrayBuffer());
        opened.push(await openModel(this.#runner, file.name, bytes));
      }, TEXTS.cannotUse(file.name));
    }
    if (opened.length === 0) return;
    const kept = this.#areBundled ? [] : this.#models;
    this.#areBundled = false;
    await this.#setModels([...kept, ...opened].slice(-MOST_MODELS));
  }

  /** @param {URL[]} urls */
  async #openUrls(urls) {
    /** @type {Model[]} */
    const opened = [];
    for (const url of urls) {
      const name = decodeURIComponent(url.pathname.split('/').at(-1) ?? '');
      await this.#try(async () => {
        checkOwnOrigin(url);
        const onProgress = progressOf(TEXTS.loadingModel(name));
        const bytes = await download(url, { onProgress });
        opened.push(await openModel(this.#runner, name, bytes, url.href));
      }, TEXTS.cannotUse(name));
    }
    await this.#setModels(opened);
  }

  /** @param {Model[]} models */
  async #setModels(models) {
    const gone = this.#models.filter((model) => !models.includes(model)).map(({ key }) => key);
    if (this.#gpu !== null) gone.push(this.#gpu.key);
    this.#gpu = null;
    this.#measuring?.abort();
    this.#measured.clear();
    this.#models = models;
    for (const key of gone) await this.#runner.unload(key).catch(() => {});
    this.#showReady();
    showModels(models, {
      onOpen: (files) => this.openFiles(files),
      onReset: this.#areBundled ? null : () => this.#try(() => this.#openBundled()),
    });
    if (models.length === 0) {
      showPlaceholders(0);
      clearSummary();
      return;
    }
    await this.#predict();
    this.#showSpeed();
    await this.#test();
  }

  async #openBundled() {
    clearErrors();
    this.#areBundled = true;
    await this.#openUrls(bundledModels());
  }

  /** @param {string} name */
  async #openSample(name) {
    clearErrors();
    const sample = TEXTS.samples.find((it) => it.name === name);
    if (sample === undefined) return;
    const bytes = await download(new URL(`samples/${name}.png`, document.baseURI));
    await this.#setPicture(
      await decodePicture(new Blob([bytes]), sample.label, sample.credit),
      name,
    );
  }

  async #useCamera() {
    clearErrors();
    if (!this.#camera.isOpen) {
      showCamera(await this.#camera.open());
      return;
    }
    const picture = this.#camera.take();
    await this.#setPicture(picture, null);
  }

  #closeCamera() {
    this.#camera.close();
    showCamera(null);
    if (this.#picture !== null) showPicture(this.#picture, null);
  }

  /**
   * @param {Picture} picture
   * @param {string | null} sample
   */
  async #setPicture(picture, sample) {
    if (this.#camera.isOpen) {
      this.#camera.close();
      showCamera(null);
    }
    this.#picture = picture;
    showPicture(picture, sample);
    await this.#predict();
  }

  async #predict() {
    const picture = this.#picture;
    const models = this.#models;
    if (picture === null || models.length === 0) return;
    const number = ++this.#predictions;
    showWaiting(models);
    /** @type {import('./views/result_view.js').Result[]} */
    const results = [];
    for (const model of models) {
      await this.#try(async () => {
        results.push({ model, ...(await predict(this.#runner, model, picture.pixels)) });
      }, TEXTS.cannotUse(model.name));
      // Another picture or model has been chosen.
      if (number !== this.#predictions) return;
    }
    const [first, second] = results;
    const comparison =
      second === undefined ? null : comparePredictions(first.prediction, second.prediction);
    showResults(results, picture, comparison);
    // For tests, and for pages around this one.
    const detail = results.map(({ model, outputs }) => ({ name: model.name, outputs }));
    document.dispatchEvent(new CustomEvent('answers', { detail }));
  }

  async #test() {
    /** @type {Parameters<typeof showSelfTests>[0]} */
    const tested = [];
    for (const model of this.#models) {
      await this.#try(async () => {
        tested.push({ model, result: await runSelfTest(this.#runner, model) });
      }, TEXTS.cannotUse(model.name));
    }
    showSelfTests(tested);
  }

  // === Speed ===

  #showSpeed() {
    if (this.#receipt === null) return;
    const rows = this.#rows();
    showSpeed(rows, this.#receipt, this.#actions());
    showSummary(rows.slice(0, this.#models.length), () => this.#try(() => this.#measure()));
  }

  /** @returns {Row[]} */
  #rows() {
    /** @type {Row[]} */
    const rows = this.#models.map(({ key, title, file, receipt }) => ({
      title,
      sizeBytes: file.sizeBytes,
      receipt,
      measured: this.#measured.get(key) ?? null,
    }));
    if (this.#gpu === null) return rows;
    const { key, of, receipt } = this.#gpu;
    const measured = this.#measured.get(key) ?? null;
    return [
      ...rows,
      { title: TEXTS.gpuOf(of.title), sizeBytes: of.file.sizeBytes, receipt, measured },
    ];
  }

  /** @returns {Actions} */
  #actions() {
    const float = this.#models.find(({ file }) => /^float/.test(file.info.recipe));
    const offersGpu = this.#receipt?.hasWebGpu && float !== undefined && this.#gpu === null;
    return {
      onMeasure: () => this.#try(() => this.#measure()),
      onCancel: () => this.#measuring?.abort(),
      onGpu: offersGpu ? () => this.#try(() => this.#measureGpu(float)) : null,
      onThreads: canIsolate() ? () => this.#try(isolate) : null,
      onOneThread: isIsolatedByUs() ? () => this.#try(endIsolation) : null,
    };
  }

  async #measure() {
    clearErrors();
    const actions = this.#actions();
    const keys = this.#models.map(({ key }) => key);
    if (this.#gpu !== null) keys.push(this.#gpu.key);
    const controller = new AbortController();
    this.#measuring = controller;
    showMeasuring(0, actions);
    clearSummary();
    try {
      this.#measured = await measureInRounds(this.#runner, keys, {
        onProgress: (share) => {
          if (this.#measuring === controller) showMeasuring(share, actions);
        },
        signal: controller.signal,
      });
    } catch (error) {
      if (asRunError(error).kind !== 'cancelled') throw error;
    } finally {
      if (this.#measuring === controller) {
        this.#measuring = null;
        this.#showSpeed();
      }
    }
  }

  /** @param {Model} model */
  async #measureGpu(model) {
    clearErrors();
    const key = `${model.key} on the GPU`;
    const receipt = await this.#runner.load(key, model.bytes, { accelerator: 'webgpu' });
    this.#gpu = { key, of: model, receipt };
    await this.#measure();
  }

  #showReady() {
    if (this.#receipt === null) return;
    const { versions, build, threads } = this.#receipt;
    const simd = build === 'plain' ? TEXTS.builds.plain : TEXTS.builds.relaxed;
    showStatus(TEXTS.ready(versions.litert, simd, threads), 'ready');
  }

  /**
   * Shows what goes wrong, and goes on.
   *
   * @param {() => Promise<void>} action
   * @param {string} [title] what failed
   */
  async #try(action, title) {
    try {
      await action();
    } catch (error) {
      showError(error, title);
    }
  }
}
