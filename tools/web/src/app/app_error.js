/** Something that the page refuses, and what to do about it. */
export class AppError extends Error {
  name = 'AppError';

  /**
   * @param {string} message
   * @param {string} advice a sentence of its own
   * @param {ErrorOptions} [options]
   */
  constructor(message, advice, options) {
    super(message, options);
    this.advice = advice;
  }
}
