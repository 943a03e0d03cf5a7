"""The ablation: each variant changes what it says, and is run once."""

import pytest
from class_images import QUICK, write_class_images
from tiny_classifier import make_classifier

import training_ablation
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.named_models import NamedModel
from keras_mobilevit.training.tasks import classification
from training_ablation import (
    VARIANTS,
    Outcome,
    outcome_table,
    plot_outcomes,
    run_variant,
)


@pytest.fixture
def recipes(monkeypatch):
    """Lets runs train a tiny net; returns the recipes that they ran by."""
    found = []

    def build(recipe, class_names):
        found.append(recipe)
        return make_classifier(None, activation=None)

    def open_tiny(variant, weights, size):
        model = make_classifier(None)
        model.load_weights(weights)
        return NamedModel(model, ModelInfo())

    monkeypatch.setattr(classification, "build_classifier", build)
    monkeypatch.setattr(training_ablation, "open_model", open_tiny)
    return found


def test_a_variant_is_trained_tested_and_kept(recipes, tmp_path):
    pictures = write_class_images(tmp_path / "pictures")

    def go():
        return run_variant(
            "standard, smoothing, EMA",
            "flowers",
            {**QUICK, "schedule.epochs": "1"},
            pictures,
            pictures,
            tmp_path / "run",
            sizes=(32, 48),
            train_images=9,
        )

    outcome = go()
    (recipe,) = recipes
    assert recipe.sampler.mode == "standard"
    # 3 images at 64 pixels have the pixels of 5 at 48: 9 images, 2 steps.
    assert recipe.sampler.batch_size == 5
    assert outcome.steps == 2
    assert set(outcome.accuracies) == {32, 48}
    assert go() == outcome
    assert len(recipes) == 1


def test_a_variant_that_is_none():
    with pytest.raises(ValueError, match="must be one of"):
        run_variant("plain", "flowers", {}, "a", "a", "b", sizes=(32,))


def test_variants_take_parts_away():
    assert not VARIANTS["multi-scale, smoothing, EMA"]
    assert VARIANTS["multi-scale"] == {
        "optimizer.ema_momentum": "0",
        "optimizer.label_smoothing": "0",
    }


def test_table_and_plot(tmp_path):
    outcomes = [
        Outcome("a", 1234, 59.6, {32: 0.5, 48: 0.6125}),
        Outcome("b", 10, 1.0, {32: 0.25, 48: 1.0}),
    ]
    assert outcome_table(outcomes).splitlines()[2:] == [
        "| a       | 1,234 | 60      | 50.00 % | 61.25 %  |",
        "| b       | 10    | 1       | 25.00 % | 100.00 % |",
    ]
    plot_outcomes(outcomes, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
