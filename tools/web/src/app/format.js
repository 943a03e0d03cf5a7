/** @param {number} value */
export function milliseconds(value) {
  return `${value.toFixed(digits(value))} ms`;
}

/**
 * A range, with the digits of its end.
 *
 * @param {number} low
 * @param {number} high
 */
export function millisecondRange(low, high) {
  return `${low.toFixed(digits(high))}–${milliseconds(high)}`;
}

/** @param {number} value */
function digits(value) {
  return value < 10 ? 2 : value < 100 ? 1 : 0;
}

/** @param {number} bytes */
export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

/** @param {number} share in [0, 1] */
export function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

/** @param {number} ratio */
export function times(ratio) {
  return `${ratio.toFixed(ratio < 10 ? 2 : 1)} ×`;
}

/** @param {number} db */
export function decibels(db) {
  return `${db.toFixed(1)} dB`;
}

/** @param {number} value */
export function plainNumber(value) {
  return Number(value.toPrecision(4)).toString();
}
