"""The mAP of a detector in training, every few epochs."""

from __future__ import annotations

import math

import keras
import numpy as np

from keras_mobilevit.detection import (
    COCO_SCORE_THRESHOLD,
    coco_metrics,
    coco_results,
    decode_predictions,
    preprocess,
)
from keras_mobilevit.progress import progress_bar
from keras_mobilevit.training.ema import ema_weights
from keras_mobilevit.training.example_loader import ExampleLoader


class MeanPrecision(keras.callbacks.Callback):
    """Adds the mAP of COCO, as `val_map`, to the logs of an epoch.

    It is measured with the averages of the weights. Where it is not
    measured, it is NaN.

    Args:
        validation_loader: Loader of the validation images. Those that it could
            not read are left out.
        size: `(height, width)` of the model's input, in pixels.
        batch_size: Pictures at a time.
        every: Epochs from one measurement to the next.
        epochs: Those of the run; the last one is always measured.
    """

    def __init__(
        self,
        validation_loader: ExampleLoader,
        *,
        size: tuple[int, int],
        batch_size: int,
        every: int,
        epochs: int,
    ):
        super().__init__()
        self.validation_loader = validation_loader
        self.size = size
        self.batch_size = batch_size
        self.every = every
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        # Keras passes the same dict on to the callbacks behind this one.
        logs["val_map"] = math.nan
        if (epoch + 1) % self.every == 0 or epoch + 1 == self.epochs:
            with ema_weights(self.model):
                logs["val_map"] = self._measure()

    def _measure(self):
        source = self.validation_loader.source
        images = [
            image
            for image in source.images
            if image.file_name not in self.validation_loader.skipped
        ]
        results = []
        for start in progress_bar(
            range(0, len(images), self.batch_size),
            desc="measuring mAP",
            leave=False,
        ):
            some = images[start : start + self.batch_size]
            pixels, sizes = preprocess(
                [source.folder / image.file_name for image in some], self.size
            )
            found = decode_predictions(
                self.model.predict_on_batch(pixels.astype(np.float32)),
                sizes,
                image_size=self.size,
                labels=source.labels,
                score_threshold=COCO_SCORE_THRESHOLD,
            )
            for image, detections in zip(some, found, strict=True):
                results += coco_results(
                    detections, image.id, source.category_ids
                )
        ids = [image.id for image in images]
        return coco_metrics(source.to_coco(), results, ids).ap
