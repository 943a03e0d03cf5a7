import { comparePredictions } from '../core/comparison.js';
import { Runner } from '../runtime/client.js';
import { download } from '../runtime/download.js';
import { attempt } from './attempt.js';
import { onGpu, openModel, predict, runSelfTest } from './models.js';
import { PictureSource } from './picture_source.js';
import { BUNDLED_MODELS, keepInAddress, ownUrl } from './settings.js';
import { Speed } from './speed.js';
import { TEXTS } from './texts.js';
import { clearErrors, showError } from './views/errors_view.js';
import { showModels } from './views/models_view.js';
import { showNoPicture, showPlaceholders, showResults, showWaiting } from './views/result_view.js';
import { showSelfTests } from './views/self_test_view.js';
import { progressOf, showStatus } from './views/status_view.js';
/** @import { Receipt } from '../runtime/litert.js' */
/** @import { Model } from './models.js' */
/** @import { Settings } from './settings.js' */
/** @import { Result } from './views/result_view.js' */
/** @import { Tested } from './views/self_test_view.js' */

const MOST_MODELS = 2;

/** What is open, and what happens when something else is. */
export class Demo {
  #settings;
  #runner;
  #pictures = new PictureSource(() => this.#predict());
  #speed;
  /** @type {Receipt | null} */
  #receipt = null;
  /** @type {Model[]} */
  #models = [];
  /** @type {Model | null} one of them on the GPU */
  #gpu = null;
  #areBundled = false;
  #predictions = 0;
  /** The runtime and models are loaded one after the other. */
  #loading = Promise.resolve(true);

