"""`keras-mobilevit train`, from its arguments to the run."""

import pathlib

import pytest

RUN_RECIPE = "keras_mobilevit.training.run.run_recipe"


@pytest.fixture
def runs(monkeypatch):
    """Arguments of the runs that the command asks for."""
    calls = []

    def run_recipe(*args, **kwargs):
        calls.append((args, kwargs))
        return pathlib.Path("model.weights.h5")

    monkeypatch.setattr(RUN_RECIPE, run_recipe)
    return calls


def test_arguments(command, runs, capsys):
    status = command(
        "train",
        *("--recipe", "finetune", "--variant", "mobilevit_xxs"),
        *("--weights", "cifar10", "--set", "schedule.epochs=3"),
        *("--data", "flowers", "--out", "run", "--seed", "7", "--no-jit"),
    )
    assert status == 0
    assert capsys.readouterr().out == "wrote model.weights.h5\n"
    [((recipe, train, test, out), options)] = runs
    assert (recipe.variant, recipe.weights) == ("mobilevit_xxs", "cifar10")
    assert recipe.schedule.epochs == 3
    assert train == pathlib.Path("flowers/train")
    assert test == pathlib.Path("flowers/test")
    assert (out, options["seed"], options["jit_compile"]) == ("run", 7, False)
    assert options["distribution"] == "none"
    assert (options["hosts"], options["host_index"]) == ((), None)


def test_hosts(command, runs):
    status = command(
        *("train", "--recipe", "finetune", "--data", "flowers", "--out", "run"),
        *("--distribution", "multi_worker", "--host-index", "1"),
        *("--hosts", "10.0.0.1:9000", "10.0.0.2:9000"),
    )
    assert status == 0
    [(_, options)] = runs
    assert options["distribution"] == "multi_worker"
    assert options["hosts"] == ["10.0.0.1:9000", "10.0.0.2:9000"]
    assert options["host_index"] == 1


@pytest.mark.parametrize(
    "sources",
    [[], ["--train", "a"], ["--data", "a", "--train", "b", "--test", "c"]],
)
def test_images_come_one_way(command, runs, sources, capsys):
    with pytest.raises(SystemExit):
        command("train", "--recipe", "finetune", "--out", "run", *sources)
    assert "either --data, or --train and --test" in capsys.readouterr().err
    assert not runs


def test_annotations(command, runs):
    """Masks or boxes beside the pictures, as the recipe's task wants."""
    for name in ("camvid", "detection"):
        status = command(
            "train",
            *("--recipe", name, "--out", "run"),
            *("--train", "a", "--train-annotations", "b"),
            *("--test", "c", "--test-annotations", "d"),
        )
        assert status == 0
        (_, train, test, _), _ = runs.pop()
        assert tuple(train)[:2] == ("a", "b")
        assert tuple(test)[:2] == ("c", "d")


@pytest.mark.parametrize(
    ("recipe", "options", "message"),
    [
        ("camvid", [], "need a folder of masks too. Received: a alone"),
        ("detection", [], "need annotations too: a JSON"),
        ("flowers", ["--train-annotations", "b"], "Received annotations: b"),
    ],
)
def test_annotations_of_another_task(
    command, runs, recipe, options, message, capsys
):
    status = command(
        "train",
        *("--recipe", recipe, "--out", "run"),
        *("--train", "a", "--test", "c", *options),
    )
    assert status == 1 and not runs
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("schedule.epoch=3", "schedule.epochs"),
        ("schedule.epochs=many", "schedule.epochs"),
        ("optimizer.freeze=8", "optimizer.freeze"),
    ],
)
def test_a_field_with_a_typo(command, runs, change, message, capsys):
    status = command(
        "train",
        "--recipe",
        "cifar10",
        "--data",
        "a",
        "--out",
        "b",
        "--set",
        change,
    )
    assert status == 1 and not runs
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (KeyboardInterrupt(), 130, "the same command goes on"),
        (FloatingPointError("The loss became nan"), 1, "became nan"),
        (OSError(28, "No space left on device"), 1, "No space left"),
    ],
)
def test_what_ends_a_run(command, monkeypatch, capsys, error, status, message):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(RUN_RECIPE, fail)
    found = command("train", "--recipe", "cifar10", "--data", "a", "--out", "b")
    assert found == status
    assert message in capsys.readouterr().err
