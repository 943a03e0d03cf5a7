"""From a Keras model to a finished `.tflite` file on disk."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from keras_mobilevit.atomic_files import atomic_write
from keras_mobilevit.image_arguments import takes_image_arguments
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.pixel_scaling import PixelScaling
from keras_mobilevit.renamed import takes_old_names
from keras_mobilevit.tflite.compatibility.compatible import make_compatible
from keras_mobilevit.tflite.conversion import convert_parsed
from keras_mobilevit.tflite.delegation_check import warn_of_gaps
from keras_mobilevit.tflite.export_summary import ExportedFile
from keras_mobilevit.tflite.exportable import as_functional
from keras_mobilevit.tflite.flatbuffer import ParsedFile, write_model
from keras_mobilevit.tflite.metadata import append_metadata
from keras_mobilevit.tflite.options import ExportOptions
from keras_mobilevit.tflite.output_heads.output_head import OutputHead
from keras_mobilevit.tflite.quantization.calibration_set import (
    CalibrationSet,
    Source,
)
from keras_mobilevit.tflite.quantization.prepare import needs_of, prepare
from keras_mobilevit.tflite.quantization.quantize import quantize_parsed
from keras_mobilevit.tflite.quantization.recipes import Recipe, find_recipe
from keras_mobilevit.tflite.quantization.unmatched_layers import (
    warn_of_unmatched_layers,
)
from keras_mobilevit.tflite.self_test_recording import record_self_test
from keras_mobilevit.tflite.standard_metadata import add_standard_metadata
from keras_mobilevit.tflite.verification import (
    Verified,
    quantize_verified,
    round_verified,
)


@takes_image_arguments("info")
@takes_old_names
def export_tflite(
    model: keras.Model,
    path: str | os.PathLike,
    recipe: str | os.PathLike | Recipe = "int8",
    *,
    size: tuple[int, int] | None = None,
    calibration: Source | None = None,
    calibration_images: int = 100,
    seed: int = 0,
    info: ModelInfo | None = None,
    labels: Sequence[str] | None = None,
    output_head: str | OutputHead | None = None,
    scaling: str | PixelScaling | None = None,
    problem_type: str | None = None,
    compat: str | None = None,
    min_sqnr: float | None = 15.0,
    escalate: bool = True,
) -> pathlib.Path:
    """Exports a model for phones: deploy form, fixed shape, one partition.

    A file with int8 weights that is made with calibration images is compared
    with the float32 file before it is written, on images that had no part in
    it; its metadata keeps the figure.

    The file takes one picture `(1, height, width, channels)`, RGB in
    [0, 255], whatever the model expects, and gives the outputs of the model,
    or what `output_head` makes of them. Both are float32, unless the recipe
    says otherwise.

    Args:
        model: Model of this package, or one that contains its blocks, or any
            other for images, with one input: functional, Sequential, or
            subclassed if its `call` works on symbolic tensors. One that was
            trained in mixed precision, float16 or float64 is exported in
            float32. Outputs in a dictionary keep their names.
        path: File to write, ending in `.tflite`.
        recipe: Name in `keras_mobilevit.tflite.RECIPES`, path of a JSON
            file, or a `Recipe`.
        size: `(height, width)`; needed where the model's own are dynamic.
        calibration: Images from any source that `calibration_set` takes.
            Recipes with int8 activations need them; those with
            `moment_rounding`, as `weight_only` and `dynamic`, round their
            weights better with them; all others ignore them.
        calibration_images: Use at most so many of them. A fifth, at least 8,
            are reserved to verify the file, and the others calibrate.
        seed: Draws them, where the source leaves a choice.
        info: What is known of the model, kept in the file: its task, labels,
            preprocessing, licence and origin.
        labels: Class names in the order of the outputs, instead of those of
            `info`; of a detector with the background in front, or without;
            of a single score both, the class that it is the score of second.
        output_head: What a network for dense prediction ends in. Of a detector,
            `"raw"` offsets and logits, as the model gives them (the default),
            or `"nms"`, boxes; of a network that segments, `"logits"` at the
            output stride (the default), `"upsampled"` logits, or a `"mask"`.
            Or with settings of its own, as
            `keras_mobilevit.tflite.OUTPUT_HEADS["nms"](max_boxes=20)`.
        scaling: How the model expects its pixels to be scaled, where neither
            its first layers nor `info` tell it: `"pixels"` for [0, 255],
            `"unit"` for [0, 1], `"signed"` for [-1, 1], `"imagenet"` for mean
            and standard deviation, or another as
            `keras_mobilevit.pixel_scaling.find_scaling` takes it. What is
            missing in the model is put into the file.
        problem_type: What the output of a classifier answers: one of
            several classes, `"single_label"`; one of two by a single score,
            that of the second, `"binary"`; each of several labels by itself,
            `"multi_label"`; or values, `"regression"`. By default what `info`
            or else the last activation tells: a single score is binary,
            several sigmoids are several labels.
        compat: `"2.14"` for a file that TensorFlow Lite 2.14 computes rightly
            too; `None` for LiteRT.
        min_sqnr: Signal to quantization noise in dB that the outputs must have
            on the reserved images, as
            `keras_mobilevit.tflite.output_fidelity` measures it; 0 or `None`
            for any.
        escalate: Where they have less, move layers to float until they have
            as much, and warn of what that costs. If not, or for a recipe
            without int8 activations, or one that leaves nothing in float,
            only warn, with what to do.

    Returns:
        `path`. It appears when it is complete, or not at all. Its attribute
        `summary` says what is in it, as `keras_mobilevit.tflite.summarize`.

    Raises:
        ValueError: If an argument does not fit the model.
        FileNotFoundError: If the recipe or the images are not there.
        ImportError: If the `tflite` extra is not installed.

    Warns:
        UserWarning: If a file that was made with calibration images was
            escalated, is too far from float32, could not be verified well,
            or if a file by any recipe but `int8_full` is not in one
            partition of XNNPACK, or if the recipe names layers that the model
            does not have.

    Example:
        >>> import keras
        >>> from keras_mobilevit import tflite
        >>> model = keras.models.load_model("classifier.keras")
        >>> path = tflite.export_tflite(
        ...     model, "classifier.tflite", "int8", calibration="photos"
        ... )
        >>> tflite.inspect(path).partitions
        1
    """
    (path,) = export_recipes(
        model,
        {path: recipe},
        size=size,
        calibration=calibration,
        calibration_images=calibration_images,
        seed=seed,
        info=info,
        labels=labels,
        output_head=output_head,
        scaling=scaling,
        problem_type=problem_type,
        compat=compat,
        min_sqnr=min_sqnr,
        escalate=escalate,
    )
    return path


@takes_image_arguments("info")
@takes_old_names
def export_recipes(
    model: keras.Model,
    targets: Mapping[str | os.PathLike, str | os.PathLike | Recipe],
    **options: Any,
) -> list[pathlib.Path]:
    """Exports a model by several recipes, out of one conversion.

    Args:
        model: As in `export_tflite`.
        targets: File to write -> recipe to write it by.
        **options: Keyword-only arguments of `export_tflite`.

    Returns:
        The files, in the order of `targets`.

    Raises:
        ValueError: If an argument does not fit the model.
        FileNotFoundError: If the recipe or the images are not there.
        ImportError: If the `tflite` extra is not installed.

    Example:
        >>> import keras
        >>> from keras_mobilevit import tflite
        >>> model = keras.models.load_model("classifier.keras")
        >>> float32, float16 = tflite.export_recipes(
        ...     model,
        ...     {"float32.tflite": "float32", "float16.tflite": "float16"},
        ... )
        >>> float16.stat().st_size < float32.stat().st_size
        True
    """
    options = ExportOptions(**options)
    targets = {
        checked_path(path): find_recipe(recipe, options.architecture)
        for path, recipe in targets.items()
    }
    model = as_functional(model, options.size)
    output_head = options.find_output_head(model)
    network = options.prepare(model)
    metadata = options.describe(model)
    images = None
    if any(_takes_images(recipe, options) for recipe in targets.values()):
        images = options.draw_images(model)
    source = convert_parsed(network, options.size)
    prepared = {}
    for path, recipe in targets.items():
        warn_of_unmatched_layers(recipe, source.model)
        adapted = output_head.adapt(recipe)
        if not _takes_images(recipe, options):
            quantized = quantize_parsed(source, adapted)
            if options.compat:
                make_compatible(quantized, options.compat)
            quantized = ParsedFile.pack(quantized)
            warn_of_gaps(recipe, quantized.data)
            write_quantized(path, quantized, recipe, metadata, output_head)
            continue
        if recipe.needs_calibration:
            needs = needs_of(adapted)
            if needs not in prepared:
                prepared[needs] = prepare(source, adapted, images.images)
            verified = quantize_verified(
                prepared[needs], recipe, images, output_head, options
            )
        else:
            verified = round_verified(
                source, recipe, images, output_head, options
            )
        write_verified(path, verified, images, metadata, output_head)
    return list(targets)


def _takes_images(recipe: Recipe, options: ExportOptions) -> bool:
    """Whether images that were given, or have to be, change the file."""
    if options.calibration is None:
        return recipe.needs_calibration
    return recipe.takes_images


def write_verified(
    path: pathlib.Path,
    verified: Verified,
    images: CalibrationSet,
    metadata: ModelInfo,
    output_head: OutputHead,
) -> None:
    """Writes a file that was verified, with its metadata.

    Args:
        path: File to write.
        verified: From `quantize_verified` or `round_verified`.
        images: Those that calibrated and verified it.
        metadata: What else is known.
        output_head: What the file shall end in.
    """
    metadata = dataclasses.replace(
        metadata,
        calibration_images=len(images.images),
        calibration_seed=images.seed,
        fidelity=verified.facts,
    )
    write_quantized(
        path, verified.quantized, verified.recipe, metadata, output_head
    )


def write_quantized(
    path: pathlib.Path,
    quantized: ParsedFile,
    recipe: Recipe,
    metadata: ModelInfo,
    output_head: OutputHead,
) -> None:
    """As `write_file`, for a file that a recipe made.

    Args:
        path: File to write.
        quantized: The file, made for the runtime of the metadata.
        recipe: By which it was quantized.
        metadata: What else is known.
        output_head: What the file shall end in.
    """
    metadata = dataclasses.replace(
        metadata,
        name=metadata.name or path.stem,
        recipe=recipe.name,
        recipe_fields=dataclasses.asdict(recipe),
    )
    write_file(path, quantized, metadata, output_head)


def write_file(
    path: pathlib.Path,
    file: ParsedFile,
    metadata: ModelInfo,
    output_head: OutputHead,
) -> None:
    """Gives a file its output head, self-test and metadata, and writes it.

    Args:
        path: File to write.
        file: Quantized, and made for the runtime of the metadata.
        metadata: What is known of it.
        output_head: What the file shall end in.
    """
    finished = finish_file(file, output_head, metadata)
    metadata = dataclasses.replace(
        metadata, self_test=record_self_test(finished, metadata.image)
    )
    atomic_write(path, append_metadata(finished, metadata))


def finish_file(
    file: ParsedFile, output_head: OutputHead, info: ModelInfo
) -> bytes:
    """Gives a file its output head and TFLite's own metadata.

    Args:
        file: Quantized, and made compatible.
        output_head: What the file shall end in.
        info: What is known of it.

    Raises:
        ValueError: If an older runtime lacks operations of the output head.
    """
    model = file.copy_model()
    if output_head.adds_operations:
        output_head.finish(model)
        if info.compat:
            make_compatible(model, info.compat)
    add_standard_metadata(model, info)
    return write_model(model)


def checked_path(path: str | os.PathLike) -> ExportedFile:
    """Returns the path of a file to write, if it ends as it should."""
    path = ExportedFile(path)
    if path.suffix != ".tflite":
        raise ValueError(f"`path` must end in .tflite. Received: path={path}")
    return path
