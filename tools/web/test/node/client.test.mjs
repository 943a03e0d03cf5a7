import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Runner } from '../../src/runtime/client.js';
import { RunError } from '../../src/runtime/run_error.js';
import { FakeWorker } from './fake_worker.mjs';
/** @import { Methods } from '../../src/runtime/protocol.js' */

const BYTES = Uint8Array.of(1, 2, 3);

/**
 * A runner whose workers have these methods, besides usual ones.
 *
 * @param {(worker: FakeWorker, number: number) => Methods} methods
 * @param {object} [options]
 */
function runnerWith(methods, options) {
  /** @type {FakeWorker[]} */
  const workers = [];
  /** @type {[number, string, any][]} */
  const calls = [];
  const createWorker = () => {
    const number = workers.length;
    /** @type {Methods} */
    const usual = {
      start: async (argument) => ({ threads: argument.threads ?? 1 }),
      load: async () => ({}),
      run: async () => ({ output: Float32Array.of(1) }),
      unload: async () => undefined,
    };
    const worker = new FakeWorker((it) => {
      const all = { ...usual, ...methods(it, number) };
      /** @type {Methods} */
      const logged = {};
      for (const [name, method] of Object.entries(all)) {
        logged[name] = (argument, call) => {
          calls.push([number, name, argument]);
          return method(argument, call);
        };
      }
      return logged;
    });
    workers.push(worker);
    return worker;
  };
  const runner = new Runner({ createWorker, wasmFolder: '/wasm/', ...options });
  const names = () => calls.map(([number, name, { name: file }]) => [number, name, file]);
  return { runner, workers, calls, names };
}

test('options and values arrive, and results come back', async () => {
  const { runner, calls } = runnerWith(() => ({}), { build: 'plain' });
  await runner.start();
  await runner.load('a', BYTES.buffer);
  const input = Float32Array.of(0.5);
  assert.deepEqual(await runner.run('a', input), { output: Float32Array.of(1) });
  await runner.unload('a');
  assert.deepEqual(calls, [
    [0, 'start', { wasmFolder: '/wasm/', build: 'plain' }],
    [0, 'load', { name: 'a', bytes: BYTES, accelerator: 'wasm' }],
    [0, 'run', { name: 'a', input }],
    [0, 'unload', { name: 'a' }],
  ]);
});

test('a call starts the worker by itself, once', async () => {
  const { runner, workers } = runnerWith(() => ({}));
  await Promise.all([runner.run('a', BYTES), runner.run('a', BYTES), runner.start()]);
  assert.equal(workers.length, 1);
});

test('requests are answered one after the other', async () => {
  /** @type {string[]} */
  const events = [];
  const { runner } = runnerWith(() => ({
    run: async ({ name }) => {
      events.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 10));
      events.push(`${name} ends`);
      return {};
    },
  }));
  await Promise.all([runner.run('a', BYTES), runner.run('b', BYTES)]);
  assert.deepEqual(events, ['a begins', 'a ends', 'b begins', 'b ends']);
});

test('errors keep their kind, and get an advice', async () => {
  const { runner, workers } = runnerWith(() => ({
    load: async () => {
      throw new Error('Element type INT8 is not supported.');
    },
  }));
  await assert.rejects(runner.load('a', BYTES), (error) => {
    assert.ok(error instanceof RunError);
    assert.deepEqual(
      [error.kind, error.message],
      ['int8_input', 'Element type INT8 is not supported.'],
    );
    assert.match(error.advice, /recipe 'int8'/);
    return true;
  });
  await runner.run('b', BYTES);
  assert.equal(workers.length, 1);
});

test('a worker that can do nothing any more is replaced, with its files', async () => {
  const { runner, workers, names } = runnerWith((worker, number) => ({
    run: async () => {
      if (number > 0) return {};
      worker.isDead = true;
      throw new WebAssembly.RuntimeError('Aborted(OOM). Build with -sASSERTIONS for more info.');
    },
  }));
  await runner.load('a', BYTES);
  await runner.load('b', BYTES);
  await runner.unload('b');
  const expected = { kind: 'out_of_memory', message: 'Aborted(OOM).' };
  await assert.rejects(runner.run('a', BYTES), expected);
  assert.equal(workers[0].isTerminated, true);
  assert.deepEqual(await runner.run('a', BYTES), {});
  assert.deepEqual(names().slice(-3), [
    [1, 'start', undefined],
    [1, 'load', 'a'],
    [1, 'run', 'a'],
  ]);
});

