"""Recipes: what may be in one, and the way through TOML and back."""

import dataclasses
import re

import pytest

from keras_mobilevit.configs import SEGMENTATION_WEIGHTS
from keras_mobilevit.training.recipe import (
    Recipe,
    differences,
    load_recipe,
    recipe_names,
)
from keras_mobilevit.training.sampler import make_scales
from keras_mobilevit.training.sections import (
    Augmentation,
    Detection,
    Distillation,
    Evaluation,
    Input,
    Optimizer,
    Sampler,
    Schedule,
    Segmentation,
)

RECIPE = Recipe(
    name="mine",
    description="A test.",
    source="None.",
    expected="Nothing.",
    cost="Nothing.",
    command="none",
)
TOML = """
name = "mine"
description = "A test."
source = "None."
expected = "Nothing."
cost = "Nothing."
command = "none"
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


# === The recipes of the package ===


def test_names():
    assert recipe_names() == [
        "camvid",
        "cifar10",
        "cifar10_v2",
        "coco_overfit",
        "detection",
        "detection_finetune",
        "finetune",
        "flowers",
        "imagenet",
        "imagenet_v2",
        "segmentation",
    ]


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_of_the_package_load(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert re.match(
        f"keras-mobilevit train --recipe {name} --(train|data) ",
        recipe.command,
    )
    assert f"--out runs/{name}" in recipe.command


def test_imagenet_is_section_4_1():
    """Figures of the paper; 1,024 images a step on 8 devices, at 256."""
    recipe = load_recipe("imagenet")
    assert recipe.variant == "mobilevit_s"
    assert recipe.weights == ""
    assert recipe.schedule == Schedule(300, 0.0002, 0.002, 0.0002, 3000)
    assert recipe.optimizer.weight_decay == 0.01
    assert recipe.optimizer.label_smoothing == 0.1
    assert recipe.optimizer.ema_momentum == 0.9995
    sampler = recipe.sampler
    scales = make_scales(
        sampler.mode,
        sampler.size,
        sampler.batch_size,
        divisor=sampler.divisor,
    )
    assert [scale.height for scale in scales] == [160, 192, 256, 288, 320]
    assert 8 * scales[2].batch_size == 1024
    assert recipe.evaluation == Evaluation(256, 256 / 288, 0)


def test_segmentation_is_section_4_2_2():
    """Figures of the paper and its code; 128 pictures on 4 devices."""
    recipe = load_recipe("segmentation")
    assert (recipe.task, recipe.variant) == ("segmentation", "mobilevit_s")
    assert recipe.weights == "imagenet"
    assert recipe.schedule == Schedule(50, 9e-5, 9e-4, 1e-6, 500)
    assert recipe.optimizer == Optimizer(
        weight_decay=0.01,
        label_smoothing=0.0,
        ema_momentum=0.9995,
        head_rate=10.0,
        mixed_precision=True,
        sync_batch_norm=True,
    )
    assert recipe.sampler == Sampler("standard", 512, 128 // 4)
    low, high = recipe.augmentation.short_side
    assert (512 * low, 512 * high) == (256, 1024)
    assert recipe.segmentation == Segmentation(
        SEGMENTATION_WEIGHTS["pascal_voc"].info.labels, 255, 16
    )


def test_detection_is_section_4_2_1():
    """Figures of the paper and its code; 128 pictures on 4 devices."""
    recipe = load_recipe("detection")
    assert (recipe.task, recipe.variant) == ("detection", "mobilevit_s")
    assert recipe.schedule == Schedule(200, 9e-5, 9e-4, 1e-6, 500)
    assert recipe.optimizer == Optimizer(
        weight_decay=0.01,
        label_smoothing=0.0,
        ema_momentum=0.9995,
        mixed_precision=True,
        sync_batch_norm=True,
    )
    assert recipe.sampler == Sampler("standard", 320, 128 // 4)
    assert recipe.augmentation == Augmentation("ssd", colors=True, flip=0.5)
    assert recipe.evaluation == Evaluation(320, 1.0)


def test_defaults_are_those_of_imagenet():
    recipe = dataclasses.replace(RECIPE, name="imagenet")
    changed = differences(recipe, load_recipe("imagenet"))
    assert changed == ["optimizer.mixed_precision"]


def test_cifar10_is_evaluated_as_its_weights_are_used():
    """Pictures of 32x32 pixels at 96x96, as the embedded checkpoint."""
    assert load_recipe("cifar10").evaluation == Evaluation(96, 1.0, 32)


# === Files ===


@pytest.mark.parametrize("name", recipe_names())
def test_round_trip(name, write):
    recipe = load_recipe(name)
    assert load_recipe(write(recipe.to_toml())) == recipe


def test_round_trip_of_odd_values(write):
    recipe = dataclasses.replace(
        RECIPE,
        source='"quoted" \\ # no comment\n[schedule]\ttab \x00\x7f ü 🌻',
        weights=r"C:\weights\old.h5",
        schedule=Schedule(floor=1e-12, start=1 / 3e5, peak=1e22),
        augmentation=Augmentation(scale=(0.1 + 0.2, 1), cutmix=True),
    )
    path = write(recipe.to_toml())
    assert load_recipe(path) == load_recipe(str(path)) == recipe


def test_a_written_recipe_has_every_field():
    """So that a later change of a default does not change an old run."""
    lines = RECIPE.to_toml().splitlines()
    keys = [line.split(" = ")[0] for line in lines if " = " in line]
    sections = (
        Schedule,
        Optimizer,
        Sampler,
        Augmentation,
        Evaluation,
        Distillation,
        Segmentation,
        Detection,
        Input,
    )
    assert keys[9:] == [
        field.name for kind in sections for field in dataclasses.fields(kind)
    ]
    assert "scale = [0.08, 1.0]" in lines
    assert "mixed_precision = false" in lines


def test_fields_that_are_left_out_have_defaults(write):
    assert load_recipe(write(TOML)) == RECIPE
    path = write(TOML + "[schedule]\nepochs = 7\n[optimizer]\n")
    assert load_recipe(path) == dataclasses.replace(
        RECIPE, schedule=Schedule(epochs=7)
    )


def test_a_list_becomes_a_tuple(write):
    recipe = load_recipe(write(TOML + "[augmentation]\nscale = [0.5, 1]"))
    assert recipe.augmentation.scale == (0.5, 1)


def test_labels_go_through_toml_and_back(write):
    recipe = dataclasses.replace(
        load_recipe("camvid"), segmentation=Segmentation(("a", 'b"', "ü"), 3, 8)
    )
    assert load_recipe(write(recipe.to_toml())) == recipe


def test_a_field_that_is_missing(write):
    path = write(TOML.replace("cost =", "#"))
    with pytest.raises(ValueError) as caught:
        load_recipe(path)
    assert str(caught.value) == f"{path}: `cost` is missing."


def test_no_such_file(tmp_path):
    path = tmp_path / "mine.toml"
    with pytest.raises(FileNotFoundError, match=f"no recipe at {path}"):
        load_recipe(path)


@pytest.mark.parametrize("data", [b"epochs: 5", b"\xff\xd8\xff\xe0"])
def test_not_toml(data, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"{path} is not a TOML file"):
        load_recipe(path)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("imagnet", "Did you mean 'imagenet', or the path of a .toml file"),
        ("fine-tune", "Did you mean 'finetune', or"),
        ("xyz", "'camvid' or 'cifar10' or "),
    ],
)
def test_no_such_recipe(name, hint):
    with pytest.raises(ValueError) as caught:
        load_recipe(name)
    assert f"There is no recipe '{name}'. " in str(caught.value)
    assert hint in str(caught.value)


# === Names that no field has ===


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("wieghts = 'a.h5'", "field wieghts. Did you mean weights?"),
        ("epochs = 5", "field epochs. Did you mean schedule.epochs?"),
        ("[shedule]", "field shedule. Did you mean schedule?"),
        (
            "[schedule]\nwarmup = 5",
            "field schedule.warmup. Did you mean schedule.warmup_steps?",
        ),
        (
            "[evaluation]\nmomentum = 0.9",
            "field evaluation.momentum. Did you mean optimizer.ema_momentum?",
        ),
        (
            "size = 256",
            "field size. Did you mean sampler.size or evaluation.size?",
        ),
        (
            "[distillation]\nqqq = 1",
            "field distillation.qqq. There are distillation.teacher, "
            "distillation.weight.",
        ),
        ("'schedule.epochs' = 5", "Did you mean schedule.epochs?"),
    ],
)
def test_unknown_fields(lines, sentence, write):
    path = write(TOML + lines)
    with pytest.raises(ValueError) as caught:
        load_recipe(path)
    assert str(caught.value).startswith(f"{path}: A recipe has no field ")
    assert str(caught.value).endswith(sentence)


def test_a_section_that_is_none(write):
    with pytest.raises(ValueError, match=r"`schedule` must be a section"):
        load_recipe(write(TOML + "schedule = 5"))


# === Values that a field can not have ===


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        (Schedule, dict(epochs=0), "a whole number in [1, inf)"),
        (Schedule, dict(epochs=5.0), "a whole number in [1, inf)"),
        (Schedule, dict(epochs=True), "a whole number in [1, inf)"),
        (Schedule, dict(epochs="5"), "a whole number in [1, inf)"),
        (Schedule, dict(start=-1e-9), "a number in [0, inf)"),
        (Schedule, dict(peak=0), "a number in (0, inf)"),
        (Schedule, dict(peak=float("inf")), "a number in (0, inf)"),
        (Schedule, dict(peak=float("nan")), "a number in (0, inf)"),
        (Schedule, dict(floor=-1e-9), "a number in [0, inf)"),
        (Schedule, dict(warmup_steps=-1), "a whole number in [0, inf)"),
        (Schedule, dict(per="batch"), "one of ['epoch', 'step']"),
        (Optimizer, dict(weight_decay=-0.1), "a number in [0, inf)"),
        (Optimizer, dict(label_smoothing=1), "a number in [0, 1)"),
        (Optimizer, dict(ema_momentum=1.0), "a number in [0, 1)"),
        (Optimizer, dict(clip_norm=-1), "a number in [0, inf)"),
        (Optimizer, dict(freeze=-1), "a whole number in [0, inf)"),
        (Optimizer, dict(layer_decay=0), "a number in (0, 1]"),
        (Optimizer, dict(layer_decay=1.01), "a number in (0, 1]"),
        (Optimizer, dict(head_rate=0), "a number in (0, inf)"),
        (Optimizer, dict(mixed_precision=1), "true or false"),
        (Sampler, dict(mode="v0.2"), "one of ['paper', 'listing', 'v0.1', "),
        (Sampler, dict(size=31), "a whole number in [32, inf)"),
        (Sampler, dict(batch_size=0), "a whole number in [1, inf)"),
        (Sampler, dict(divisor=0), "a whole number in [1, inf)"),
        (Augmentation, dict(crop="center"), "one of ['random_resized', "),
        (Augmentation, dict(scale=(0, 1)), "two numbers in (0, 1], the sm"),
        (Augmentation, dict(scale=(0.5, 1.1)), "two numbers in (0, 1]"),
        (Augmentation, dict(scale=(1, 0.5)), "two numbers in (0, 1]"),
        (Augmentation, dict(scale=(0.5,)), "two numbers in (0, 1]"),
        (Augmentation, dict(scale=0.5), "two numbers in (0, 1]"),
        (Augmentation, dict(ratio=("a", "b")), "two numbers in (0, inf)"),
        (Augmentation, dict(padding=-1), "a whole number in [0, inf)"),
        (Augmentation, dict(short_side=(2, 1)), "two numbers in (0, inf)"),
        (Augmentation, dict(colors=1), "true or false"),
        (Augmentation, dict(flip=1.5), "a number in [0, 1]"),
        (Augmentation, dict(rand_augment=-1), "a whole number in [0, inf)"),
        (Augmentation, dict(erasing=-0.5), "a number in [0, 1]"),
        (Augmentation, dict(mixup=-1), "a number in [0, inf)"),
        (Augmentation, dict(cutmix="yes"), "true or false"),
        (Evaluation, dict(size=16), "a whole number in [32, inf)"),
        (Evaluation, dict(crop_pct=0), "a number in (0, 1]"),
        (Evaluation, dict(pre_resize=-1), "a whole number in [0, inf)"),
        (Distillation, dict(teacher="a.h5"), "the path of a .keras or .tfl"),
        (Distillation, dict(weight=1.5), "a number in [0, 1]"),
        (Segmentation, dict(labels=("a", "a")), "different texts"),
        (Segmentation, dict(labels="ab"), "different texts"),
        (Segmentation, dict(labels=("a", 1)), "different texts"),
        (Segmentation, dict(void_label=256), "a whole number in [0, 255]"),
        (Segmentation, dict(output_stride=32), "one of [16, 8]"),
        (Segmentation, dict(output_stride=8.0), "one of [16, 8]"),
        (Detection, dict(map_epochs=0), "a whole number in [1, inf)"),
    ],
)
def test_values_out_of_range(kind, changes, expected):
    ((name, value),) = changes.items()
    with pytest.raises(ValueError) as caught:
        kind(**changes)
    dotted = f"`{kind.__name__.lower()}.{name}`"
    assert str(caught.value).startswith(f"{dotted} must be {expected}")
    assert str(caught.value).endswith(f"Received: {name}={value!r}")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (dict(name="a b"), "letters, digits, _ and - only"),
        (dict(name=""), "letters, digits, _ and - only"),
        (dict(description=""), "text that is not empty"),
        (dict(source=" \n"), "text that is not empty"),
        (dict(expected=78.4), "text that is not empty"),
        (dict(cost=""), "text that is not empty"),
        (dict(command=None), "text that is not empty"),
        (dict(variant="mobilevit_l"), "one of ['mobilevit_xxs', "),
        (dict(weights=None), "text"),
        (dict(schedule=5), "a Schedule"),
        (dict(sampler=Schedule()), "a Sampler"),
    ],
)
def test_values_that_a_recipe_can_not_have(changes, expected):
    ((name, value),) = changes.items()
    with pytest.raises(ValueError) as caught:
        dataclasses.replace(RECIPE, **changes)
    assert str(caught.value).startswith(f"`{name}` must be {expected}")
    assert str(caught.value).endswith(f"Received: {name}={value!r}")


def test_bounds_that_belong_to_the_range():
    Schedule(epochs=1, start=0, floor=0, warmup_steps=0)
    Schedule(start=1, peak=1, floor=1)
    Optimizer(0, 0, 0, 0, 0, 1)
    dataclasses.replace(RECIPE, weights="a.h5", optimizer=Optimizer(freeze=7))
    Sampler("standard", 32, 1, 1)
    Augmentation(scale=(1, 1), flip=1, erasing=1)
    Evaluation(32, 1, 32)
    Distillation("a.tflite", 1)


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        (Schedule, dict(floor=0.01), "floor` must be at most `schedule.peak"),
        (Schedule, dict(start=0.01), "start` must be at most `schedule.peak"),
        (Sampler, dict(size=100), "In `sampler`: .* multiple of the divisor"),
        (Sampler, dict(size=32, divisor=8), "In `sampler`: .* 24 pixels"),
        (Augmentation, dict(padding=4), "padding=4, crop='random_resized'"),
        (Augmentation, dict(crop="padded"), "padding=0, crop='padded'"),
        (Evaluation, dict(pre_resize=300), "pre_resize=300, size=256"),
        (
            Segmentation,
            dict(labels=("a", "b"), void_label=1),
            "none of the classes 0 to 1.*void_label=1",
        ),
    ],
)
def test_values_that_do_not_go_together(kind, changes, message):
    with pytest.raises(ValueError, match=message):
        kind(**changes)


def test_a_start_above_the_peak_counts_with_a_warm_up_only():
    assert Schedule(start=0.01, warmup_steps=0).start == 0.01


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("camvid", {"augmentation.crop": "ssd"}, "['short_side', 'none'] in"),
        ("flowers", {"augmentation.crop": "short_side"}, "'none'] in a recip"),
        ("detection", {"task": "segmentation"}, "['short_side', 'none'] in"),
        ("camvid", {"optimizer.label_smoothing": "0.1"}, "must be 0.0 in a"),
        ("detection", {"augmentation.mixup": "0.2"}, "must be 0.0 in a rec"),
        ("detection", {"evaluation.pre_resize": "32"}, "must be 0 in a re"),
        ("camvid", {"distillation.teacher": "a.keras"}, "must be '' in a re"),
        ("camvid", {"detection.map_epochs": "5"}, "must be 10 in a recipe f"),
        ("flowers", {"segmentation.output_stride": "8"}, "must be 16 in a r"),
        ("flowers", {"augmentation.colors": "true"}, "must be False in a re"),
    ],
)
def test_fields_that_a_task_has_no_use_for(name, changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        load_recipe(name, changes)


def test_named_weights_are_for_some_variants():
    with pytest.raises(ValueError, match=r"\['mobilevit_xxs'\].*'cifar10'"):
        dataclasses.replace(RECIPE, weights="cifar10")


def test_random_weights_are_not_frozen():
    with pytest.raises(ValueError, match="`optimizer.freeze`.*freeze=1"):
        dataclasses.replace(RECIPE, optimizer=Optimizer(freeze=1))
    with pytest.raises(ValueError, match=r"number in \[0, 7\].*freeze=8"):
        dataclasses.replace(RECIPE, optimizer=Optimizer(freeze=8))


def test_an_error_names_the_file(write):
    path = write(TOML + "[schedule]\nepochs = 'five'")
    with pytest.raises(ValueError) as caught:
        load_recipe(path)
    assert str(caught.value) == (
        f"{path}: `schedule.epochs` must be a whole number in [1, inf). "
        "Received: epochs='five'"
    )


# === Fields from the command line ===


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("schedule.epochs", "5", 5),
        ("schedule.peak", "3e-3", 0.003),
        ("schedule.per", "epoch", "epoch"),
        ("schedule.per", '"epoch"', "epoch"),
        ("optimizer.mixed_precision", "true", True),
        ("augmentation.scale", "[0.3, 1]", (0.3, 1)),
        ("distillation.teacher", r"C:\new\a.keras", r"C:\new\a.keras"),
        ("weights", "", ""),
        ("weights", "2024", "2024"),
        ("weights", "2024-01-01", "2024-01-01"),
        ("weights", "true", "true"),
        ("weights", "5\nname = 'other'", "5\nname = 'other'"),
    ],
)
def test_overrides(name, text, value):
    recipe = load_recipe("flowers", {name: text})
    changed = recipe
    for part in name.split("."):
        changed = getattr(changed, part)
    assert changed == value
    assert type(changed) is type(value)
    assert differences(recipe, load_recipe("flowers")) == [name]


def test_overrides_may_need_each_other():
    recipe = load_recipe(
        "flowers", {"augmentation.crop": "padded", "augmentation.padding": "4"}
    )
    assert recipe.augmentation.padding == 4


def test_overrides_of_a_section_that_the_file_leaves_out(write):
    recipe = load_recipe(write(TOML), {"distillation.weight": "0.9"})
    assert recipe.distillation == Distillation(weight=0.9)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("schedule.epoch", "5", "field schedule.epoch. Did you mean "),
        ("schedule", "5", "no field schedule. There are schedule.epochs, "),
        (
            "schedule.epochs",
            "five",
            "flowers with schedule.epochs changed: `schedule.epochs` must be "
            "a whole number in [1, inf). Received: epochs='five'",
        ),
        ("optimizer.mixed_precision", "True", "must be true or false"),
    ],
)
def test_overrides_that_fail(name, text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        load_recipe("flowers", {name: text})


# === Differences ===


def test_differences():
    other = dataclasses.replace(
        RECIPE,
        variant="mobilevit_xs",
        schedule=Schedule(epochs=7, per="step"),
        evaluation=Evaluation(size=288),
    )
    assert differences(RECIPE, RECIPE) == []
    assert differences(RECIPE, other) == differences(other, RECIPE)
    assert differences(RECIPE, other) == [
        "variant",
        "schedule.epochs",
        "schedule.per",
        "evaluation.size",
    ]


def test_what_a_recipe_only_tells_is_no_difference():
    """A result that is filled in later leaves the run what it was."""
    told = ("description", "source", "expected", "cost", "command")
    other = dataclasses.replace(RECIPE, **dict.fromkeys(told, "78.4 %"))
    assert other != RECIPE
    assert differences(RECIPE, other) == []
