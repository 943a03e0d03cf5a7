"""Detectors and networks that segment as files, with each output head."""

import io
import json
import re
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from edited import edited
from exported import predict, require_delegation_of_all_recipes
from image_files import encode
from micro_model import Tensor, micro_model
from PIL import Image
from small_model import make_images
from tiny_dense import (
    DENSE_SIZE,
    OBJECTS,
    REGIONS,
    make_tiny_detector,
    make_tiny_segmenter,
)

from keras_mobilevit import detection, images, layers
from keras_mobilevit.detection import ssdlite
from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.segmentation import deeplabv3
from keras_mobilevit.tflite import (
    OUTPUT_HEADS,
    Detector,
    ImageModel,
    calibrate,
    compare_tensors,
    export_baseline,
    export_recipes,
    export_searched,
    export_tflite,
    inspect,
    read_metadata,
)
from keras_mobilevit.tflite.conversion import convert_parsed
from keras_mobilevit.tflite.interpreters import make_interpreter
from keras_mobilevit.tflite.metadata import append_metadata
from keras_mobilevit.tflite.options import ExportOptions
from keras_mobilevit.tflite.output_heads.detection import Nms

RECIPES = ("float32", "int8")
# Some pictures fill the outputs, others leave room.
NMS = Nms(iou_threshold=0.4, score_threshold=0.8, max_boxes=88)
PICTURES = make_images(8, DENSE_SIZE, seed=2)


@pytest.fixture(scope="module")
def detector():
    return make_tiny_detector()


@pytest.fixture(scope="module")
def segmenter():
    return make_tiny_segmenter()


@pytest.fixture(scope="module", autouse=True)
def converted_once():
    """A conversion takes seconds, and some tests want the same graph."""
    graphs = {}

    def convert_once(model, size):
        key = (model.name, *model.output_names)
        if key not in graphs:
            graphs[key] = convert_parsed(model, size)
        return graphs[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "keras_mobilevit.tflite.export.convert_parsed", convert_once
        )
        yield


@pytest.fixture(scope="module")
def files(detector, segmenter, tmp_path_factory):
    """`(output_head, recipe)` -> exported file."""
    folder = tmp_path_factory.mktemp("dense")
    found = {}
    for model, labels, output_heads in (
        (detector, OBJECTS, {"raw": None, "nms": NMS}),
        (
            segmenter,
            REGIONS,
            {"logits": None, "upsampled": "upsampled", "mask": "mask"},
        ),
    ):
        for name, output_head in output_heads.items():
            paths = export_recipes(
                model,
                {folder / f"{name}_{r}.tflite": r for r in RECIPES},
                calibration=make_images(25, DENSE_SIZE, seed=1),
                labels=labels,
                output_head=output_head,
            )
            found |= {
                (name, recipe): path
                for recipe, path in zip(RECIPES, paths, strict=True)
            }
    return found


# === What both tasks have in common ===


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("output_head", ["raw", "logits", "upsampled"])
def test_every_node_is_delegated_in_one_partition(files, output_head, recipe):
    inspect(files[output_head, recipe]).require_full_delegation()


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize(
    ("output_head", "behind"),
    [
        ("nms", {"TFLite_Detection_PostProcess": 1}),
        ("mask", {"ARG_MAX": 1, "CAST": 1}),
    ],
)
def test_only_the_output_head_is_behind_the_partition(
    files, output_head, behind, recipe
):
    inspection = inspect(files[output_head, recipe])
    assert inspection.left_out == behind
    assert inspection.partitions == 1


@pytest.mark.parametrize(
    ("output_head", "task", "kind", "stride"),
    [
        ("raw", "detection", "anchors", None),
        ("nms", "detection", "boxes", None),
        ("logits", "segmentation", "logits", 4),
        ("upsampled", "segmentation", "logits", 1),
        ("mask", "segmentation", "mask", 1),
    ],
)
def test_metadata(files, output_head, task, kind, stride):
    info = read_metadata(files[output_head, "int8"])
    assert (info.task, info.recipe) == (task, "int8")
    assert (info.output.kind, info.output.stride) == (kind, stride)
    assert info.output.decoding.keys() & {"output", "boxes"}
    # Without the background, of whatever file of a detector.
    labels = OBJECTS[1:] if task == "detection" else REGIONS
    assert (info.labels, info.classes) == (labels, len(labels))
    assert info.image.size == DENSE_SIZE
    assert info.image.crop_mode == "squash"