test('a file that ends the worker is not loaded again', async () => {
  const { runner, names } = runnerWith((worker) => ({
    load: async ({ name }) => {
      if (name === 'good') return {};
      worker.isDead = true;
      throw new WebAssembly.RuntimeError('memory access out of bounds');
    },
  }));
  await runner.load('good', BYTES);
  await assert.rejects(runner.load('bad', BYTES), { kind: 'runtime' });
  await runner.run('good', BYTES);
  assert.deepEqual(names().slice(-3), [
    [1, 'start', undefined],
    [1, 'load', 'good'],
    [1, 'run', 'good'],
  ]);
});

test('a worker that ends without a word rejects what it was asked', async () => {
  const { runner, workers } = runnerWith((worker, number) => ({
    run: async () => {
      if (number > 0) return {};
      worker.emit('error', { message: 'Script error.' });
      return new Promise(() => {});
    },
  }));
  const runs = [runner.run('a', BYTES), runner.run('b', BYTES)];
  for (const run of runs) {
    await assert.rejects(run, { kind: 'worker_died', message: /Script error/ });
  }
  assert.deepEqual(await runner.run('a', BYTES), {});
  assert.equal(workers.length, 2);
});

test('where threads do not start, one thread does', async () => {
  const { runner, workers } = runnerWith(
    () => ({
      start: async ({ threads }) => {
        if (threads > 1) throw new RangeError('could not allocate memory');
        return { threads };
      },
    }),
    { threads: 4 },
  );
  assert.deepEqual(await runner.start(), { threads: 1 });
  assert.deepEqual(
    workers.map(({ isTerminated }) => isTerminated),
    [true, false],
  );
  assert.deepEqual(await runner.run('a', BYTES), { output: Float32Array.of(1) });
});

test('a start that failed can be tried again', async () => {
  const { runner, workers } = runnerWith((_, number) => ({
    start: async () => {
      if (number === 0) throw new RunError('network', 'offline');
      return {};
    },
  }));
  await assert.rejects(runner.start(), { kind: 'network' });
  await runner.start();
  assert.equal(workers.length, 2);
});

test('progress is told, and cancellations arrive', async () => {
  const controller = new AbortController();
  const { runner } = runnerWith(() => ({
    measure: async (_, { onProgress, signal }) => {
      onProgress({ done: 1, share: 0.5 });
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new RunError('cancelled', 'stopped');
    },
  }));
  /** @type {unknown[]} */
  const progress = [];
  const measured = runner.measure(
    'a',
    { runs: 2 },
    (it) => {
      progress.push(it);
      controller.abort();
    },
    controller.signal,
  );
  await assert.rejects(measured, { kind: 'cancelled' });
  assert.deepEqual(progress, [{ done: 1, share: 0.5 }]);
});

test('what is cancelled before its turn does not begin', async () => {
  const { runner, names } = runnerWith(() => ({ measure: async () => new Float64Array(1) }));
  await runner.start();
  const signal = AbortSignal.abort();
  await assert.rejects(runner.measure('a', { runs: 1 }, undefined, signal), { kind: 'cancelled' });
  assert.deepEqual(names(), [[0, 'start', undefined]]);
});

test('a closed runner ends its worker and what it was asked', async () => {
  const { runner, workers } = runnerWith(() => ({ run: () => new Promise(() => {}) }));
  await runner.start();
  const run = runner.run('a', BYTES);
  const rejected = assert.rejects(run, { kind: 'worker_died' });
  await new Promise((resolve) => setTimeout(resolve, 5));
  await runner.close();
  await rejected;
  assert.equal(workers[0].isTerminated, true);
  await assert.rejects(runner.start(), { kind: 'worker_died' });
});
