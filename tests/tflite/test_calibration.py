"""Ranges and means of a float graph, against sorting and NumPy by hand."""

import fractions

import numpy as np
import pytest
from micro_model import Tensor, micro_model

from keras_mobilevit.tflite.quantization.calibration import _Range, calibrate

SIDES = (1, 4, 6, 3)


def percentile_ends(values, percentile):
    """The outermost values with at most so many percent beyond each."""
    beyond = (100 - fractions.Fraction(str(percentile))) / 100
    count = int(beyond * values.size)
    ordered = np.sort(values, axis=None)
    return ordered[count], ordered[-1 - count]


# In floats 1 - 90 / 100 is a little less than 0.1, and 100 - 99.9 than 0.1.
@pytest.mark.parametrize(
    "percentile", [100, 99.999, 99.99, 99.9, 99, 95, 90, 80, 70, 51]
)
@pytest.mark.parametrize("chunks", [1, 7, 100])
def test_range_of_a_stream_is_that_of_the_whole(percentile, chunks):
    values = np.random.default_rng(chunks).normal(size=100_000)
    values = values.astype(np.float32)
    tracker = _Range(percentile, values.size)
    for chunk in np.array_split(values, chunks):
        tracker.add(chunk)
    assert tracker.ends() == percentile_ends(values, percentile)


def test_range_of_sorted_streams_and_of_equal_values():
    """The extremes may come first or last, and in any number."""
    rising = np.arange(1000, dtype=np.float32)
    stepped = np.repeat(np.arange(10, dtype=np.float32), 100)
    for values in (rising, -rising, stepped, -stepped, 0 * rising):
        tracker = _Range(99, values.size)
        for chunk in np.array_split(values, 9):
            tracker.add(chunk)
        ordered = np.sort(values)
        assert tracker.ends() == (ordered[10], ordered[-11])


def test_range_of_few_values_covers_them_all():
    tracker = _Range(99.99, 3)
    for value in (5, -2, 3):
        tracker.add(np.array([value], np.float32))
    assert tracker.ends() == (-2, 5)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (25, *SIDES[1:]), np.uint8)


@pytest.fixture(scope="module")
def found(images):
    """Of 2x, and of what is made of it."""
    rng = np.random.default_rng(1)
    kernel = rng.normal(size=(2, 3))
    map_, vector = Tensor(SIDES), Tensor((1, 3))
    axes = Tensor((2,), "int32", values=(1, 2))
    tensors = {
        "image": map_,
        "double": map_,
        "scores": map_,
        "squares": map_,
        "axes": axes,
        "pooled": vector,
        "kernel": Tensor((2, 3), values=kernel),
        "dense": Tensor((1, 2)),
        "filters": Tensor((1, 1, 1, 3), values=(1, -2, 3)),
        "bias": Tensor((3,), values=0),
        "depthwise": map_,
    }
    conv = {"strideW": 1, "strideH": 1, "depthMultiplier": 1}
    data = micro_model(
        tensors,
        [
            ("ADD", ["image", "image"], ["double"], ("AddOptions", {})),
            (
                "SOFTMAX",
                ["double"],
                ["scores"],
                ("SoftmaxOptions", {"beta": 0.01}),
            ),
            ("MUL", ["scores", "scores"], ["squares"], ("MulOptions", {})),
            ("MEAN", ["double", "axes"], ["pooled"], ("ReducerOptions", {})),
            (
                "FULLY_CONNECTED",
                ["pooled", "kernel"],
                ["dense"],
                ("FullyConnectedOptions", {}),
            ),
            (
                "DEPTHWISE_CONV_2D",
                ["double", "filters", "bias"],
                ["depthwise"],
                ("DepthwiseConv2DOptions", conv),
            ),
        ],
    )
    return kernel, {c: calibrate(data, images, c) for c in (90, 100)}


def test_maps_are_covered_by_the_stated_percentage(images, found):
    doubled = 2.0 * images
    for percentile, calibration in found[1].items():
        assert calibration.ranges["double"] == percentile_ends(
            doubled, percentile
        )
        assert calibration.ranges["depthwise"] == percentile_ends(
            doubled * (1, -2, 3), percentile
        )
    # 1800 values, of which a tenth lies beyond either end.
    low, high = found[1][90].ranges["double"]
    assert 0.095 < np.mean(doubled < low) <= 0.1
    assert 0.095 < np.mean(doubled > high) <= 0.1


def test_the_input_takes_all_pixels_whatever_the_sample(found):
    for calibration in found[1].values():
        assert calibration.ranges["image"] == (0, 255)


def test_probabilities_that_come_out_may_be_all(images):
    """Those inside are as they were seen: finer steps for flat attention."""
    map_ = Tensor(SIDES)
    softmax = ("SoftmaxOptions", {"beta": 1e-3})
    data = micro_model(
        {"image": map_, "inner": map_, "output": map_},
        [
            ("SOFTMAX", ["image"], ["inner"], softmax),
            ("SOFTMAX", ["inner"], ["output"], softmax),
        ],
    )
    ranges = calibrate(data, images).ranges
    assert ranges["output"] == (0, 1)
    # exp(-0.255) is 0.775, and 0.775 / 2.775 and 1 / 2.55 are the extremes.
    low, high = ranges["inner"]
    assert 0.279 < low < 1 / 3 < high < 0.393


def test_vectors_and_softmax_are_covered_whole(images, found):
    kernel, calibrations = found
    pooled = 2.0 * images.mean(axis=(1, 2))
    powers = np.exp(0.02 * images)
    scores = powers / powers.sum(axis=-1, keepdims=True)
    for calibration in calibrations.values():
        for name, expected in (
            ("pooled", pooled),
            ("dense", pooled @ kernel.T),
            ("scores", scores),
        ):
            assert calibration.ranges[name] == pytest.approx(
                (expected.min(), expected.max()), rel=1e-5, abs=1e-6
            )


def test_means_of_what_is_multiplied_by_weights(images, found):
    means = found[1][100].means
    assert means.keys() == {"double", "pooled"}
    expected = 2.0 * images.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(means["double"], expected, rtol=1e-6)
    np.testing.assert_allclose(means["pooled"], expected, rtol=1e-6)


def test_images_are_counted(found):
    assert found[1][100].images == 25


def test_every_activation_of_a_model_has_a_range(files):
    data = files["float32"].read_bytes()
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (2, 64, 96, 3))
    calibration = calibrate(data, images)
    assert len(calibration.ranges) > 400
    for low, high in calibration.ranges.values():
        assert np.isfinite([low, high]).all() and low <= high


def test_a_file_that_is_cut_off(files, images):
    data = files["float32"].read_bytes()
    with pytest.raises(ValueError, match="that end too early"):
        calibrate(data[: len(data) // 2], images)
