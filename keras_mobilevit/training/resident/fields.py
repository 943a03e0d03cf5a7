"""Which fields of a recipe do not go with images that stay on the device."""

from __future__ import annotations

from typing import Any

from keras_mobilevit.training.checked import require_values

# What is done with whole batches in front of the step, and must be off.
_OFF = {
    "augmentation.rand_augment": 0,
    "augmentation.erasing": 0.0,
    "augmentation.mixup": 0.0,
    "augmentation.cutmix": False,
    "distillation.teacher": "",
}


def check_resident_fields(recipe: Any) -> None:
    """Checks that a step can make its images out of what a recipe keeps.

    Args:
        recipe: Recipe whose fields have been checked one by one.

    Raises:
        ValueError: If it can not.
    """
    if not recipe.input.resident:
        if recipe.input.resident_side:
            raise ValueError(
                "`input.resident_side` must be 0 unless `input.resident` is "
                "true: images that are opened each time are not reduced. "
                f"Received: resident_side={recipe.input.resident_side}"
            )
        return
    require_values(
        recipe,
        _OFF,
        "where `input.resident` is true: it needs the images before they are "
        "on the device",
    )
    shifts = recipe.augmentation.crop == "padded"
    if shifts and recipe.input.resident_side:
        raise ValueError(
            "`input.resident_side` must be 0 where `augmentation.crop` is "
            "'padded', which counts in pixels of the original. Received: "
            f"resident_side={recipe.input.resident_side}"
        )
    reduces = (
        recipe.augmentation.crop == "none" and recipe.evaluation.pre_resize
    )
    if reduces and recipe.input.resident_side:
        raise ValueError(
            "`input.resident_side` must be 0 where `augmentation.crop` is "
            "'none' and `evaluation.pre_resize` reduces every image. "
            f"Received: resident_side={recipe.input.resident_side}"
        )
