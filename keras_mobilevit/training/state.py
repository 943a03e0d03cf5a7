"""The state of a run in one file: written whole or not at all."""

from __future__ import annotations

import os
import pathlib
from typing import NamedTuple

import h5py
import keras

from keras_mobilevit.checkpoints.hdf5 import read_hdf5
from keras_mobilevit.training.hosts import undistributed

_POSITION = "keras_mobilevit_position"
_SEEDS = "keras_mobilevit_seeds"


class Position(NamedTuple):
    """Where a run stands.

    Attributes:
        epoch: Epochs that are done.
        step: Steps of the next epoch that are done.
    """

    epoch: int = 0
    step: int = 0


def save_state(
    model: keras.Model, position: Position, path: str | os.PathLike
) -> None:
    """Saves weights, optimizer, random states and position.

    Keras' `BackupAndRestore` writes in place, forgets the step inside an
    epoch and the random states of dropout; so a cut-off run would not go on
    to the same result.

    Args:
        model: Compiled model.
        position: Where the run stands.
        path: File to write, ending in `.weights.h5`.

    Raises:
        OSError: If it can not be written; what was there stays.
    """
    path = pathlib.Path(path)
    # Keras insists on the suffix.
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        with undistributed():
            model.save_weights(temporary)
        with h5py.File(temporary, "r+") as file:
            file.attrs[_POSITION] = position
            for index, seed in enumerate(_seeds(model)):
                value = keras.ops.convert_to_numpy(seed.value)
                file[f"{_SEEDS}/{index}"] = value
        temporary.replace(path)
    except OSError as error:
        raise OSError(
            f"The state of the run could not be saved: {error}. What was "
            f"saved in {path} before is still there."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def restore_state(model: keras.Model, path: str | os.PathLike) -> Position:
    """Restores what `save_state` saved.

    Args:
        model: Compiled model like the saved one.
        path: File of `save_state`; it need not exist.

    Returns:
        Where the run stands: at its start if there is no such file.

    Raises:
        ValueError: If the file is damaged or of another model.
    """
    if not os.path.exists(path):
        return Position()
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    try:
        # Before Keras opens it, because damage would end the process.
        content = read_hdf5(path)
        position = Position(*map(int, content.attributes[_POSITION]))
        model.load_weights(path)
        for index, seed in enumerate(_seeds(model)):
            seed.assign(content.datasets[f"{_SEEDS}/{index}"])
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is not the state of this run ({error}). Delete it to "
            "begin anew."
        ) from error
    return position


def _seeds(model):
    """Random states of dropout and the like, which no weights file holds."""
    weights = {id(variable) for variable in model.weights}
    # Resident pictures, which are bytes, are no weights either.
    return [
        variable
        for variable in model.variables
        if id(variable) not in weights and variable.dtype != "uint8"
    ]
