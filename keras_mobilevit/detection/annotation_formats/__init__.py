"""Reads files of boxes, in the format that their content shows, as COCO's."""

from keras_mobilevit.detection.annotation_formats.load import load_annotations

__all__ = ["load_annotations"]
