import { byId, fill, h } from '../dom.js';
import { drawPicture } from '../overlay.js';
import { TEXTS } from '../texts.js';
/** @import { Picture } from '../pictures.js' */

/**
 * @typedef {object} PictureActions
 * @property {(name: string) => void} onSample
 * @property {(files: File[]) => void} onFiles
 * @property {() => void} onCamera opens the camera, or takes the picture
 * @property {() => void} onCloseCamera
 */

/** @param {PictureActions} actions */
export function showInputs({ onSample, onFiles, onCamera, onCloseCamera }) {
  fill(
    'samples',
    ...TEXTS.samples.map(({ name, label }) =>
      h(
        'button',
        {
          type: 'button',
          className: 'sample',
          'data-sample': name,
          'aria-pressed': 'false',
          onclick: () => onSample(name),
        },
        h('img', { src: `samples/${name}.png`, alt: '', width: 64, height: 64 }),
        h('span', {}, label),
      ),
    ),
  );
  const input = h('input', {
    type: 'file',
    accept: 'image/*',
    hidden: true,
    id: 'picture-file',
    onchange: () => {
      onFiles([...(input.files ?? [])]);
      input.value = '';
    },
  });
  fill(
    'inputs',
    input,
    h(
      'button',
      { type: 'button', id: 'choose', onclick: () => input.click() },
      TEXTS.choosePicture,
    ),
    h('button', { type: 'button', id: 'camera', onclick: onCamera }, TEXTS.useCamera),
    h(
      'button',
      { type: 'button', id: 'close-camera', hidden: true, onclick: onCloseCamera },
      TEXTS.closeCamera,
    ),
    h('span', { className: 'muted' }, TEXTS.pictureHint),
  );
}

/** @param {Picture} picture */
export function showPicture(picture) {
  const { target } = drawPicture(picture);
  target.setAttribute('role', 'img');
  target.setAttribute('aria-label', TEXTS.pictureAlt(picture.name));
  show(target, picture.credit, picture.sample);
}

/** @param {HTMLVideoElement | null} video null when the camera is closed */
export function showCamera(video) {
  byId('choose').hidden = video !== null;
  byId('close-camera').hidden = video === null;
  byId('camera').textContent = video === null ? TEXTS.useCamera : TEXTS.takePicture;
  byId('camera').classList.toggle('primary', video !== null);
  if (video !== null) show(video, TEXTS.cameraCaption, null);
}

/**
 * @param {HTMLElement} content
 * @param {string} caption
 * @param {string | null} sample its name if it is one
 */
function show(content, caption, sample) {
  fill('stage', content);
  byId('caption').textContent = caption;
  for (const button of byId('samples').querySelectorAll('button')) {
    button.setAttribute('aria-pressed', String(button.dataset.sample === sample));
  }
}
