"""Output heads of detectors: raw predictions, or boxes."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np

from keras_mobilevit.configs import SSD_LEVELS
from keras_mobilevit.detection.anchors import make_anchors, map_sizes
from keras_mobilevit.detection.boxes import CENTER_VARIANCE, SIZE_VARIANCE
from keras_mobilevit.model_info import OutputSpec
from keras_mobilevit.tflite.editing import (
    add_tensor,
    make_custom_operation,
    set_outputs,
    signature_outputs,
)
from keras_mobilevit.tflite.flatbuffer import FLOAT32
from keras_mobilevit.tflite.output_heads.output_head import OutputHead
from keras_mobilevit.tflite.output_heads.ssd_heads import (
    count_classes,
    split_heads,
)
from keras_mobilevit.tflite.quantization.recipes import Recipe

# Offsets and logits have scales of their own up to here: one for both would
# leave the offsets a few steps.
_JOINTS = "^(boxes|logits|output)"
_POST_PROCESSING = "TFLite_Detection_PostProcess"


@dataclasses.dataclass(frozen=True)
class Raw(OutputHead):
    """What the Keras model gives: offsets and logits of every anchor.

    The metadata tells how the anchors are made and how boxes are decoded. If
    the recipe wants an integer output, both share one scale, and the offsets
    have few steps.
    """

    name = "raw"
    task = "detection"

    def prepare(self, model: keras.Model) -> keras.Model:
        return split_heads(model, joined=True)

    def classes(self, model: keras.Model) -> int:
        return count_classes(model)

    def adapt(self, recipe: Recipe) -> Recipe:
        return _with_float_joints(recipe)

    def describe(
        self, model: keras.Model, shape: tuple[int, int, int]
    ) -> OutputSpec:
        decoding = {
            "output": "(1, anchors, 4 + classes): four offsets x, y, width, "
            "height, then one logit a class, the background first.",
            "scores": "softmax of the logits",
            "box_centre": "anchor centre + center_variance * offset * anchor "
            "side",
            "box_side": "exp(size_variance * offset) * anchor side",
            "center_variance": CENTER_VARIANCE,
            "size_variance": SIZE_VARIANCE,
            "anchors": "For each level, row, column and shape, in this order, "
            "an anchor with its centre at (column + 0.5) / columns, (row + "
            "0.5) / rows and the sides (width, height); all as shares of the "
            "picture's sides.",
            "levels": _levels(shape[:2]),
        }
        return OutputSpec(kind="anchors", label_offset=1, decoding=decoding)


@dataclasses.dataclass(frozen=True)
class Nms(OutputHead):
    """Boxes, by TensorFlow Lite's own operation for SSD detectors.

    It decodes, and suppresses within each class, as
    `keras_mobilevit.detection.decode_predictions` does, but for two rules: a
    score at the threshold counts, and there is no limit to the candidates.
    Its four outputs are those that MediaPipe's detector wants. XNNPACK has
    no such operation: it runs behind the partition, on one core. The outputs
    are float32, whatever the recipe says.

    Attributes:
        iou_threshold: Overlap in (0, 1] that takes the lower box away.
        score_threshold: Least score, in [0, 1].
        max_boxes: Boxes that the outputs have room for; the rest is zeros.

    Raises:
        ValueError: If an argument is out of its range.
    """

    name = "nms"
    task = "detection"
    adds_operations = True

    iou_threshold: float = 0.5
    score_threshold: float = 0.05
    max_boxes: int = 200

    def __post_init__(self):
        if not (
            0 < self.iou_threshold <= 1
            and 0 <= self.score_threshold <= 1
            and self.max_boxes >= 1
        ):
            raise ValueError(
                "`iou_threshold` must be in (0, 1], `score_threshold` in "
                "[0, 1] and `max_boxes` at least 1. Received: "
                f"{self.iou_threshold}, {self.score_threshold} and "
                f"{self.max_boxes}"
            )

    def prepare(self, model: keras.Model) -> keras.Model:
        return split_heads(model, joined=False)

    def classes(self, model: keras.Model) -> int:
        return count_classes(model)

    def adapt(self, recipe: Recipe) -> Recipe:
        return _with_float_joints(
            dataclasses.replace(recipe, output_type="float32")
        )

    def finish(self, model) -> None:
        (graph,) = model.subgraphs
        heads = signature_outputs(model)
        boxes, scores = heads["output_0"], heads["output_1"]
        graph.tensors[boxes].name = b"offsets"
        graph.tensors[scores].name = b"probabilities"
        _, height, width, _ = graph.tensors[graph.inputs[0]].shape
        # x, y, width, height -> y, x, height, width
        anchors = make_anchors((int(height), int(width)))[:, [1, 0, 3, 2]]
        inputs = [
            boxes,
            scores,
            add_tensor(model, "anchors", FLOAT32, anchors.shape, anchors),
        ]
        outputs = {
            name: add_tensor(model, name, FLOAT32, shape)
            for name, shape in (
                ("boxes", (1, self.max_boxes, 4)),
                ("classes", (1, self.max_boxes)),
                ("scores", (1, self.max_boxes)),
                ("count", (1,)),
            )
        }
        classes = int(graph.tensors[scores].shape[-1])
        graph.operators.append(
            make_custom_operation(
                *(model, _POST_PROCESSING, inputs, list(outputs.values())),
                self._options(classes),
            )
        )
        set_outputs(model, outputs)

    def _options(self, classes):
        """Of the operation; it divides where we multiply."""
        return {
            "num_classes": classes - 1,  # without the background
            "max_detections": self.max_boxes,
            # Each class for itself, and no other limit to one of them.
            "use_regular_nms": True,
            "detections_per_class": self.max_boxes,
            "max_classes_per_detection": 1,
            "nms_score_threshold": float(self.score_threshold),
            "nms_iou_threshold": float(self.iou_threshold),
            "x_scale": 1 / CENTER_VARIANCE,
            "y_scale": 1 / CENTER_VARIANCE,
            "w_scale": 1 / SIZE_VARIANCE,
            "h_scale": 1 / SIZE_VARIANCE,
        }

    def describe(
        self, model: keras.Model, shape: tuple[int, int, int]
    ) -> OutputSpec:
        decoding = {
            "boxes": "(1, n, 4): top, left, bottom, right, as shares of the "
            "picture's sides; they may reach out of it.",
            "classes": "(1, n): 0 is the first label; there is no background.",
            "scores": "(1, n): probabilities, best first.",
            "count": "(1,): how many of the n there are.",
            **dataclasses.asdict(self),
        }
        return OutputSpec(kind="boxes", decoding=decoding)


def _with_float_joints(recipe):
    if recipe.output_type != "float32" or _JOINTS in recipe.skip_layers:
        return recipe
    return dataclasses.replace(
        recipe, skip_layers=(*recipe.skip_layers, _JOINTS)
    )


def _levels(size):
    """Cells and shapes of the anchors of every feature map, as data."""
    anchors, levels = make_anchors(size), []
    for level, (rows, columns) in zip(SSD_LEVELS, map_sizes(size), strict=True):
        # All cells of a map have the same.
        shapes = anchors[: level.anchors, 2:]
        anchors = anchors[rows * columns * level.anchors :]
        levels.append(
            {
                "rows": rows,
                "columns": columns,
                # The shortest numbers that are the same in single precision.
                "shapes": [
                    [float(np.format_float_positional(side)) for side in shape]
                    for shape in shapes
                ],
            }
        )
    return levels
