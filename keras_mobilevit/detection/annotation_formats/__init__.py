"""Reads files of boxes, in the format that their content shows, as COCO's."""
