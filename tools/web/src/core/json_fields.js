import { ValueError } from './errors.js';
import { abbreviated, JsonNumber } from './strict_json.js';
/** @import { Json, JsonObject } from './strict_json.js' */

const MAX_TEXT = 10_000;
const MAX_DIGITS = 30;
const LARGEST = 1e30;
const TEXT = 'a text of at most 10,000 characters';

/**
 * The values of a JSON object, each checked when it is read.
 *
 * A missing key has its default value; that of most functions is null. All of them throw a
 * `ValueError`, with the key in its message, if a value is of another type or out of its range.
 */
export class JsonFields {
  #json;
  #prefix;

  /**
   * @param {JsonObject} json
   * @param {string} [prefix] in front of keys in messages, such as `image.`
   */
  constructor(json, prefix = '') {
    this.#json = json;
    this.#prefix = prefix;
  }

  /**
   * @param {string} key
   * @param {string} [otherwise]
   */
  text(key, otherwise = '') {
    const value = this.#json.get(key);
    if (value === undefined) return otherwise;
    return isShortText(value) ? value : this.fail(key, TEXT);
  }

  /**
   * @param {string} key
   * @param {number} most
   */
  texts(key, most) {
    const expected = `a list of at most ${most} texts`;
    const items = this.#list(key, expected) ?? [];
    if (items.length > most || !items.every(isShortText)) this.fail(key, expected);
    return /** @type {string[]} */ (items);
  }

  /**
   * One of some texts; null if it is missing, or null where that is allowed.
   *
   * @template {string} T
   * @param {string} key
   * @param {readonly T[]} entries
   * @param {{nullable?: boolean}} [options]
   * @returns {T | null}
   */
  choice(key, entries, { nullable = false } = {}) {
    const value = this.#json.get(key);
    if (value === undefined || (nullable && value === null)) return null;
    return (
      entries.find((entry) => entry === value) ??
      this.fail(key, `one of ${entries}${nullable ? ', or null' : ''}`)
    );
  }

  /**
   * @param {string} key
   * @param {boolean} otherwise
   */
  flag(key, otherwise) {
    const value = this.#json.get(key) ?? (this.has(key) ? null : otherwise);
    return typeof value === 'boolean' ? value : this.fail(key, 'true or false');
  }

  /**
   * A whole number, written without a fraction.
   *
   * @param {string} key
   * @param {bigint} least
   * @param {bigint} most
   * @param {{nullable?: boolean}} [options]
   * @returns {bigint | null}
   */
  bigWhole(key, least, most, { nullable = false } = {}) {
    const value = this.#json.get(key);
    if (value === undefined || (nullable && value === null)) return null;
    const whole = asWhole(value);
    if (whole !== null && whole >= least && whole <= most) return whole;
    return this.fail(key, `a whole number from ${least} to ${most}${nullable ? ', or null' : ''}`);
  }

  /**
   * @param {string} key
   * @param {number} least
   * @param {number} most
   * @param {{nullable?: boolean}} [options]
   */
  int(key, least, most, options) {
    const whole = this.bigWhole(key, BigInt(least), BigInt(most), options);
    return whole === null ? null : Number(whole);
  }

  /**
   * @param {string} key
   * @param {string} [expected]
   * @param {(value: number) => boolean} [accepts]
   */
  number(key, expected = 'a finite number', accepts = () => true) {
    const value = this.#json.get(key);
    if (value === undefined) return null;
    return asNumber(value, accepts) ?? this.fail(key, expected);
  }

  /**
   * A number, or a list of at most `most` of them.
   *
   * @param {string} key
   * @param {number} most
   * @param {string} [expected]
   * @param {(value: number) => boolean} [accepts]
   * @returns {number[] | null}
   */
  numbers(key, most, expected = 'finite numbers', accepts = () => true) {
    const value = this.#json.get(key);
    if (value === undefined) return null;
    const items = Array.isArray(value) ? value : [value];
    if (items.length < 1 || items.length > most) this.fail(key, expected);
    return items.map((item) => asNumber(item, accepts) ?? this.fail(key, expected));
  }

  /**
   * Objects of a list.
   *
   * @param {string} key
   */
  objects(key) {
    return this.items(key).map((item, index) => {
      if (!(item instanceof Map)) return this.fail(key, 'a list of objects');
      return new JsonFields(item, `${this.#prefix}${key}[${index}].`);
    });
  }

  /**
   * Lists of numbers, each of a size.
   *
   * @param {string} key
   * @param {number} size
   */
  lists(key, size) {
    return this.items(key).map((item) => {
      const numbers = Array.isArray(item) && item.length === size ? item : [];
      const values = numbers.map((number) => asNumber(number, () => true));
      if (values.length !== size || values.includes(null)) {
        this.fail(key, `a list of lists of ${size} numbers`);
      }
      return /** @type {number[]} */ (values);
    });
  }

  /**
   * @param {string} key
   * @param {number} least
   * @param {number} most
   */
  wholes(key, least, most) {
    return this.items(key).map((item) => {
      const whole = asWhole(item);
      if (whole !== null && whole >= least && whole <= most) return Number(whole);
      return this.fail(key, `a list of whole numbers from ${least} to ${most}`);
    });
  }

  /** @param {string} key */
  items(key) {
    return this.#list(key, 'a list') ?? [];
  }

  /**
   * @param {string} key
   * @returns {JsonObject}
   */
  json(key) {
    const value = this.#json.get(key);
    if (value === undefined) return new Map();
    return value instanceof Map ? value : this.fail(key, 'a JSON object');
  }

  /** @param {string} key */
  fields(key) {
    return new JsonFields(this.json(key), `${this.#prefix}${key}.`);
  }

  /** @param {string} key */
  has(key) {
    return this.#json.has(key);
  }

  /** @param {string} key */
  isNull(key) {
    return (this.#json.get(key) ?? null) === null;
  }

  /**
   * @param {string} key
   * @param {string} expected
   * @returns {never}
   */
  fail(key, expected) {
    throw new ValueError(
      `\`${this.#prefix}${key}\` must be ${expected}. Received: ` +
        abbreviated(this.#json.get(key)),
    );
  }

  /**
   * @param {string} key
   * @param {string} expected
   */
  #list(key, expected) {
    const value = this.#json.get(key);
    if (value === undefined) return null;
    return Array.isArray(value) ? value : this.fail(key, expected);
  }
}

/**
 * @param {Json} value
 * @returns {value is string}
 */
function isShortText(value) {
  return typeof value === 'string' && value.length <= MAX_TEXT;
}

/** @param {Json} value */
function asWhole(value) {
  if (!(value instanceof JsonNumber) || value.literal.length > MAX_DIGITS) return null;
  return /^-?[0-9]+$/.test(value.literal) ? BigInt(value.literal) : null;
}

/**
 * @param {Json} value
 * @param {(value: number) => boolean} accepts
 */
function asNumber(value, accepts) {
  if (!(value instanceof JsonNumber)) return null;
  const number = Number(value.literal);
  return Math.abs(number) <= LARGEST && accepts(number) ? number : null;
}
