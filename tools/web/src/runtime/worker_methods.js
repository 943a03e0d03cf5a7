import { Engine } from './engine.js';
import { serve } from './protocol.js';
/** @import { Port } from './protocol.js' */

/**
 * Answers the requests of a `Runner`.
 *
 * @param {Port} port
 */
export function serveEngine(port) {
  const engine = new Engine();
  serve(
    port,
    {
      start: (argument, call) => engine.start(argument, call),
      load: (argument) => engine.load(argument),
      run: (argument) => engine.run(argument),
      measure: (argument, call) => engine.measure(argument, call),
      unload: (argument) => engine.unload(argument),
    },
    () => engine.isDead,
  );
}