@pytest.mark.parametrize(
    ("output_head", "names"), [("raw", OBJECTS), ("nms", OBJECTS[1:])]
)
def test_labels_begin_with_the_first_class_of_the_output(
    detector, output_head, names
):
    """Suppression leaves the background out, of whatever the labels are."""
    for labels in (OBJECTS, OBJECTS[1:]):
        options = ExportOptions(output_head=output_head, labels=labels)
        file = append_metadata(b"", options.describe(detector))
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            lines = archive.read("labels.txt").decode().splitlines()
        assert tuple(lines) == names


@pytest.mark.parametrize("output_head", ["raw", "nms"])
def test_a_line_of_the_labels_is_a_class_of_the_output(files, output_head):
    """What an app does that knows nothing of this package."""
    path = files[output_head, "float32"]
    with zipfile.ZipFile(path) as archive:
        names = archive.read("labels.txt").decode().splitlines()
    outputs = ImageModel(path).predict(PICTURES[0])
    if output_head == "nms":
        found = names[int(outputs["classes"][0])]
        best = outputs["scores"][0]
    else:
        logits = outputs[:, 4:] - outputs[:, 4:].max(axis=1, keepdims=True)
        scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        anchor, index = divmod(int(scores[:, 1:].argmax()), len(names) - 1)
        found, best = names[index + 1], scores[anchor, index + 1]
    # The Keras model, decoded by the code that the authors' agrees with.
    expected = Detector(files["raw", "float32"], OBJECTS).detect(
        encode(PICTURES[0])
    )[0]
    assert found == expected.name
    assert best == pytest.approx(expected.score, abs=1e-3)


def test_images_are_resized_whole(files, detector, tmp_path):
    """Here and when they calibrate; a classifier's are cropped."""
    path = tmp_path / "pictures" / "wide.png"
    path.parent.mkdir()
    gradient = np.linspace(0, 255, 300).astype(np.uint8)
    picture = np.repeat(np.tile(gradient, (50, 1))[..., None], 3, axis=2)
    Image.fromarray(picture).save(path)
    (whole,), _ = images.load_whole([path], DENSE_SIZE)
    assert whole[0, 0, 0] < 3 and whole[0, -1, 0] > 252
    for output_head in ("raw", "mask"):
        model = ImageModel(files[output_head, "float32"])
        np.testing.assert_array_equal(model.load_image(path), whole)
    with pytest.warns(UserWarning, match="1 calibration images are few"):
        drawn = ExportOptions(calibration=path.parent).draw_images(detector)
    np.testing.assert_array_equal(drawn.images, [whole])


