"""AdamW as published, and with learning rates of their own for variables."""

from __future__ import annotations

import collections

import keras

from keras_mobilevit.layers.convolution import PACKAGE
from keras_mobilevit.training import recipe
from keras_mobilevit.training.parts import rate_multipliers

# On torch, Keras answers a call of AdamW with a class that updates all
# variables at once. Of a class derived from AdamW itself it would update one
# after the other, which took six times as long.
_AdamW = type(keras.optimizers.AdamW.__new__(keras.optimizers.AdamW))


def make_optimizer(
    config: recipe.Optimizer,
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
    model: keras.Model,
) -> TrainingAdamW:
    """Returns the optimizer of a recipe for a model.

    Frozen layers have to be frozen before. Under `mixed_float16` Keras'
    `compile` wraps the optimizer to scale the loss. With `tf.distribute`, Keras
    clips the gradients of each replica before it adds them up.

    Args:
        config: What to decay, clip and average.
        learning_rate: Rate of the classifier, or of all variables.
        model: Model to train; one of this package if `config.layer_decay` or
            `config.head_rate` is not 1.

    Raises:
        ValueError: If the model has no parts to tell apart, or a value is
            out of its range.
    """
    optimizer = TrainingAdamW(
        learning_rate,
        weight_decay=config.weight_decay,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        global_clipnorm=config.clip_norm or None,
        use_ema=config.ema_momentum > 0,
        ema_momentum=config.ema_momentum,
        rate_multipliers=rate_multipliers(
            model, config.layer_decay, config.head_rate
        ),
    )
    if not config.decay_vectors:
        optimizer.exclude_from_weight_decay(
            [v for v in model.trainable_variables if len(v.shape) < 2]
        )
    return optimizer


@keras.saving.register_keras_serializable(package=PACKAGE)
class TrainingAdamW(_AdamW):
    """AdamW with a learning rate a variable, which leaves raw weights raw.

    `keras.optimizers.MultiOptimizer`, of newer versions of Keras, would clip
    the gradients of each rate by a norm of their own.

    Args:
        *args: Those of `keras.optimizers.AdamW`.
        rate_multipliers: Path of a variable -> factor on the learning rate
            of its step and of its decay; 1 where none is given.
        **kwargs: Those of `keras.optimizers.AdamW`.
    """

    def __init__(
        self,
        *args,
        rate_multipliers: dict[str, float] | None = None,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.rate_multipliers = dict(rate_multipliers or {})
        self._common_decay = self.weight_decay

    def finalize_variable_values(self, var_list):
        """Does nothing.

        Keras calls it at the end of each `fit`, to leave the averages in the
        model for good. Training goes on with the raw weights instead; see
        `keras_mobilevit.training.ema`.
        """

    def write_ema(self, variables: list[keras.Variable]) -> None:
        """Overwrites a model's trainable variables with their averages."""
        super().finalize_variable_values(variables)

    def get_config(self):
        return {
            **super().get_config(),
            "rate_multipliers": dict(self.rate_multipliers),
        }

    # === One call of Keras' own step for all variables of a factor ===

    def _apply_weight_decay(self, variables):
        for factor, group in self._by_factor(variables):
            # Of all that Keras multiplies here, only this can be scaled. The
            # replicas of `tf.distribute` take turns, so that the attribute
            # itself does not tell the unscaled one.
            self.weight_decay = self._common_decay * factor
            super()._apply_weight_decay(group)
        self.weight_decay = self._common_decay

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        for factor, group, group_grads in self._by_factor(
            trainable_variables, grads
        ):
            super()._backend_update_step(
                group_grads, group, learning_rate * factor
            )

    def _by_factor(self, variables, *others):
        """Yields each factor and, for its variables, parts of the lists."""
        groups = collections.defaultdict(list)
        for row in zip(variables, *others, strict=True):
            factor = self.rate_multipliers.get(row[0].path, 1.0)
            groups[factor].append(row)
        for factor, rows in groups.items():
            yield factor, *map(list, zip(*rows, strict=True))