  /** @param {Settings} settings */
  constructor(settings) {
    this.#settings = settings;
    this.#runner = new Runner({
      createWorker: () => /** @type {any} */ (new Worker('worker.js')),
      wasmFolder: new URL('wasm/', document.baseURI).href,
      build: settings.build,
      threads: settings.threads,
    });
    this.#speed = new Speed(this.#runner, (model) => this.#addGpu(model));
  }

  /** Shows the page, then loads the runtime and the models. */
  async begin() {
    const { models, sample } = this.#settings;
    const isOwnChoice = models.length > 0;
    const wanted = isOwnChoice ? models.slice(0, MOST_MODELS) : BUNDLED_MODELS;
    showPlaceholders(wanted.length);
    this.#pictures.show((files) => this.openFiles(files));
    const picture = this.#pictures.openSample(sample);
    await this.#inTurn(async () => {
      const isStarted = await this.#start();
      await picture;
      if (isStarted) await this.#openAddresses(wanted, { areBundled: !isOwnChoice });
    });
  }

  /** @param {File[]} files pictures or models that the user chose */
  openFiles(files) {
    clearErrors();
    const isModel = (/** @type {File} */ { name }) => /\.tflite$/i.test(name);
    const models = files.filter(isModel);
    const picture = files.find((file) => !isModel(file));
    if (models.length > 0) this.#inTurn(() => this.#openOwn(models.slice(0, MOST_MODELS)));
    if (picture !== undefined) this.#pictures.openFile(picture);
  }

  /** @returns {Promise<boolean>} whether the runtime could be loaded */
  async #start() {
    const progress = progressOf(TEXTS.loadingRuntime);
    try {
      this.#receipt = await this.#runner.start((it) => {
        progress(it);
        if (it.loadedBytes === it.totalBytes) showStatus(TEXTS.starting, 'busy');
      });
      return true;
    } catch (error) {
      showStatus(TEXTS.failed, 'failed');
      showError(error, { onRetry: () => location.reload(), isLasting: true });
      return false;
    }
  }

  /** @param {() => Promise<void>} load */
  #inTurn(load) {
    this.#loading = this.#loading.then(() => attempt(load));
    return this.#loading;
  }

  // === Models ===

  /**
   * Opens files of this site in place of those that are open.
   *
   * @param {readonly string[]} addresses
   * @param {{areBundled: boolean}} options whether they are those that the page brings along
   */
  async #openAddresses(addresses, { areBundled }) {
    /** @type {Model[]} */
    const opened = [];
    for (const address of addresses) {
      const name = address.split('/').at(-1) ?? '';
      await attempt(
        async () => {
          const onProgress = progressOf(TEXTS.loadingModel(name));
          const bytes = await download(ownUrl(address), { onProgress });
          opened.push(await openModel(this.#runner, name, bytes, address));
        },
        { title: TEXTS.cannotUse(name) },
      );
    }
    this.#areBundled = areBundled;
    await this.#setModels(opened);
  }

  /**
   * Opens files of the user: beside the user's last one, or in place of those of the page.
   *
   * @param {File[]} files
   */
  async #openOwn(files) {
    /** @type {Model[]} */
    const opened = [];
    for (const file of files) {
      showStatus(TEXTS.loadingModel(file.name), 'busy');
      await attempt(
        async () => {
          const bytes = new Uint8Array(await file.arrayBuffer());
          opened.push(await openModel(this.#runner, file.name, bytes));
        },
        { title: TEXTS.cannotUse(file.name) },
      );
    }
    this.#showReady();
    if (opened.length === 0) return;
    const kept = this.#areBundled ? [] : this.#models;
    this.#areBundled = false;
    await this.#setModels([...kept, ...opened].slice(-MOST_MODELS));
  }

  /** @param {Model[]} models */
  async #setModels(models) {
    this.#speed.stop();
    const gone = this.#all().filter((model) => !models.includes(model));
    this.#models = models;
    this.#gpu = null;
    for (const { key } of gone) await this.#runner.unload(key).catch(() => {});
    this.#showReady();
    showModels(models, {
      onOpen: (files) => this.openFiles(files),
      onReset: this.#areBundled ? null : () => this.#reset(),
    });
    const addresses = models.flatMap(({ address }) => address ?? []);
    const isLink = !this.#areBundled && addresses.length === models.length;
    keepInAddress('model', isLink ? addresses : []);
    if (models.length === 0) showPlaceholders(0);
    await this.#predict();
    this.#showSpeed();
    await this.#test();
  }

  #reset() {
    clearErrors();
    return this.#inTurn(() => this.#openAddresses(BUNDLED_MODELS, { areBundled: true }));
  }

  /** @param {Model} model */
  async #addGpu(model) {
    clearErrors();
    await this.#inTurn(async () => {
      await attempt(
        async () => {
          this.#gpu = await onGpu(this.#runner, model);
        },
        { title: TEXTS.cannotUse(TEXTS.gpuOf(model.title)) },
      );
      if (this.#gpu === null) return;
      this.#showSpeed();
      await this.#test();
    });
    if (this.#gpu !== null) await this.#speed.measure();
  }

  /** The models that are open, and the one on the GPU. */
  #all() {
    return this.#gpu === null ? this.#models : [...this.#models, this.#gpu];
  }

  // === Answers ===

  async #predict() {
    const picture = this.#pictures.current;
    const models = this.#models;
    if (models.length === 0) return;
    if (picture === null) {
      showNoPicture();
      return;
    }
    const number = ++this.#predictions;
    showWaiting(models);
    /** @type {Result[]} */
    const results = [];
    for (const model of models) {
      /** @type {Result} */
      let result = { model, prediction: null, outputs: null };
      await attempt(
        async () => {
          result = { model, ...(await predict(this.#runner, model, picture.pixels)) };
        },
        { title: TEXTS.cannotUse(model.name), onRetry: () => this.#compute() },
      );
      results.push(result);
      // Another picture or model has been chosen.
      if (number !== this.#predictions) return;
    }
    const [first, second] = results.map(({ prediction }) => prediction);
    showResults(results, picture, first && second ? comparePredictions(first, second) : null);
    // For tests, and for pages around this one.
    const detail = results.map(({ model, outputs }) => ({ name: model.name, outputs }));
    document.dispatchEvent(new CustomEvent('answers', { detail }));
  }

  async #test() {
    /** @type {Tested[]} */
    const tested = [];
    for (const model of this.#all()) {
      await attempt(
        async () => {
          tested.push({ model, result: await runSelfTest(this.#runner, model) });
        },
        { title: TEXTS.cannotUse(model.title), onRetry: () => this.#compute() },
      );
    }
    showSelfTests(tested);
  }

  async #compute() {
    await this.#predict();
    await this.#test();
  }

  // === What is shown of the runtime ===

  #showSpeed() {
    if (this.#receipt !== null) this.#speed.show(this.#all(), this.#receipt);
  }

  #showReady() {
    if (this.#receipt === null) return;
    const { versions, simd, threads } = this.#receipt;
    showStatus(TEXTS.ready(versions.litert, TEXTS.simd[simd], threads), 'ready');
  }
}
