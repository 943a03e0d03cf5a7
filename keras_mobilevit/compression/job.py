"""What the two processes tell each other: an order, and how it went."""

from __future__ import annotations

import dataclasses
import json
import pathlib

from keras_mobilevit.compression.methods import METHODS, FineTuning, Method
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.pixel_scaling import PixelScaling
from keras_mobilevit.training.sections import Augmentation
from keras_mobilevit.training.sources import LabelledSource, open_source

# What a line to the first process begins with; all others are noise.
MARK = "@compression "


@dataclasses.dataclass(frozen=True)
class ImageSource:
    """Labelled pictures that another process can open.

    Attributes:
        path: Folder or tar of `<class>/<picture>`.
        limit: Use only so many of them, evenly spread; `None` for all.
    """

    path: str
    limit: int | None = None

    def open(self, class_names: tuple[str, ...] | None) -> LabelledSource:
        """Finds them; raises as `open_source` does."""
        source = open_source(self.path, class_names)
        if self.limit is None or self.limit >= len(source):
            return source
        if self.limit < 1:
            raise ValueError(
                "Expected to use at least one picture. Received: "
                f"{self.limit} of {self.path}"
            )
        return source.take_evenly(self.limit)


@dataclasses.dataclass(frozen=True)
class Job:
    """All that the second process needs besides the model.

    Attributes:
        method: What to do.
        fine_tuning: How to train.
        augmentation: What happens to training images.
        image: What happens to test images.
        train: Pictures to learn from.
        test: Pictures to test on.
        class_names: Classes in the order of the model's outputs.
        scaling: How the model expects its pixels to be scaled.
    """

    method: Method
    fine_tuning: FineTuning
    augmentation: Augmentation
    image: ImageSpec
    train: ImageSource
    test: ImageSource
    class_names: tuple[str, ...]
    scaling: PixelScaling = PixelScaling()


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How it went.

    Attributes:
        accuracy_before: Share of the test pictures that the given model knew.
        accuracy_after: Share that the compressed model knows.
        test_images: Number of test pictures.
        steps: Training steps.
        seconds: Time that they took, with the tracing in front.
        step_seconds: Median of a step.

    Example:
        >>> from keras_mobilevit import compression
        >>> outcome = compression.Outcome(
        ...     accuracy_before=0.842,
        ...     accuracy_after=0.835,
        ...     test_images=10_000,
        ...     steps=1_563,
        ...     seconds=840.0,
        ...     step_seconds=0.52,
        ... )
        >>> f"{outcome.accuracy_after - outcome.accuracy_before:+.1%}"
        '-0.7%'
    """

    accuracy_before: float
    accuracy_after: float
    test_images: int
    steps: int
    seconds: float
    step_seconds: float


class Folder:
    """Files that the processes share.

    Attributes:
        model: Keras model to compress.
        result: Keras model that was compressed.
    """

    def __init__(self, path: str | pathlib.Path):
        path = pathlib.Path(path)
        self.model = path / "model.keras"
        self.result = path / "result.keras"
        self._job = path / "job.json"
        self._outcome = path / "outcome.json"

    def write_job(self, job: Job) -> None:
        names = {kind: name for name, kind in METHODS.items()}
        fields = dataclasses.asdict(job)
        fields["kind"] = names[type(job.method)]
        self._job.write_text(json.dumps(fields), encoding="utf-8")

    def read_job(self) -> Job:
        fields = json.loads(self._job.read_text(encoding="utf-8"))
        kind = METHODS[fields.pop("kind")]
        return Job(
            method=kind(**fields["method"]),
            fine_tuning=FineTuning(**fields["fine_tuning"]),
            # JSON knows no tuples.
            augmentation=Augmentation(
                **{
                    name: tuple(value) if isinstance(value, list) else value
                    for name, value in fields["augmentation"].items()
                }
            ),
            image=ImageSpec(**fields["image"]),
            train=ImageSource(**fields["train"]),
            test=ImageSource(**fields["test"]),
            class_names=tuple(fields["class_names"]),
            scaling=PixelScaling(
                **{
                    name: tuple(value) if isinstance(value, list) else value
                    for name, value in fields["scaling"].items()
                }
            ),
        )

    def write_outcome(self, outcome: Outcome) -> None:
        self._outcome.write_text(
            json.dumps(dataclasses.asdict(outcome)), encoding="utf-8"
        )

    def read_outcome(self) -> Outcome:
        return Outcome(**json.loads(self._outcome.read_text(encoding="utf-8")))
