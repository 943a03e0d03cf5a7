"""Runs MediaPipe Tasks on files, in an environment of its own; prints JSON.

Arguments: path of a JSON list of [task, model, picture].
"""

import json
import pathlib
import sys

import mediapipe
from mediapipe.tasks.python import vision
from mediapipe.tasks.python.core.base_options import BaseOptions


def classify(base, image):
    options = vision.ImageClassifierOptions(base_options=base, max_results=5)
    with vision.ImageClassifier.create_from_options(options) as task:
        (head,) = task.classify(image).classifications
    return [[c.category_name, c.score] for c in head.categories]


def detect(base, image):
    options = vision.ObjectDetectorOptions(base_options=base, max_results=20)
    with vision.ObjectDetector.create_from_options(options) as task:
        found = task.detect(image).detections
    return [
        [
            detection.categories[0].category_name,
            detection.categories[0].score,
            # Left, top, right, bottom.
            [
                detection.bounding_box.origin_x,
                detection.bounding_box.origin_y,
                detection.bounding_box.origin_x + detection.bounding_box.width,
                detection.bounding_box.origin_y + detection.bounding_box.height,
            ],
        ]
        for detection in found
    ]


def segment(base, image):
    options = vision.ImageSegmenterOptions(
        base_options=base, output_category_mask=True
    )
    with vision.ImageSegmenter.create_from_options(options) as task:
        mask = task.segment(image).category_mask.numpy_view()
        return {"labels": task.labels, "mask": mask[..., 0].tolist()}


TASKS = {"classify": classify, "detect": detect, "segment": segment}

answers = []
for name, model, picture in json.loads(pathlib.Path(sys.argv[1]).read_text()):
    base = BaseOptions(model_asset_path=model)
    image = mediapipe.Image.create_from_file(picture)
    answers.append(TASKS[name](base, image))
sys.stdout.write(json.dumps(answers))
