"""Training of classifiers."""

from __future__ import annotations

import keras

from keras_mobilevit.training.classifier import build_classifier
from keras_mobilevit.training.distillation import load_teacher
from keras_mobilevit.training.loader import BatchLoader
from keras_mobilevit.training.resident.classifier import ResidentClassifier
from keras_mobilevit.training.resident.loader import ResidentLoader
from keras_mobilevit.training.resident.memory import room
from keras_mobilevit.training.resident.store import load_pictures
from keras_mobilevit.training.resident.transform import ResidentTransform
from keras_mobilevit.training.sources import open_source
from keras_mobilevit.training.tasks.task import Task


class Classification(Task):
    """Which class a picture has.

    Pictures come as in `open_source`: a folder or tar of `<class>/<picture>`,
    shards, and others.

    Example:
        >>> from keras_mobilevit.training import tasks
        >>> from keras_mobilevit.training.recipe import load_recipe
        >>> recipe = load_recipe("finetune")
        >>> task = tasks.Classification.open(recipe, "photos", "photos")
        >>> task.labels, task.figure_of_merit
        (('cat', 'dog'), 'accuracy')
    """

    figure_of_merit = "accuracy"
    # Those that a training model is to take over, if they are resident.
    _pictures = None

    @classmethod
    def open(cls, recipe, train, test, *, seed=0, workers=0):
        train = open_source(train)
        test = open_source(test, train.class_names)
        parts = (recipe.augmentation, recipe.evaluation.image_spec())
        options = {"seed": seed, "workers": workers}
        validation_loader = BatchLoader(test, *parts, workers=workers)
        if recipe.input.resident:
            transform = ResidentTransform(*parts, recipe.input.resident_side)
            store = load_pictures(train, transform.keep, max_bytes=room())
            loader = ResidentLoader(train, transform, store, **options)
            task = cls(recipe, train.class_names, loader, validation_loader)
            task._pictures = store.pictures
            return task
        teacher = None
        if recipe.distillation.teacher:
            teacher = load_teacher(
                recipe.distillation.teacher, classes=len(train.class_names)
            )
        loader = BatchLoader(
            train,
            *parts,
            teacher=teacher,
            teacher_weight=recipe.distillation.weight,
            **options,
        )
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

    def training_model(self, network):
        if self._pictures is None:
            return network
        # They may take half of the memory, and are needed once.
        pictures, self._pictures = self._pictures, None
        return ResidentClassifier(network, pictures)

    def loss(self):
        return keras.losses.CategoricalCrossentropy(
            from_logits=True,
            label_smoothing=self.recipe.optimizer.label_smoothing,
        )

    def metrics(self):
        return [keras.metrics.CategoricalAccuracy(name="accuracy")]
