"""Recipes in proportion to the number of steps of a run."""

import warnings

import pytest

from keras_mobilevit.training.few_steps import fit_to_steps
from keras_mobilevit.training.recipe import load_recipe, recipe_names
from keras_mobilevit.training.sampler import MultiScaleSampler, make_scales

# Images that the recipes are for.
IMAGES = {
    "camvid": 367,
    "cifar10": 50_000,
    "cifar10_v2": 50_000,
    "coco_overfit": 128,
    "detection": 118_287,
    "detection_finetune": 300,
    "finetune": 1_500,
    "flowers": 720,
    "imagenet": 1_281_167,
    "imagenet_v2": 1_281_167,
    "segmentation": 10_582,
}


def count_steps(recipe, images):
    sampler = MultiScaleSampler(images, make_scales(**vars(recipe.sampler)))
    # Epochs differ little.
    return len(sampler.batch_sizes(0)) * recipe.schedule.epochs


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_of_the_package_fit_the_images_that_they_are_for(name):
    recipe = load_recipe(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fit_to_steps(recipe, count_steps(recipe, IMAGES[name])) is recipe


def test_a_short_run():
    """An eighth of 160 steps are 20, and 1 - 1 / 20 is 0.95."""
    recipe = load_recipe(
        "finetune",
        {"schedule.warmup_steps": "50", "optimizer.ema_momentum": "0.99"},
    )
    with pytest.warns(UserWarning) as caught:
        fitted = fit_to_steps(recipe, 160)
    assert fitted.schedule.warmup_steps == 20
    assert fitted.optimizer.ema_momentum == 0.95
    assert str(caught[0].message) == (
        "The run has 160 steps, too few for the recipe finetune: it takes "
        "`schedule.warmup_steps` 20 instead of 50 and "
        "`optimizer.ema_momentum` 0.95 instead of 0.99."
    )
    assert fitted.optimizer.layer_decay == recipe.optimizer.layer_decay
    # What is left of the weights before the run: exp(-8) and less.
    assert fitted.optimizer.ema_momentum**160 < 4e-4


@pytest.mark.parametrize(
    ("steps", "warmup", "momentum"),
    [(1, 0, 0.5), (2, 1, 0.5), (16, 2, 0.5), (24, 3, 0.6666), (400, 50, 0.98)],
)
def test_very_short_runs(steps, warmup, momentum):
    recipe = load_recipe(
        "finetune",
        {"schedule.warmup_steps": "50", "optimizer.ema_momentum": "0.99"},
    )
    with pytest.warns(UserWarning, match="The run has "):
        fitted = fit_to_steps(recipe, steps)
    assert fitted.schedule.warmup_steps == warmup
    assert fitted.optimizer.ema_momentum == pytest.approx(momentum)


def test_nothing_to_shorten():
    recipe = load_recipe(
        "finetune",
        {"schedule.warmup_steps": "0", "optimizer.ema_momentum": "0"},
    )
    assert fit_to_steps(recipe, 1) is recipe
