"""One process of a training run, for `test_distribution.py`.

Usage: distributed_worker.py PICTURES RUN_DIR KIND [DIE_AFTER], where KIND is a
strategy, or "summed": one process that gets the batches of two replicas as one.
"""

import os
import signal
import sys

from class_images import quick_recipe
from tiny_classifier import make_classifier

from keras_mobilevit.training import callbacks, run
from keras_mobilevit.training.distribution import Distribution
from keras_mobilevit.training.tasks import classification


def main(pictures, run_dir, kind, die_after=None):
    classification.build_classifier = lambda recipe, class_names: (
        make_classifier(None, activation=None)
    )
    if kind == "summed":
        both = Distribution(replicas=2, local_replicas=slice(0, 2))
        run.open_distribution = lambda name: both
        kind = "none"
    if die_after is not None:
        step = iter(range(1, 1000))
        original = callbacks.Progress.on_train_batch_end

        def on_train_batch_end(self, batch, logs=None):
            original(self, batch, logs)
            if next(step) == int(die_after):
                os.kill(os.getpid(), signal.SIGKILL)

        callbacks.Progress.on_train_batch_end = on_train_batch_end
    run.run_recipe(
        quick_recipe(optimizer__sync_batch_norm="true"),
        pictures,
        pictures,
        run_dir,
        distribution=kind,
        save_minutes=0,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
