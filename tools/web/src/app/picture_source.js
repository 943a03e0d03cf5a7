import { download } from '../runtime/download.js';
import { attempt } from './attempt.js';
import { Camera } from './camera.js';
import { decodePicture } from './pictures.js';
import { keepInAddress } from './settings.js';
import { TEXTS } from './texts.js';
import { clearErrors } from './views/errors_view.js';
import { showCamera, showInputs, showPicture } from './views/picture_view.js';
/** @import { Picture } from './pictures.js' */

/** Where pictures come from: samples, files and the camera. */
export class PictureSource {
  #onPicture;
  #camera = new Camera();
  #requests = 0;
  /** @type {Picture | null} */
  current = null;

  /** @param {(picture: Picture) => Promise<void>} onPicture called with each that is chosen */
  constructor(onPicture) {
    this.#onPicture = onPicture;
  }

  /** @param {(files: File[]) => void} onFiles called with what the user chooses */
  show(onFiles) {
    showInputs({
      onSample: (name) => this.openSample(name),
      onFiles,
      onCamera: () => this.#useCamera(),
      onCloseCamera: () => this.#closeCamera(),
    });
  }

  /** @param {string} name of a sample; of none, the first is taken */
  openSample(name) {
    const [first] = TEXTS.samples;
    const sample = TEXTS.samples.find((it) => it.name === name) ?? first;
    return this.#open(async () => {
      const url = new URL(`samples/${sample.name}.png`, document.baseURI);
      const picture = await decodePicture(new Blob([await download(url)]), sample.label);
      return { ...picture, credit: sample.credit, sample: sample.name };
    });
  }

  /** @param {File} file */
  openFile(file) {
    return this.#open(() => decodePicture(file, file.name));
  }

  #useCamera() {
    if (this.#camera.isOpen) return this.#open(async () => this.#camera.take());
    clearErrors();
    return attempt(async () => showCamera(await this.#camera.open()));
  }

  #closeCamera() {
    this.#camera.close();
    showCamera(null);
    if (this.current !== null) showPicture(this.current);
  }

  /** @param {() => Promise<Picture>} read */
  #open(read) {
    clearErrors();
    const request = ++this.#requests;
    return attempt(async () => {
      const picture = await read();
      // Another one has been chosen.
      if (request !== this.#requests) return;
      if (this.#camera.isOpen) this.#closeCamera();
      this.current = picture;
      showPicture(picture);
      const isFirst = picture.sample === TEXTS.samples[0].name;
      keepInAddress('sample', picture.sample === null || isFirst ? [] : [picture.sample]);
      await this.#onPicture(picture);
    });
  }
}
