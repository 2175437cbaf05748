"""Weights of models in files: Keras's `.weights.h5` layout, written in one go and loaded all or nothing."""

import os
import pathlib
from collections.abc import Iterable
from typing import Any

from kerasish.saving.durable import replacing
from kerasish.saving.hdf5 import VariablesReader, VariablesWriter
from kerasish.saving.loading import load_variables
from kerasish.saving.saveables import walk


def save_weights(
    model: Any, filepath: str | os.PathLike, overwrite: bool = True, *, objects_to_skip: Iterable[Any] | None = None
) -> None:
    """Write the weights of a model, and the state of its optimizer if it has any, to a `.weights.h5` file.

    Keras 3 loads the file, and `load_weights` here loads Keras's. The file is replaced in one go: whatever interrupts
    saving, there is either the old file or the complete new one.

    Args:
        model: a built model or layer.
        filepath: path that ends in `.weights.h5`, in a directory that exists.
        overwrite: whether an existing file may be replaced. Unlike Keras, which asks on the terminal, False refuses.
        objects_to_skip: layers and other objects to leave out, with what only they hold.

    Raises:
        ValueError: if the model is not built or the path has another ending.
        FileExistsError: if the file exists and `overwrite` is False.
        OSError: if the file cannot be written.

    Example:
        >>> model.save_weights("model.weights.h5")
        >>> model.load_weights("model.weights.h5")
    """
    path = _checked_path(filepath, "save_weights")
    _check_built(model, "save_weights")
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"save_weights: {str(path)!r} exists. Pass `overwrite=True` to replace it, or another path."
        )
    with replacing(path) as file, VariablesWriter(file) as writer:
        write_variables(model, writer, objects_to_skip)


def write_variables(root: Any, writer: VariablesWriter, objects_to_skip: Iterable[Any] | None = None) -> None:
    """Write the state of `root` and of all objects it holds.

    Args:
        root: a model, layer or optimizer.
        writer: what to write to.
        objects_to_skip: objects to leave out, with what only they hold.
    """
    for path, item in walk(root, objects_to_skip):
        values: dict[str, Any] = {}
        item.save_own_variables(values)
        writer.write(path, getattr(item, "name", None), values)


def load_weights(
    model: Any,
    filepath: str | os.PathLike,
    skip_mismatch: bool = False,
    *,
    objects_to_skip: Iterable[Any] | None = None,
) -> None:
    """Assign the weights of a model, and the state of its optimizer, from a `.weights.h5` file.

    What the file declares is compared with every variable before any data is read. If anything does not fit, or the
    file is damaged, the model is left as it was. The state of an optimizer that the model does not have, or has not
    built yet, is left out.

    Args:
        model: a built model or layer, made like the one that was saved.
        filepath: path of a file that `save_weights`, here or in Keras 3, has written.
        skip_mismatch: load the objects that fit and warn about the others.
        objects_to_skip: layers and other objects to leave as they are, with what only they hold.

    Raises:
        ValueError: if the model is not built, the path has another ending, the file is damaged or holds anything but
            arrays of numbers, or something does not fit: then with a table of missing, unexpected and reshaped paths.
        FileNotFoundError: if there is no such file.
    """
    path = _checked_path(filepath, "load_weights")
    _check_built(model, "load_weights")
    if not path.exists():
        raise FileNotFoundError(f"load_weights: there is no file {str(path)!r}.")
    label = f"load_weights: {str(path)!r}"
    with VariablesReader(path, label) as reader:
        load_variables(model, reader, label, skip_mismatch, objects_to_skip)


def _checked_path(filepath: Any, who: str) -> pathlib.Path:
    if not isinstance(filepath, (str, os.PathLike)):
        raise TypeError(f"{who}: `filepath` must be a string or a path, received {filepath!r}.")
    if not os.fspath(filepath).endswith(".weights.h5"):
        raise ValueError(f"{who}: `filepath` must end in '.weights.h5', received {str(filepath)!r}.")
    return pathlib.Path(filepath)


def _check_built(model: Any, who: str) -> None:
    if not hasattr(model, "built"):
        raise TypeError(f"{who}: expected a model or a layer, received {model!r}.")
    if not model.built:
        raise ValueError(
            f"{who}: model {model.name!r} is not built, so it has no weights yet. Call it on data or `build` it with a "
            "shape first."
        )
