"""What differs between classification, segmentation and detection."""

from keras_mobilevit.training.tasks.classification import Classification
from keras_mobilevit.training.tasks.detection import Detection
from keras_mobilevit.training.tasks.segmentation import Segmentation
from keras_mobilevit.training.tasks.task import Task

TASKS: dict[str, type[Task]] = {
    "classification": Classification,
    "segmentation": Segmentation,
    "detection": Detection,
}

__all__ = ["TASKS", "Classification", "Detection", "Segmentation", "Task"]
