/** All texts that the page's code shows; those that never change are in index.html. */
export const TEXTS = Object.freeze({
  // Loading.
  loadingRuntime: 'Loading the runtime',
  loadingModel: (/** @type {string} */ name) => `Loading ${name}`,
  loadedOf: (/** @type {string} */ done, /** @type {string} */ total) => `${done} of ${total}`,
  loadingModels: 'Loading the models…',
  starting: 'Starting the runtime…',
  computing: 'Computing…',
  failed: 'The runtime could not be started.',

  // Picture.
  samples: [
    {
      name: 'chelsea',
      label: 'Cat',
      credit: 'Chelsea the cat. Photo: Stefan van der Walt, CC0.',
    },
    {
      name: 'horse',
      label: 'Horse',
      credit: 'A silhouette of a horse, unlike any photo. Drawing: Andreas Preuss, CC0.',
    },
    {
      name: 'camera',
      label: 'Photographer',
      credit:
        'A photographer: none of the ten classes that the models of this page know. ' +
        'Photo: Lav Varshney, CC0.',
    },
  ],
  choosePicture: 'Choose a picture',
  useCamera: 'Use the camera',
  takePicture: 'Take picture',
  closeCamera: 'Close camera',
  pictureHint: 'Or drop a picture anywhere, or paste one.',
  pictureOf: (/** @type {string} */ name, /** @type {number} */ w, /** @type {number} */ h) =>
    `${name}, ${w} × ${h} pixels.`,
  pictureAlt: (/** @type {string} */ name) => `The picture that is computed: ${name}`,
  fromCamera: 'Picture of the camera',
  cameraCaption: 'What the camera sees now.',
  noPicture: (/** @type {string} */ name) => `${name} cannot be read as a picture`,
  noPictureAdvice: 'Choose a JPEG, PNG or WebP picture, or a .tflite file of keras_mobilevit.',
  largePicture: 'This picture is too large for this browser.',
  largePictureAdvice: 'Choose a smaller one, or close other tabs.',
  noCamera: 'The camera cannot be used',
  noCameraAdvice:
    'Allow this page to use the camera in the settings of the browser, check that no other ' +
    'program uses it, or choose a picture.',
  cameraNeedsHttps: 'Browsers give the camera only to pages with https.',

  // Answers.
  same: 'Both files give the same answer.',
  different: 'The files give different answers.',
  differBy: (/** @type {string} */ points) => ` Scores differ by up to ${points} points.`,
  valuesDiffer: (/** @type {string} */ value) => ` Values differ by up to ${value}.`,
  boxesCompared: (/** @type {number} */ pairs, /** @type {number} */ others) =>
    ` ${pairs} boxes in common, ${others} of one file only (dashed).`,
  maskCompared: (/** @type {string} */ share) => ` ${share} of the pixels have the same class.`,
  notComparable: 'These files have different tasks or classes.',
  notComputed: 'Not every file gave an answer.',
  noAnswer: 'No answer.',
  noPictureYet: 'No picture is open. Choose one.',
  noModels: 'No model is open. Open one below, or go back to those of this page.',
  oneFile: 'One file. Open a second one to compare them.',
  nearlyEqual: 'less than 1 point apart',
  scorePoints: (/** @type {string} */ points) => `${points} points`,
  threshold: 'Labels from 50 % on are present.',
  noBoxes: 'No object found.',
  moreBoxes: (/** @type {number} */ count) => `and ${count} more`,
  overlayAlt: (/** @type {string} */ name) => `The picture with what ${name} found in it`,
  markDifference: 'White: where the other file gives another class.',
  inputOf: (/** @type {number} */ h, /** @type {number} */ w) => `${h} × ${w} pixels`,

  // Summary.
  smaller: 'smaller',
  larger: 'larger',
  faster: 'faster',
  slower: 'slower',
  comparedWith: (/** @type {string} */ second, /** @type {string} */ first) =>
    `${second} is, compared with ${first}:`,
  sizes: (/** @type {string} */ second, /** @type {string} */ first) => `${second} and ${first}`,
  latencies: (/** @type {string} */ second, /** @type {string} */ first) =>
    `${second} and ${first}: median, and where 90 % of the runs are`,
  measureSpeed: 'Measure the speed',
  measuringShare: (/** @type {number} */ percent) => `Measuring… ${percent} %`,

  // Speed.
  speedIntro:
    'Files take turns, after warm-up: the median, and where 90 % of the runs are, from the values ' +
    'of the input to those of the output.',
  measure: 'Measure',
  measureAgain: 'Measure again',
  cancel: 'Cancel',
  measuring: 'Measuring. Leave this tab in front: others are slowed down.',
  lines: {
    median: 'Median',
    spread: '5–95 %',
    ratio: 'Speed-up',
    runs: 'Runs',
    first: 'First run',
    size: 'Size',
    ran: 'Ran on',
    accelerated: 'Accelerated',
  },
  unsteady:
    'The runs took very different times: something else keeps this device busy. Measure again ' +
    'when it is idle.',
  ranOn: { wasm: 'CPU, wasm', webgpu: 'GPU, WebGPU' },
  fully: 'fully',
  partly: 'partly',
  measureGpu: 'Measure on the GPU, too',
  gpuOf: (/** @type {string} */ name) => `${name} on the GPU`,
  gpuNote: 'Only float files: a GPU computes int8 files in float16, if at all.',
  gpu: 'GPU',
  noGpu: 'none for this page',
  receipt: 'How they ran',
  build: 'Build',
  simd: { relaxed: 'relaxed SIMD', plain: 'plain SIMD' },
  builds: { relaxed: 'relaxed SIMD', plain: 'plain SIMD', threaded: 'relaxed SIMD, threads' },
  threads: 'Threads',
  isolated: 'Isolated page',
  yes: 'yes',
  noIsolation: 'no: one thread',
  versions: 'Runtime',
  runtimeSize: 'Size of the runtime',
  startTime: 'Its start',
  browser: 'Browser',
  ready: (
    /** @type {string} */ litert,
    /** @type {string} */ simd,
    /** @type {number} */ threads,
  ) => `Ready: LiteRT.js ${litert}, ${simd}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
  noThreads:
    'One thread: this host does not isolate the page, which browsers ask for before they share ' +
    'memory between threads.',
  useThreads: 'Use several threads',
  useThreadsHint: 'Installs a service worker for this page and reloads it.',
  useOneThread: 'Use one thread',
  threadsImpossible: 'A service worker could do so, but this browser or connection has none.',
  isolationFailed: 'The service worker could not be installed',
  isolationFailedAdvice: 'Check that isolation.js is beside the page, and private mode is off.',

  // Self-test.
  testIntro:
    'Each file carries a made-up input and what Python computed for it. This is what this browser ' +
    'makes of it.',
  identical: 'This browser computes exactly what Python computed.',
  within: (/** @type {string} */ db) =>
    `As near as another processor: ${db} between signal and difference.`,
  deviates: (/** @type {string} */ db) =>
    `Different from Python: ${db} between signal and difference.`,
  noSelfTest: 'This file carries no self-test: it was exported by an older version.',
  expectedVerdict: (/** @type {string} */ expected, /** @type {string} */ runtime) =>
    `Expected: ${expected}. Recorded with ${runtime}.`,
  verdictBadges: { identical: 'Identical', within: 'Within', different: 'Different' },
  none: 'None',

  // Models.
  modelsIntro:
    'Files that keras_mobilevit exported work here as well. They say themselves what they are for.',
  openModels: 'Open .tflite files',
  modelsHint: 'One or two, or drop them anywhere.',
  bundled: 'Back to the models of this page',
  task: 'Task',
  tasks: {
    classification: 'Classification',
    segmentation: 'Segmentation',
    detection: 'Detection',
  },
  input: 'Input',
  labels: 'Labels',
  size: 'Size',
  trainingData: 'Trained on',
  licence: 'Licence of the weights',
  fidelity: 'Against float32',
  unknown: 'unknown',

  // Errors.
  cannotUse: (/** @type {string} */ name) => `${name} cannot be used`,
  otherOrigin: (/** @type {string} */ origin) =>
    `Expected a file of this site. Received: ${origin}`,
  otherOriginAdvice: 'Download the file, and drop it here.',
  noAddress: (/** @type {string} */ address) =>
    `Expected the address of a file. Received: ${address}`,
  noAddressAdvice: 'Correct ?model= in the address of this page.',
  problems: new Map([
    ['out_of_memory', 'There is not enough memory'],
    ['worker_died', 'The computation ended unexpectedly'],
  ]),
  unexpected: 'Something went wrong',
  unexpectedAdvice: 'Reload the page. If it happens again, try another browser.',
  dismiss: 'Dismiss',
  tryAgain: 'Try again',
});