def custom_head(activation=None):
    """A map of classes out of no layer that only segmentation has."""
    image = keras.Input((*DENSE_SIZE, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = layers.ConvBlock(12, 3, 8, name="stem")(x)
    x = layers.MobileViTBlock(16, depth=1, num_heads=1, name="block")(x)
    x = keras.layers.Conv2D(len(REGIONS), 1, activation=activation)(x)
    return keras.Model(image, keras.layers.UpSampling2D(2)(x))


@pytest.mark.parametrize(
    ("activation", "kind"), [(None, "logits"), ("softmax", "probabilities")]
)
def test_custom_heads_segment(activation, kind):
    model = custom_head(activation)
    info = ExportOptions(labels=REGIONS).describe(model)
    assert (info.task, info.image.crop_mode) == ("segmentation", "squash")
    assert (info.output.kind, info.output.stride) == (kind, 4)


def test_what_is_declared_counts_more_than_what_it_looks_like():
    """Feature maps with a task, and maps of classes without."""
    features = custom_head("relu")
    info = ExportOptions().describe(features)
    assert (info.task, info.output.kind) == ("classification", None)
    declared = ModelInfo(task="segmentation")
    info = ExportOptions(info=declared, labels=REGIONS).describe(features)
    assert (info.task, info.output.kind) == ("segmentation", "logits")
    declared = ModelInfo(task="classification")
    info = ExportOptions(info=declared).describe(custom_head())
    assert (info.task, info.image.crop_mode) == ("classification", "center")


def test_exports_take_pixels():
    model = custom_head()
    options = ExportOptions(info=ModelInfo(image=ImageSpec(scale=1 / 255)))
    image = options.describe(model).image
    assert (image.scale, image.offset) == (1, 0)
    pixels = np.stack(PICTURES).astype(np.float32)
    expected = model.predict(pixels / 255, verbose=0)
    actual = options.prepare(model).predict(pixels, verbose=0)
    assert np.allclose(actual, expected, rtol=1e-4, atol=1e-5)


# === Detection ===


def test_raw_float_equals_keras(detector, files):
    expected = predict(detector, PICTURES)
    assert expected.shape == (8, 208, 4 + len(OBJECTS))
    actual = predict(files["raw", "float32"], PICTURES)
    assert np.abs(actual - expected).max() <= 1e-4 * np.abs(expected).max()
    assert np.ptp(expected.std(axis=0)) > 0.01  # It looks at its input.


def test_offsets_and_logits_have_scales_of_their_own(files):
    """One scale for both would leave the offsets 20 dB less."""
    tensors = compare_tensors(
        files["raw", "float32"], files["raw", "int8"], PICTURES[:2]
    )
    heads = [t for t in tensors if re.fullmatch(r"head\d_.*/conv_2d", t.name)]
    assert len(heads) == 12
    # Measured: 42.6 dB at least.
    assert min(tensor.rounding_sqnr for tensor in heads) > 40
    (output,) = (tensor for tensor in tensors if tensor.name == "output")
    assert output.dtype == "float32" and output.local_sqnr > 100


def test_the_metadata_is_enough_to_decode(detector, files):
    """By its text alone, with nothing of this package."""
    path = files["raw", "float32"]
    text = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys, zipfile; print(zipfile.ZipFile(sys.argv[1])"
            ".read('model_info.json').decode())",
            str(path),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rules = json.loads(text)["output"]["decoding"]
    anchors = [
        (
            (column + 0.5) / level["columns"],
            (row + 0.5) / level["rows"],
            width,
            height,
        )
        for level in rules["levels"]
        for row in range(level["rows"])
        for column in range(level["columns"])
        for width, height in level["shapes"]
    ]
    anchors = np.array(anchors)
    np.testing.assert_allclose(
        anchors, detection.make_anchors(DENSE_SIZE), rtol=1e-6
    )
    output = predict(path, PICTURES[:1])[0]
    offsets = output[:, :4].astype(np.float64)
    centre = (
        anchors[:, :2]
        + rules["center_variance"] * offsets[:, :2] * anchors[:, 2:]
    )
    side = np.exp(rules["size_variance"] * offsets[:, 2:]) * anchors[:, 2:]
    expected = detection.decode_boxes(
        predict(detector, PICTURES[:1])[..., :4],
        detection.make_anchors(DENSE_SIZE),
    )
    np.testing.assert_allclose(
        np.concatenate([centre - side / 2, centre + side / 2], axis=1),
        np.asarray(expected[0]),
        atol=1e-4,
    )


def test_nms_finds_what_decode_predictions_finds(detector, files):
    model = ImageModel(files["nms", "float32"])
    assert model.output_names == ("boxes", "classes", "scores", "count")
    expected = detection.decode_predictions(
        predict(detector, PICTURES),
        [(1, 1)] * len(PICTURES),
        image_size=DENSE_SIZE,
        labels=OBJECTS,
        iou_threshold=NMS.iou_threshold,
        score_threshold=NMS.score_threshold,
        max_boxes=NMS.max_boxes,
    )
    found = [model.predict(picture) for picture in PICTURES]
    counts = [len(wanted) for wanted in expected]
    assert min(counts) < max(counts) == NMS.max_boxes
    for result, wanted in zip(found, expected, strict=True):
        count = int(result["count"])
        assert result["boxes"].shape == (NMS.max_boxes, 4)
        assert not result["scores"][count:].any()
        top, left, bottom, right = result["boxes"][:count].clip(0, 1).T
        actual = np.stack(
            [result["classes"][:count] + 1, result["scores"][:count]]
            + [left, top, right, bottom],
            axis=1,
        )
        wanted = np.array([(d.class_index, d.score, *d.box) for d in wanted])
        # Both are sorted by scores, some of which are equal to six digits.
        assert (np.diff(actual[:, 1]) <= 0).all()
        assert (np.diff(wanted[:, 1]) <= 0).all()
        np.testing.assert_allclose(
            *(
                rows[np.lexsort(rows[:, :2].T[::-1])]
                for rows in (actual, wanted)
            ),
            atol=1e-5,
        )
    assert len({d.class_index for wanted in expected for d in wanted}) == 3


def test_lists_that_come_out_are_covered_whole(detector, files):
    """One anchor in a thousand has an object, and it must not be clipped."""
    float_model = files["raw", "float32"].read_bytes()
    pictures = np.stack(PICTURES)
    ranges = calibrate(float_model, pictures, percentile=90).ranges
    outputs = predict(detector, pictures)
    for name, values in (
        ("boxes/concatenation", outputs[..., :4]),
        ("logits/concatenation", outputs[..., 4:]),
        ("output", outputs),
    ):
        np.testing.assert_allclose(
            ranges[name], (values.min(), values.max()), rtol=1e-3
        )
    low, high = ranges["head0_logits/conv_2d"]
    first = outputs[:, : 4 * 6 * 6, 4:]
    np.testing.assert_allclose(
        (low, high), (first.min(), first.max()), rtol=1e-3
    )


# === Segmentation ===


@pytest.mark.parametrize("output_head", ["logits", "upsampled"])
def test_logits_equal_keras(segmenter, files, output_head):
    model = segmenter
    if output_head == "logits":
        coarse = segmenter.get_layer("pixel_predictions").output
        model = keras.Model(segmenter.input, coarse)
    expected = predict(model, PICTURES)
    assert expected.shape[1:3] == (
        (16, 24) if output_head == "logits" else (64, 96)
    )
    actual = predict(files[output_head, "float32"], PICTURES)
    assert np.abs(actual - expected).max() <= 1e-4 * np.abs(expected).max()


def test_a_mask_is_the_largest_logit(segmenter, files):
    fine = predict(segmenter, PICTURES)
    expected = fine.argmax(axis=-1)
    assert len(np.unique(expected)) >= 3
    mask = predict(files["mask", "float32"], PICTURES)
    assert mask.dtype == np.uint8
    assert mask.shape == (8, *DENSE_SIZE)
    # Where two logits are equal to six digits, either may win.
    first, second = np.sort(fine, axis=-1)[..., :-3:-1].transpose(3, 0, 1, 2)
    clear = first - second > 1e-4
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(mask[clear], expected[clear])


def test_an_int8_mask_is_the_largest_int8_logit(files):
    """There are ties: then the first class counts, as in `argmax`."""
    fine = predict(files["upsampled", "int8"], PICTURES)
    mask = predict(files["mask", "int8"], PICTURES)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, fine.argmax(axis=-1))


@pytest.mark.parametrize(
    ("classes", "dtype"), [(256, np.uint8), (257, np.int32)]
)
def test_many_classes_need_more_than_a_byte(tmp_path, classes, dtype):
    shape = (1, 2, 3, classes)
    file = micro_model(
        {"x": Tensor(shape), "y": Tensor(shape)},
        [("LOGISTIC", ["x"], ["y"], None)],
        signature="serve",
    )
    path = tmp_path / "a.tflite"
    path.write_bytes(edited(OUTPUT_HEADS["mask"]().finish, file))
    interpreter = make_interpreter(path)
    logits = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    logits[0, 0, 0, -1] = 9
    (image,) = interpreter.get_input_details()
    (output,) = interpreter.get_output_details()
    interpreter.set_tensor(image["index"], logits)
    interpreter.invoke()
    mask = interpreter.get_tensor(output["index"])
    assert mask.dtype == dtype and mask[0, 0, 0] == classes - 1
    np.testing.assert_array_equal(mask, logits.argmax(axis=-1))


# === Bad input ===


@pytest.mark.parametrize(
    ("which", "options", "message"),
    [
        (
            "detector",
            dict(output_head="mask"),
            "'mask' is for models with one out",
        ),
        ("detector", dict(output_head="boxes"), "must be one of .'raw', 'nms'"),
        ("detector", dict(labels=OBJECTS[2:]), "first is the background"),
        ("segmenter", dict(output_head="nms"), "detectors of keras_mobilevit"),
        ("segmenter", dict(labels=OBJECTS), "5 classes.*Received: 4"),
    ],
)
def test_endings_that_do_not_fit(
    detector, segmenter, tmp_path, which, options, message
):
    model = {"detector": detector, "segmenter": segmenter}[which]
    with pytest.raises(ValueError, match=message):
        export_tflite(model, tmp_path / "a.tflite", "float32", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_map_of_a_single_score(tmp_path):
    inputs = keras.Input((8, 8, 3))
    scores = keras.layers.Conv2D(1, 1, activation="sigmoid")(inputs)
    with pytest.raises(ValueError, match="at least two classes.*1 - p"):
        export_tflite(
            keras.Model(inputs, scores),
            tmp_path / "a.tflite",
            "float32",
            output_head="mask",
            scaling="unit",
        )
    assert list(tmp_path.iterdir()) == []


def test_a_classifier_has_no_such_ending(tiny, tmp_path):
    for output_head in OUTPUT_HEADS:
        with pytest.raises(ValueError, match="Received: 'tiny'"):
            export_tflite(
                tiny, tmp_path / "a.tflite", "float32", output_head=output_head
            )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        dict(iou_threshold=0.0),
        dict(iou_threshold=1.1),
        dict(score_threshold=-0.1),
        dict(max_boxes=0),
    ],
)
def test_numbers_out_of_range(options):
    with pytest.raises(ValueError, match="`max_boxes` at least 1. Received"):
        Nms(**options)


def test_a_search_by_right_answers_is_for_classifiers(detector, tmp_path):
    with pytest.raises(ValueError, match="use `target_sqnr` for detection"):
        export_searched(
            detector,
            tmp_path / "a.tflite",
            max_drop=1.0,
            calibration=make_images(25, DENSE_SIZE),
        )


# === The command ===


def test_the_command(command, detector, tmp_path, capsys):
    source, labels = tmp_path / "detector.keras", tmp_path / "labels.txt"
    detector.save(source)
    labels.write_text("\n".join(OBJECTS))
    path = tmp_path / "a.tflite"
    argv = [
        *("--keras", str(source), "--recipe", "float32"),
        *("--labels", str(labels), "-o", str(path)),
    ]
    assert command("export", *argv, "--max-boxes", "7") == 1
    assert "--max-boxes is for --output-head nms" in capsys.readouterr().err
    assert not path.exists()
    argv += [
        "--output-head",
        "nms",
        "--max-boxes",
        "7",
        "--score-threshold",
        "0.2",
    ]
    assert command("export", *argv) == 0
    info = read_metadata(path)
    assert info.labels == OBJECTS[1:]
    assert info.output.decoding["max_boxes"] == 7
    assert info.output.decoding["score_threshold"] == 0.2
    assert ImageModel(path).predict(PICTURES[0])["boxes"].shape == (7, 4)


# === Whole networks ===


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "variant"), [("ssdlite", "s"), (8, "s"), (16, "xxs")]
)
def test_networks_are_delegated(network, variant, tmp_path):
    size = (96, 128)
    if network == "ssdlite":
        model = ssdlite.CONSTRUCTORS[f"mobilevit_{variant}"](
            weights=None, input_shape=(*size, 3), classes=7
        )
    else:
        model = deeplabv3.CONSTRUCTORS[f"mobilevit_{variant}"](
            weights=None,
            input_shape=(*size, 3),
            classes=7,
            output_stride=network,
        )
    require_delegation_of_all_recipes(model, size, tmp_path / "a.tflite")


@pytest.mark.slow
def test_search_and_baseline(detector, tmp_path):
    options = dict(
        calibration=np.stack(make_images(50, DENSE_SIZE, seed=1)),
        calibration_images=25,
        min_sqnr=0,
        output_head=NMS,
        labels=OBJECTS,
    )
    path, recipe, _ = export_searched(
        detector, tmp_path / "a.tflite", target_sqnr=35, **options
    )
    assert recipe.skip_layers
    baseline = export_baseline(detector, tmp_path / "b.tflite", **options)
    for file in (path, baseline):
        found = ImageModel(file).predict(PICTURES[0])
        assert set(found) == {"boxes", "classes", "scores", "count"}
        assert 0 < found["scores"][0] <= 1
