"""Training of classifiers."""

from __future__ import annotations

import keras

from keras_mobilevit.training.classifier import build_classifier
from keras_mobilevit.training.distillation import load_teacher
from keras_mobilevit.training.loader import BatchLoader
from keras_mobilevit.training.sources import open_source
from keras_mobilevit.training.tasks.task import Task


class Classification(Task):
    """Which class a picture has.

    Pictures come as in `open_source`: a folder or tar of `<class>/<picture>`,
    and others.

    Example:
        >>> from keras_mobilevit.training import tasks
        >>> from keras_mobilevit.training.recipe import load_recipe
        >>> recipe = load_recipe("finetune")
        >>> task = tasks.Classification.open(recipe, "photos", "photos")
        >>> task.labels, task.figure_of_merit
        (('cat', 'dog'), 'accuracy')
    """

    figure_of_merit = "accuracy"

    @classmethod
    def open(cls, recipe, train, test, *, seed=0, workers=0):
        train = open_source(train)
        test = open_source(test, train.class_names)
        parts = (recipe.augmentation, recipe.evaluation.image_spec())
        teacher = None
        if recipe.distillation.teacher:
            teacher = load_teacher(
                recipe.distillation.teacher, classes=len(train.class_names)
            )
        loader = BatchLoader(
            train,
            *parts,
            seed=seed,
            workers=workers,
            teacher=teacher,
            teacher_weight=recipe.distillation.weight,
        )
        validation_loader = BatchLoader(test, *parts, workers=workers)
        return cls(recipe, train.class_names, loader, validation_loader)

    @staticmethod
    def find_splits(folder):
        return folder / "train", folder / "test"

    @staticmethod
    def join(pictures, annotations):
        if annotations:
            raise ValueError(
                "Pictures to classify have their classes in the names of "
                f"their folders. Received annotations: {annotations}"
            )
        return pictures

    def build_model(self):
        return build_classifier(self.recipe, self.labels)

    def loss(self):
        return keras.losses.CategoricalCrossentropy(
            from_logits=True,
            label_smoothing=self.recipe.optimizer.label_smoothing,
        )

    def metrics(self):
        return [keras.metrics.CategoricalAccuracy(name="accuracy")]
