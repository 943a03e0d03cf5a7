import { ValueError } from './errors.js';

const MAX_DEPTH = 64;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const SPACE = /[ \t\n\r]*/y;

/** A number as it is written: `2.0` is no whole number, and 2^64 + 1 is not 2^64. */
export class JsonNumber {
  /** @param {string} literal */
  constructor(literal) {
    this.literal = literal;
  }
}

/** @typedef {Map<string, Json>} JsonObject A map, as keys are any texts. */
/** @typedef {null | boolean | string | JsonNumber | Json[] | Map<string, Json>} Json */

/**
 * Reads untrusted JSON: nested not too deeply, and without words and numbers outside of JSON.
 *
 * @param {string} text
 * @returns {JsonObject}
 * @throws {ValueError} if it is no JSON object
 */
export function parseObject(text) {
  const json = new Parser(text).parse();
  if (!(json instanceof Map)) {
    throw new ValueError(`Expected a JSON object. Received: ${abbreviated(json)}`);
  }
  return json;
}

/**
 * The JSON as usual values of JavaScript; objects have no prototype.
 *
 * @param {Json} json
 * @returns {any}
 */
export function plain(json) {
  if (json instanceof JsonNumber) return Number(json.literal);
  if (Array.isArray(json)) return json.map(plain);
  if (!(json instanceof Map)) return json;
  const object = Object.create(null);
  for (const [key, value] of json) object[key] = plain(value);
  return object;
}

/**
 * The beginning of a value, for messages.
 *
 * @param {Json | undefined} json
 */
export function abbreviated(json) {
  if (json === undefined) return 'nothing';
  if (Array.isArray(json) && json.length > 20) return `a list of ${json.length}`;
  const text = JSON.stringify(plain(json));
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}

class Parser {
  #text;
  #at = 0;
  #depth = 0;

  /** @param {string} text */
  constructor(text) {
    this.#text = text;
  }

  parse() {
    const value = this.#value();
    this.#skip();
    if (this.#at < this.#text.length) throw this.#error('the end');
    return value;
  }

  /** @returns {Json} */
  #value() {
    this.#skip();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#nested(() => this.#object());
      case '[':
        return this.#nested(() => this.#list());
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
    }
    const literal = this.#match(NUMBER);
    if (literal === null) throw this.#error('a value');
    return new JsonNumber(literal);
  }

  /**
   * @template T
   * @param {() => T} read
   */
  #nested(read) {
    if (++this.#depth > MAX_DEPTH) throw new ValueError('The JSON is nested too deeply.');
    this.#at++;
    const value = read();
    this.#depth--;
    return value;
  }

  #object() {
    /** @type {JsonObject} */
    const object = new Map();
    if (this.#take('}')) return object;
    do {
      this.#skip();
      const key = this.#string();
      if (!this.#take(':')) throw this.#error("':'");
      object.set(key, this.#value());
    } while (this.#take(','));
    if (!this.#take('}')) throw this.#error("',' or '}'");
    return object;
  }

  #list() {
    /** @type {Json[]} */
    const list = [];
    if (this.#take(']')) return list;
    do list.push(this.#value());
    while (this.#take(','));
    if (!this.#take(']')) throw this.#error("',' or ']'");
    return list;
  }

  #string() {
    const start = this.#at;
    if (this.#text[start] !== '"') throw this.#error('a text');
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== '"') {
      end += this.#text[end] === '\\' ? 2 : 1;
    }
    try {
      // Which checks escapes and characters.
      const value = /** @type {string} */ (JSON.parse(this.#text.slice(start, end + 1)));
      this.#at = end + 1;
      return value;
    } catch {
      throw this.#error('a text');
    }
  }

  /**
   * @template {null | boolean} T
   * @param {string} word
   * @param {T} value
   */
  #word(word, value) {
    if (!this.#text.startsWith(word, this.#at)) throw this.#error(word);
    this.#at += word.length;
    return value;
  }

  /** @param {string} character */
  #take(character) {
    this.#skip();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skip() {
    this.#match(SPACE);
  }

  /** @param {RegExp} pattern sticky */
  #match(pattern) {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return null;
    this.#at += found[0].length;
    return found[0];
  }

  /** @param {string} expected */
  #error(expected) {
    const received = this.#text.slice(this.#at, this.#at + 20) || 'the end';
    return new ValueError(`Expected ${expected} at character ${this.#at}. Received: ${received}`);
  }
}
