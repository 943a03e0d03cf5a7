import { AppError } from './app_error.js';
import { h } from './dom.js';
import { pictureOf } from './pictures.js';
import { TEXTS } from './texts.js';
/** @import { Picture } from './pictures.js' */

/** The camera: asks for permission when it is opened, and shows what it sees. */
export class Camera {
  /** @type {MediaStream | null} */
  #stream = null;
  #video = h('video', { muted: true, playsInline: true, autoplay: true });

  get isOpen() {
    return this.#stream !== null;
  }

  /** @returns {Promise<HTMLVideoElement>} */
  async open() {
    if (!navigator.mediaDevices) {
      throw new AppError(TEXTS.noCamera, TEXTS.cameraNeedsHttps);
    }
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: 'environment' },
      });
      this.#video.srcObject = this.#stream;
      await this.#video.play();
    } catch (cause) {
      this.close();
      throw new AppError(`${TEXTS.noCamera}: ${cause}`, TEXTS.noCameraAdvice, { cause });
    }
    return this.#video;
  }

  /** @returns {Picture} what it sees now */
  take() {
    const { videoWidth, videoHeight } = this.#video;
    return pictureOf(this.#video, videoWidth, videoHeight, TEXTS.fromCamera);
  }

  close() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.#video.srcObject = null;
  }
}
