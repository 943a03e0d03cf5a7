"""One process of a training run, for `test_distribution.py`.

Usage: distributed_worker.py PICTURES RUN_DIR KIND [DIE_AFTER], where KIND is a
strategy, or "summed": one process that gets the batches of two replicas as one.
In the environment, WORKER_HOSTS and WORKER_INDEX may be the options `hosts`,
with commas between them, and `host_index`.
"""

import os
import signal
import sys

import keras
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
        run.open_distribution = lambda *args, **options: both
        kind = "none"
    hosts = {}
    if "WORKER_HOSTS" in os.environ:
        hosts["hosts"] = os.environ["WORKER_HOSTS"].split(",")
        hosts["host_index"] = int(os.environ["WORKER_INDEX"])
    if die_after is not None:
        step = iter(range(1, 1000))
        original = callbacks.Progress.on_train_batch_end

        def on_train_batch_end(self, batch, logs=None):
            original(self, batch, logs)
            if next(step) == int(die_after):
                os.kill(os.getpid(), signal.SIGKILL)

        callbacks.Progress.on_train_batch_end = on_train_batch_end
    changes = {"optimizer.sync_batch_norm": "true"}
    if keras.backend.backend() == "jax":
        # It compiles each size, for many seconds.
        changes["sampler.mode"] = "standard"
    recipe = quick_recipe(**changes)
    run.run_recipe(
        recipe,
        pictures,
        pictures,
        run_dir,
        distribution=kind,
        **hosts,
        save_minutes=0,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
