"""Says what is on pictures: names it, or draws boxes or masks.

Which of them depends on the model. A classifier prints the most probable
classes, a detector the boxes of objects, and a network for segmentation the
share of each class; the latter two also draw, on copies of the pictures.

Examples:
    keras-mobilevit predict cat.jpg --model mobilevit_xxs.tflite
    keras-mobilevit predict street.jpg --model ssdlite.tflite -o found.jpg
    keras-mobilevit predict *.jpg --model deeplab.weights.h5 -o DIR
"""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from keras_mobilevit.cli.arguments import name_in
from keras_mobilevit.cli.errors import UsageError

if TYPE_CHECKING:
    import keras

    from keras_mobilevit.tflite import ImageModel
    from keras_mobilevit.tflite.evaluation.candidates import Candidate

HELP = "classify pictures, find objects on them, or segment them"

# Options that not all models have, with their defaults.
DEFAULTS = {
    "output": None,
    "top": 5,
    "score": 0.3,
    "opacity": 0.6,
    "threads": 1,
    "runtime": "ai-edge-litert",
}
# Task, or kind of file -> those that it has.
OPTIONS = {
    "classification": {"top"},
    "detection": {"score", "output"},
    "segmentation": {"opacity", "output"},
    ".tflite": {"threads", "runtime"},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument(
        "--model",
        required=True,
        metavar="FILE|weights:NAME[:VARIANT]",
        help="a .tflite, .weights.h5 or .keras file",
    )
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="input of a model that takes any",
    )
    group = parser.add_argument_group("classifiers")
    group.add_argument(
        "--top",
        type=int,
        metavar="N",
        help="print so many classes (default: 5)",
    )
    group = parser.add_argument_group("detectors and segmentation")
    group.add_argument(
        "-o",
        "--output",
        metavar="FILE|DIR",
        help="draw the boxes or masks there; several pictures go into a folder",
    )
    group.add_argument(
        "--score",
        type=float,
        metavar="SHARE",
        help="only boxes of higher scores (default: 0.3)",
    )
    group.add_argument(
        "--opacity",
        type=float,
        metavar="SHARE",
        help="of the colours of masks (default: 0.6)",
    )
    group = parser.add_argument_group(".tflite files")
    group.add_argument(
        "--threads", type=int, metavar="N", help="of the runtime (default: 1)"
    )
    group.add_argument(
        "--runtime",
        type=name_in("keras_mobilevit.tflite.interpreters", "RUNTIMES"),
        metavar="NAME",
        help="what runs the file: tflite-runtime or ai-edge-litert (default: "
        "ai-edge-litert)",
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.model.endswith(".tflite"):
        from keras_mobilevit.tflite.metadata import read_metadata
        from keras_mobilevit.tflite.runtime import ImageModel

        metadata = read_metadata(arguments.model)
        task = metadata.task if metadata else "classification"
        check_options(arguments, OPTIONS[task] | OPTIONS[".tflite"], task)
        model = ImageModel(
            arguments.model, arguments.threads, arguments.runtime
        )
        # The file has its own.
        labels = ()
    else:
        from keras_mobilevit.tflite.evaluation.candidates import open_candidate

        candidate = open_candidate(arguments.model)
        model, task = candidate.model, candidate.task
        check_options(arguments, OPTIONS[task], f"Keras models for {task}")
        labels = candidate.labels or ()
        if task == "classification":
            model = KerasClassifier(candidate, arguments.size)
    {
        "classification": classify,
        "detection": detect,
        "segmentation": segment,
    }[task](arguments, model, labels)
    return 0


def check_options(
    arguments: argparse.Namespace, fitting: Collection[str], kind: str
) -> None:
    """Refuses options that do not fit the model; fills in those that do."""
    for name, default in DEFAULTS.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, default)
        elif name not in fitting:
            raise UsageError(
                f"--{name} is not for {kind}. Received: {arguments.model}"
            )


