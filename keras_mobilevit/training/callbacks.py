"""Callbacks that Keras lacks: saving mid-epoch, stopping, progress."""

from __future__ import annotations

import contextlib
import math
import pathlib
import signal
import threading
import time
from collections.abc import Sequence

import keras
from tqdm import tqdm

from keras_mobilevit.progress import write_line
from keras_mobilevit.training.ema import ema_weights
from keras_mobilevit.training.input_clock import InputClock
from keras_mobilevit.training.state import Position, save_state

# To read a loss is to wait for the device, which then waits for the next step.
_SECONDS_BETWEEN_READS = 1.0


class Callbacks(keras.callbacks.CallbackList):
    """Callbacks that get the logs of a step as the tensors they are.

    Keras makes numbers of them after each step, and so waits for the device.

    Args:
        callbacks: What to call.
        model: The model that they are of.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        model: keras.Model,
    ):
        super().__init__(list(callbacks), add_history=True, model=model)

    def on_train_batch_end(self, batch, logs=None):
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)


class TensorBoard(keras.callbacks.TensorBoard):
    """Writes the figures of each epoch, and nothing in between.

    That of Keras hands over those of each step too, which is to read them.
    """

    def on_train_batch_end(self, batch, logs=None):
        pass


class SaveState(keras.callbacks.Callback):
    """Saves the run every few minutes, at the end of an epoch, on Ctrl-C.

    A loss that is not finite stops the run before it can be saved; what was
    saved before is the last good state. It is looked at once a second, before
    each save, and at the end of an epoch: as the average over the epoch so
    far, it does not become finite again.

    Args:
        path: File of the state.
        first_step: Steps of the epoch that an earlier run has done.
        minutes: Time between two saves inside an epoch.
        steps: Steps of the whole epoch. Behind the last one, only the end of
            the epoch saves: `fit` can not go on with none.

    Raises:
        FloatingPointError: From `fit`, if the loss is not finite.
        KeyboardInterrupt: From `fit`, after Ctrl-C, when all is saved.
    """

    def __init__(
        self,
        path: pathlib.Path,
        first_step: int = 0,
        minutes: float = 5.0,
        steps: int | None = None,
    ):
        super().__init__()
        self.path = path
        self.first_step = first_step
        self.steps = steps
        self.seconds = 60 * minutes
        self._interrupted = False
        self._handler = None

    def on_train_begin(self, logs=None):
        self._saved_at = time.monotonic()
        # Only the main thread may set a handler; elsewhere Ctrl-C does not
        # arrive anyway.
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGINT, self._interrupt)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        self._step = self.first_step
        self._read_at = -math.inf

    def on_train_batch_end(self, batch, logs=None):
        self._step = self.first_step + batch + 1
        now = time.monotonic()
        saves = self._interrupted or now - self._saved_at >= self.seconds
        saves = saves and self._step != self.steps
        if saves or now - self._read_at >= _SECONDS_BETWEEN_READS:
            self._check(logs)
            self._read_at = now
        if saves:
            self._save(Position(self._epoch, self._step))
        if saves and self._interrupted:
            self._release()
            self._interrupted = False  # `on_train_end` follows.
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs)
        self._save(Position(epoch + 1, 0))

    def _check(self, logs):
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            self._release()
            raise FloatingPointError(
                f"The loss became {loss} in epoch {self._epoch}, step "
                f"{self._step} or shortly before. The last good state is "
                "kept. Lower `schedule.peak` or set `optimizer.clip_norm`, in "
                "a new run folder."
            )

    def on_train_end(self, logs=None):
        self._release()
        if self._interrupted:  # During validation.
            raise KeyboardInterrupt

    def _save(self, position):
        save_state(self.model, position, self.path)
        self._saved_at = time.monotonic()

    def _interrupt(self, number, frame):
        self._interrupted = True

    def _release(self):
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
            self._handler = None


class ValidateEma(keras.callbacks.Callback):
    """Lets `fit` test the average of the weights, and go on with the others.

    `keras.callbacks.SwapEMAWeights` would round the weights on TensorFlow.
    """

    def on_test_begin(self, logs=None):
        self._inside = contextlib.ExitStack()
        self._inside.enter_context(ema_weights(self.model))

    def on_test_end(self, logs=None):
        self._inside.close()


class Progress(keras.callbacks.Callback):
    """A bar over the whole run, and where the time of an epoch went.

    Beside the loss, the bar shows the share of the time since the epoch began
    that steps waited for input.

    Args:
        bar: Bar of `keras_mobilevit.progress` that counts images.
        batch_sizes: Images in each batch of the epoch.
        clock: Measures the input of the epoch.
    """

    def __init__(
        self, bar: tqdm, batch_sizes: Sequence[int], clock: InputClock
    ):
        super().__init__()
        self.bar = bar
        self.batch_sizes = batch_sizes
        self.clock = clock
        # `fit` may take batches before the epoch begins.
        self._began = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        self.bar.set_description(f"epoch {epoch + 1}", refresh=False)
        self._read_at = -math.inf

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        if now - self._read_at >= _SECONDS_BETWEEN_READS:
            self._read_at = now
            figures = {n: f"{float(v):.3f}" for n, v in (logs or {}).items()}
            share = self.clock.seconds / max(now - self._began, 1e-9)
            figures["input"] = f"{min(share, 1.0):.0%}"
            self.bar.set_postfix(figures, refresh=False)
        self.bar.update(self.batch_sizes[batch])

    def on_test_begin(self, logs=None):
        self._trained = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        # Keras passes the same dict on to the callbacks behind this one.
        seconds = self._trained - self._began
        logs["images_per_second"] = round(sum(self.batch_sizes) / seconds, 1)
        logs["train_seconds"] = round(seconds, 1)
        logs["input_seconds"] = round(self.clock.seconds, 1)
        logs["steps"] = len(self.batch_sizes)


class EpochLine(keras.callbacks.Callback):
    """Writes what an epoch came to, as a line beside the bar.

    Args:
        bar: As in `Progress`.
        epochs: Those of the run.
    """

    def __init__(self, bar: tqdm, epochs: int):
        super().__init__()
        self.bar = bar
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        figures = ", ".join(
            f"{name} {float(value):.4g}"
            for name, value in (logs or {}).items()
            if math.isfinite(value)
        )
        write_line(self.bar, f"epoch {epoch + 1} of {self.epochs}: {figures}")
