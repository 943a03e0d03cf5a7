"""The embedded checkpoint against its model card, on images it never saw."""

import pathlib
import re

import pytest

import keras_mobilevit
from keras_mobilevit.checkpoints import fetch
from keras_mobilevit.labels import class_names
from keras_mobilevit.tflite import ImageModel, evaluate, export_tflite


def test_card_gives_an_accuracy_worth_shipping():
    card = pathlib.Path(fetch("cifar10", "mobilevit_xxs"))
    card = card.with_name("mobilevit_xxs_cifar10.md").read_text()
    (accuracy,) = re.findall(r"Test accuracy: ([\d.]+) %", card)
    assert float(accuracy) >= 84


def test_size_and_classes_come_with_the_weights():
    model = keras_mobilevit.MobileViTXXS(weights="cifar10")
    assert model.input_shape == (None, 96, 96, 3)
    assert model.output_shape == (None, 10)


def test_a_tenth_of_the_test_images(shared_dir, tmp_path):
    """1,000 of 10,000 images: the standard error is about one percent.

    The floors for int8 lie under what 1,000 images measured: 95 % agreement
    and 19 dB.
    """
    test = shared_dir / "data" / "cifar10_test.tar"
    train = shared_dir / "data" / "cifar10_train.tar"
    if not test.is_file():
        pytest.skip("no CIFAR-10 images beside the reference files")
    from keras_mobilevit.images import iterate_files, load_image

    calibration = [
        load_image(file.data, (96, 96))
        for file in iterate_files(train, limit=100)
    ]
    model = keras_mobilevit.MobileViTXXS(weights="cifar10")
    path = export_tflite(
        model, tmp_path / "int8.tflite", "int8", calibration=calibration
    )
    results = evaluate(
        {"keras": model, "int8": ImageModel(path)},
        test,
        class_names("cifar10"),
        limit=1000,
    )
    assert results["keras"].images == 1000
    assert results["keras"].top1 >= 0.82
    assert results["int8"].top1 >= results["keras"].top1 - 0.02
    assert results["int8"].agreement >= 0.93
    assert results["int8"].sqnr >= 17