def classify(
    arguments: argparse.Namespace,
    model: ImageModel | KerasClassifier,
    labels: Sequence[str],
) -> None:
    if arguments.size and tuple(arguments.size) != model.size:
        raise ValueError(
            f"The model takes {model.size} pixels. Received: "
            f"{tuple(arguments.size)}"
        )
    for path in arguments.images:
        print(path)
        for label, probability in model.classify(path, arguments.top):
            print(f"  {probability:6.1%}  {label}")


class KerasClassifier:
    """A Keras model that names pictures as `ImageModel` does.

    Args:
        candidate: The model and how it wants its pictures.
        size: `(height, width)`; needed where the model's own are dynamic.

    Attributes:
        size: `(height, width)` of the input, in pixels.
    """

    def __init__(self, candidate: Candidate, size: Sequence[int] | None):
        own = tuple(candidate.model.input_shape[1:3])
        if None in own and size is None:
            raise ValueError(
                "The model takes any size: --size must be given. Received an "
                f"input of {own}"
            )
        self.size = tuple(size) if None in own else own
        self._candidate = candidate

    def classify(self, path: str, top: int) -> list[tuple[str, float]]:
        """The most probable classes of a picture, best first."""
        from keras_mobilevit.class_scores import to_probabilities
        from keras_mobilevit.images import load_image

        candidate = self._candidate
        image = load_image(
            path,
            self.size,
            candidate.crop_fraction or 1.0,
            candidate.native_size or 0,
        )
        outputs = candidate.model.predict_on_batch(
            image[None].astype("float32")
        )
        kind = candidate.info.output.kind if candidate.info else None
        (probabilities,) = to_probabilities(outputs, kind)
        labels = candidate.labels or range(len(probabilities))
        best = (-probabilities).argsort(kind="stable")[:top]
        return [(str(labels[i]), float(probabilities[i])) for i in best]


def detect(
    arguments: argparse.Namespace,
    model: ImageModel | keras.Model,
    labels: Sequence[str],
) -> None:
    from keras_mobilevit.detection import draw_detections
    from keras_mobilevit.images import open_image
    from keras_mobilevit.tflite.dense import Detector
    from keras_mobilevit.tflite.dense.output import save_picture

    pictures = targets(arguments)
    detector = Detector(
        model,
        labels,
        size=tuple(arguments.size) if arguments.size else None,
        score_threshold=arguments.score,
    )
    for path, target in pictures:
        detections = detector.detect(path)
        print(path)
        for detection in detections:
            box = ", ".join(f"{side:.0f}" for side in detection.box)
            print(f"  {detection.score:6.1%}  {detection.name}  ({box})")
        if not detections:
            print(f"  nothing above {arguments.score:.0%}")
        if target:
            save_picture(draw_detections(open_image(path), detections), target)


def segment(
    arguments: argparse.Namespace,
    model: ImageModel | keras.Model,
    labels: Sequence[str],
) -> None:
    from keras_mobilevit.images import open_image
    from keras_mobilevit.segmentation.legend import class_shares, named_overlay
    from keras_mobilevit.tflite.dense import Segmenter
    from keras_mobilevit.tflite.dense.output import save_picture

    pictures = targets(arguments)
    segmenter = Segmenter(
        model, labels, size=tuple(arguments.size) if arguments.size else None
    )
    labels = segmenter.labels
    for path, target in pictures:
        mask = segmenter.segment(path)
        print(path)
        for class_id, share in class_shares(mask).items():
            print(f"  {share:6.1%}  {labels[class_id] if labels else class_id}")
        if target:
            drawn = named_overlay(
                open_image(path), mask, labels, arguments.opacity
            )
            save_picture(drawn, target)


def targets(
    arguments: argparse.Namespace,
) -> list[tuple[str, pathlib.Path | None]]:
    """The pictures, each with the file to draw on, if any."""
    from keras_mobilevit.tflite.dense.output import output_paths

    paths = [None] * len(arguments.images)
    if arguments.output:
        paths = output_paths(arguments.images, arguments.output)
    return list(zip(arguments.images, paths, strict=True))
