"""Which fields of a recipe mean nothing to its task, and so must be off."""

from __future__ import annotations

import dataclasses
from typing import Any

from keras_mobilevit.training.checked import require_values

CROPS = {
    "classification": ("random_resized", "padded", "none"),
    "segmentation": ("short_side", "none"),
    "detection": ("ssd", "none"),
}
# Values of fields that switch off what only classifiers are trained with.
_CLASSIFIERS_ONLY = {
    "optimizer.label_smoothing": 0.0,
    "augmentation.rand_augment": 0,
    "augmentation.erasing": 0.0,
    "augmentation.mixup": 0.0,
    "augmentation.cutmix": False,
    "evaluation.crop_pct": 1.0,
    "evaluation.pre_resize": 0,
    "distillation.teacher": "",
    "input.resident": False,
}
# The same for what classifiers are not trained with.
_DENSE_ONLY = {"augmentation.colors": False}


def check_task_fields(recipe: Any) -> None:
    """Checks that a recipe asks for nothing that its task does not have.

    Args:
        recipe: Recipe whose fields have been checked one by one.

    Raises:
        ValueError: If it does.
    """
    crop = recipe.augmentation.crop
    if crop not in CROPS[recipe.task]:
        raise ValueError(
            "`augmentation.crop` must be one of "
            f"{list(CROPS[recipe.task])} in a recipe for {recipe.task}. "
            f"Received: crop={crop!r}"
        )
    is_classifier = recipe.task == "classification"
    off = dict(_DENSE_ONLY if is_classifier else _CLASSIFIERS_ONLY)
    for section in ("segmentation", "detection"):
        if section != recipe.task:
            defaults = type(getattr(recipe, section))()
            for name, value in dataclasses.asdict(defaults).items():
                off[f"{section}.{name}"] = value
    require_values(
        recipe,
        off,
        f"in a recipe for {recipe.task}, which has no use for it",
    )
