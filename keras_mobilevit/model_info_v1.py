"""Descriptions of models that version 0.1 of this package wrote.

They carry no schema version, and are of two forms: one in `.tflite` files,
which keep the labels apart, and one in `.weights.h5` files.
"""

from __future__ import annotations

from typing import Any

from keras_mobilevit.renamed import QUANTIZATION_FIELDS, current_names

# Name of what a .tflite file ended in -> kind of its output and its stride.
_ENDINGS = {
    "raw": ("anchors", None),
    "nms": ("boxes", None),
    "logits": ("logits", None),
    "upsampled": ("logits", 1),
    "mask": ("mask", 1),
}


def upgrade(fields: dict[str, Any]) -> dict[str, Any]:
    """Turns a description of schema version 1 into one of version 2.

    The labels of a detector began with the background, whatever its file
    ended in; in version 2 they do not include it. Whether a classifier gave
    logits or probabilities was not recorded.

    Args:
        fields: JSON object, not checked; with the `labels` that `.tflite`
            files keep apart.

    Returns:
        JSON object in the form of version 2, with the values and unknown keys
        of the old one.
    """
    fields = dict(fields)
    task = fields.get("task", "classification")
    labels = fields.get("labels", ())
    classes = fields.pop("classes", None)
    is_dense = task in ("segmentation", "detection")
    ending = fields.pop("ending", "")
    kind, stride = _ENDINGS.get(str(ending), (None, None))
    output = {"kind": kind, "stride": stride, "label_offset": 0}
    image = {"crop_mode": "squash" if is_dense else "center"}
    if task == "detection":
        # Suppression left the background out of its classes.
        output["label_offset"] = 0 if ending == "nms" else 1
        if isinstance(labels, list | tuple):
            labels = labels[1:]
        if type(classes) is int:
            classes -= 1
    if classes is None and isinstance(labels, list | tuple):
        classes = len(labels) or None
    _move(fields, "decoding", output)
    _move(fields, "crop_fraction", image, "crop_pct")
    _move(fields, "native_size", image, "pre_resize")
    if "size" in fields:
        image["size"] = [fields.pop("size")] * 2
    if (stride := fields.pop("output_stride", None)) is not None:
        output["stride"] = stride if task == "segmentation" else None
    _move(fields, "model", fields, "name")
    if isinstance(variants := fields.pop("variants", ()), list) and variants:
        fields["variant"] = variants[0]
        fields["architecture"] = "mobilevit"
    if isinstance(recipe := fields.get("recipe_fields"), dict):
        fields["recipe_fields"] = current_names(recipe, QUANTIZATION_FIELDS)
    return {
        **fields,
        "task": task,
        "labels": labels,
        "classes": classes,
        "image": image,
        "output": output,
    }


def _move(source, name, target, new_name=None):
    if name in source:
        target[new_name or name] = source.pop(name)
