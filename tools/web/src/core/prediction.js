/**
 * A class and how sure the model is of it.
 *
 * @typedef {object} Scored
 * @property {number} outputClass index in the output
 * @property {string} label its name, or its number if it has no name
 * @property {number} score probability in [0, 1]
 */

/**
 * An object in a picture; its sides are shares of the picture's width and height, in [0, 1].
 *
 * @typedef {object} Box
 * @property {Scored} found
 * @property {number} left
 * @property {number} top
 * @property {number} right
 * @property {number} bottom
 */

/**
 * One of several classes: all of them, most probable first. A binary model has two.
 *
 * @typedef {{type: 'classes', ranked: Scored[]}} Classes
 */

/**
 * Any of several labels, each by itself: all of them, most probable first. Those above 0.5 are
 * present.
 *
 * @typedef {{type: 'labels', ranked: Scored[]}} Labels
 */

/**
 * Values that are no scores, in the order of the output, each with its name or index.
 *
 * @typedef {{type: 'values', values: {label: string, value: number}[]}} Values
 */

/**
 * Objects, most probable first.
 *
 * @typedef {{type: 'boxes', boxes: Box[]}} Boxes
 */

/**
 * The class of each pixel, row by row; height and width are those of the model's input, whatever
 * the picture's are.
 *
 * @typedef {{type: 'mask', height: number, width: number, classes: Int32Array}} Mask
 */

/** @typedef {Classes | Labels | Values | Boxes | Mask} Prediction What a model says of a picture. */

/** A label is present from here on. */
const PRESENT = 0.5;

/**
 * The labels that are more probable than not.
 *
 * @param {Labels} labels
 */
export function present({ ranked }) {
  return ranked.filter(({ score }) => score > PRESENT);
}

/**
 * Sorts by a score, largest first; equal ones stay in order.
 *
 * @template T
 * @param {T[]} items
 * @param {(item: T) => number} score
 */
export function bestFirst(items, score) {
  // Numbers that are none stay where they are.
  return [...items].sort((a, b) => score(b) - score(a) || 0);
}
