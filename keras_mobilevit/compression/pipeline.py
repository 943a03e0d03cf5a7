"""From a Keras 3 classifier to the same one, compressed."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import tempfile
import warnings
from collections.abc import Sequence

import keras

from keras_mobilevit.architectures import named_weights
from keras_mobilevit.checkpoints import save_compact
from keras_mobilevit.compression.job import Folder, ImageSource, Job, Outcome
from keras_mobilevit.compression.methods import FineTuning, Method
from keras_mobilevit.compression.tfmot_process import require_tfmot, run_worker
from keras_mobilevit.image_arguments import takes_image_arguments
from keras_mobilevit.input_scaling import resolve_scaling
from keras_mobilevit.layers import InferenceMobileViTBlock
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.named_models import open_model
from keras_mobilevit.output_kind import output_scores
from keras_mobilevit.pixel_scaling import PixelScaling
from keras_mobilevit.training.sections import Augmentation

# A loss of accuracy beyond this is told.
TOLERATED_LOSS = 0.02
FINE_TUNING = FineTuning()
# Milder than a network needs that begins at random.
AUGMENTATION = Augmentation(scale=(0.5, 1.0))


@dataclasses.dataclass(frozen=True, eq=False)
class Compressed:
    """A compressed model and how it came out.

    Attributes:
        model: Keras 3 model of the same architecture.
        outcome: Accuracy before and after, and the cost.

    Example:
        >>> import keras_mobilevit
        >>> from keras_mobilevit import compression
        >>> compressed = compression.Compressed(
        ...     keras_mobilevit.MobileViTXXS(weights="cifar10"),
        ...     compression.Outcome(
        ...         accuracy_before=0.842,
        ...         accuracy_after=0.835,
        ...         test_images=10_000,
        ...         steps=1_563,
        ...         seconds=840.0,
        ...         step_seconds=0.52,
        ...     ),
        ... )
        >>> f"{compressed.outcome.accuracy_after:.1%}"
        '83.5%'
    """

    model: keras.Model
    outcome: Outcome


@takes_image_arguments("image")
def compress(
    model: keras.Model,
    method: Method,
    train: str | os.PathLike,
    test: str | os.PathLike,
    *,
    fine_tuning: FineTuning = FINE_TUNING,
    augmentation: Augmentation = AUGMENTATION,
    class_names: Sequence[str] = (),
    image: ImageSpec | None = None,
    scaling: str | PixelScaling | None = None,
    train_images: int | None = None,
    test_images: int | None = None,
) -> Compressed:
    """Prunes, clusters or trains quantization-aware, with tfmot.

    tensorflow-model-optimization takes models of tf_keras only, of few kinds
    of layers. So a process of its own builds the same network out of those,
    compresses it while it is fine-tuned, and gives the weights back. Before
    and after, the outputs of the two agree to 1e-5 of the largest.

    Args:
        model: Trained functional classifier for pictures of a fixed size, not
            in deploy form. It stays as it is.
        method: `Pruning`, `Clustering` or `QuantizationAware`.
        train: Folder or tar of `<class>/<picture>` to fine-tune on.
        test: The same to report on; it decides nothing.
        fine_tuning: How to train.
        augmentation: What happens to training images.
        class_names: Classes in the order of the outputs; by default the
            sorted names of the folders in `train`.
        image: How pictures are cropped, and the order of their channels; by
            default they are only resized, and RGB.
        scaling: How the model expects its pixels to be scaled, where neither
            its first layers nor `image` tell it, as in
            `keras_mobilevit.tflite.export_tflite`.
        train_images: Use only so many, evenly spread.
        test_images: Evaluate on only so many, evenly spread.

    Returns:
        The compressed model, and its accuracy before and after.

    Raises:
        FileNotFoundError: If there are no such pictures.
        ValueError: If the model, the pictures or an argument do not fit.
        ImportError: If the `compress` extra is not installed.
        RuntimeError: If the process fails.

    Warns:
        UserWarning: If accuracy falls by more than two points.

    Example:
        >>> import keras
        >>> from keras_mobilevit import compression
        >>> model = keras.models.load_model("classifier.keras")
        >>> compressed = compression.compress(
        ...     model, compression.Pruning(sparsity=0.5), "photos", "photos"
        ... )
        >>> kernels = compression.kernel_statistics(compressed.model)
        >>> kernel = kernels["stage2_block.fusion.conv"]
        >>> kernel.zeros / kernel.weights
        0.5
    """
    _check_model(model)
    pictures = ImageSource(os.fspath(train), train_images)
    tests = ImageSource(os.fspath(test), test_images)
    class_names = pictures.open(tuple(class_names) or None).class_names
    tests.open(class_names)
    if len(class_names) != model.output_shape[-1]:
        raise ValueError(
            f"The model tells {model.output_shape[-1]} classes apart, and "
            f"{train} has {len(class_names)}."
        )
    require_tfmot()
    job = Job(
        method=method,
        fine_tuning=fine_tuning,
        augmentation=augmentation,
        image=image or ImageSpec(),
        train=pictures,
        test=tests,
        class_names=class_names,
        scaling=resolve_scaling(model, image, scaling),
    )
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(path)
        model.save(folder.model)
        folder.write_job(job)
        run_worker(pathlib.Path(path))
        result = keras.saving.load_model(folder.result, compile=False)
        outcome = folder.read_outcome()
    warn_of_loss(method, outcome)
    return Compressed(result, outcome)


def compress_weights(
    weights: str | os.PathLike,
    path: str | os.PathLike,
    method: Method,
    train: str | os.PathLike,
    test: str | os.PathLike,
    *,
    variant: str | None = None,
    **options,
) -> Outcome:
    """Compresses named weights or those of a file into another file.

    Args:
        weights: As in `keras_mobilevit.MobileViTXXS`.
        path: File to write, ending in `.weights.h5`. It has the names of the
            classes and the preprocessing inside.
        method: As in `compress`.
        train: As in `compress`.
        test: As in `compress`.
        variant: Name of the variant; by default that of the file, or the
            smallest that has the named weights.
        **options: `fine_tuning`, `augmentation`, `train_images` and
            `test_images` of `compress`.

    Returns:
        Accuracy before and after, and the cost.

    Raises:
        Exception: As `compress` and `open_model` do; or a `ValueError` if
            `path` has another ending.

    Example:
        >>> from keras_mobilevit import checkpoints, compression
        >>> outcome = compression.compress_weights(
        ...     "cifar10",
        ...     "pruned.weights.h5",
        ...     compression.Pruning(sparsity=0.1),
        ...     train="photos",
        ...     test="photos",
        ... )
        >>> outcome.test_images
        24
        >>> checkpoints.identify("pruned.weights.h5").variant
        'mobilevit_xxs'
    """
    path = pathlib.Path(path)
    if not path.name.endswith(".weights.h5"):
        raise ValueError(
            f"`path` must end in .weights.h5. Received: path={path}"
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent}.")
    named = named_weights("classification")
    if variant is None and weights in named:
        variant = named[weights].variants[0]
    opened = open_model(variant, weights)
    compressed = compress(
        opened.model,
        method,
        train,
        test,
        class_names=opened.info.labels,
        image=opened.info.image,
        **options,
    )
    save_compact(compressed.model, path, opened.info)
    return compressed.outcome


def _check_model(model):
    if not hasattr(model, "operations") or len(model.inputs) != 1:
        raise ValueError(
            "Expected a functional model with one input, such as "
            "`keras_mobilevit.MobileViTXXS` makes. Received: "
            f"{type(model).__name__}"
        )
    shape = model.input_shape
    if None in shape[1:] or len(model.outputs) != 1:
        raise ValueError(
            "Expected a model of a fixed input size and with one output, as "
            "with `input_shape=(256, 256, 3)`. Received: inputs of shape "
            f"{shape}, {len(model.outputs)} outputs"
        )
    if len(model.output_shape) != 2:
        raise ValueError(
            "Expected a classifier, whose outputs are (batch, classes). "
            f"Received: outputs of shape {model.output_shape}"
        )
    problem_type = output_scores(model).problem_type
    if problem_type != "single_label":
        raise ValueError(
            "Expected a classifier that ends in a softmax over its classes, or "
            "in their logits. Received: one whose last activation tells "
            f"problem_type={problem_type!r}"
        )
    if any(
        isinstance(layer, InferenceMobileViTBlock)
        for layer in model._flatten_layers()
    ):
        raise ValueError(
            "The model is in deploy form, which can not be trained. Compress "
            "the model from before `keras_mobilevit.reparameterize`."
        )


def warn_of_loss(method: Method, outcome: Outcome) -> None:
    """Warns if a method cost more than `TOLERATED_LOSS`, with the figures."""
    loss = outcome.accuracy_before - outcome.accuracy_after
    if loss > TOLERATED_LOSS:
        warnings.warn(
            f"{method} took accuracy from {outcome.accuracy_before:.2%} to "
            f"{outcome.accuracy_after:.2%} on {outcome.test_images:,} "
            "pictures. Compress less, or train longer.",
            stacklevel=3,
        )
