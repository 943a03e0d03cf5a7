"""The folder of a training run: what lies in it, and whose it is."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Sequence

from keras_mobilevit.atomic_files import atomic_write
from keras_mobilevit.training.recipe import Recipe, differences, load_recipe


class RunFolder:
    """Paths of a run, and the check that a folder belongs to it.

    | file                | what                                            |
    |---------------------|-------------------------------------------------|
    | `recipe.toml`       | the recipe, with what was changed by hand       |
    | `run.json`          | seed, class names, number of training images    |
    | `metrics.csv`       | a line an epoch                                 |
    | `tensorboard/`      | the same for TensorBoard, where it is installed |
    | `curves.png`        | the same as a plot                              |
    | `state.weights.h5`  | all that a cut-off run needs to go on           |
    | `model.weights.h5`  | the weights to use, as of the last whole epoch  |
    | `skipped.txt`       | pictures that could not be read, and why        |

    Args:
        path: The folder; made if needed.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)
        self.recipe = self.path / "recipe.toml"
        self.facts = self.path / "run.json"
        self.metrics = self.path / "metrics.csv"
        self.tensorboard = self.path / "tensorboard"
        self.curves = self.path / "curves.png"
        self.state = self.path / "state.weights.h5"
        self.weights = self.path / "model.weights.h5"
        self.skipped = self.path / "skipped.txt"

    def claim(
        self,
        recipe: Recipe,
        *,
        seed: int,
        class_names: Sequence[str],
        images: int,
    ) -> None:
        """Makes the folder this run's, or checks that it is.

        Raises:
            ValueError: If another run lies in the folder.
        """
        facts = {
            "seed": seed,
            "images": images,
            "class_names": list(class_names),
        }
        if not self.recipe.is_file():
            atomic_write(self.facts, json.dumps(facts, indent=1).encode())
            atomic_write(self.recipe, recipe.to_toml().encode())
            return
        changed = differences(load_recipe(self.recipe), recipe)
        if self.facts.is_file():
            before = json.loads(self.facts.read_text(encoding="utf-8"))
            changed += [
                name for name in facts if before.get(name) != facts[name]
            ]
        if changed:
            raise ValueError(
                f"{self.path} holds another run: it differs in "
                f"{', '.join(changed)}. Give this one a folder of its own, or "
                "go on with the same recipe, seed and pictures."
            )
