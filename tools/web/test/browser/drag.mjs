import { fileURLToPath } from 'node:url';
import { FOLDER } from '../node/golden.mjs';
/** @import { Page } from 'playwright-core' */

/**
 * Drags golden files over the page, as from a file manager.
 *
 * @param {Page} page
 * @param {string[]} paths within the golden values
 * @returns {Promise<() => Promise<unknown>>} drops them
 */
export async function drag(page, ...paths) {
  const session = await page.context().newCDPSession(page);
  const files = paths.map((path) => fileURLToPath(new URL(path, FOLDER)));
  const data = { items: [], files, dragOperationsMask: 1 };
  /** @param {'dragEnter' | 'dragOver' | 'drop'} type */
  const dispatch = (type) =>
    session.send('Input.dispatchDragEvent', { type, x: 200, y: 200, data });
  await dispatch('dragEnter');
  await dispatch('dragOver');
  return () => dispatch('drop');
}

/**
 * @param {Page} page
 * @param {string[]} paths within the golden values
 */
export async function drop(page, ...paths) {
  await (
    await drag(page, ...paths)
  )();
}
