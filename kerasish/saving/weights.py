"""Weights of models in files: Keras's `.weights.h5` layout, written in one go and loaded all or nothing."""

import os
import pathlib
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from kerasish.saving import legacy
from kerasish.saving.archive import WEIGHTS, Archive
from kerasish.saving.durable import replacing
from kerasish.saving.hdf5 import VariablesReader, VariablesWriter
from kerasish.saving.loading import load_variables
from kerasish.saving.shards import ShardsReader, groups_of, save_shards


def save_weights(
    model: Any,
    filepath: str | os.PathLike,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    *,
    objects_to_skip: Iterable[Any] | None = None,
) -> None:
    """Write the weights of a model, and the state of its optimizer if it has any, to a `.weights.h5` file.

    Keras 3 loads the file, and `load_weights` here loads Keras's. The file is replaced in one go: whatever interrupts
    saving, there is either the old file or the complete new one.

    Args:
        model: a built model or layer.
        filepath: path that ends in `.weights.h5`, in a directory that exists; in `.weights.json` with `max_shard_size`.
        overwrite: whether an existing file may be replaced. Unlike Keras, which asks on the terminal, False refuses.
        max_shard_size: spread the weights over files of at most as many gibibytes, named in a JSON file.
        objects_to_skip: layers and other objects to leave out, with what only they hold.

    Raises:
        ValueError: if the model is not built or the path has another ending.
        FileExistsError: if the file exists and `overwrite` is False.
        OSError: if the file cannot be written.

    Example:
        >>> model.save_weights("model.weights.h5")
        >>> model.load_weights("model.weights.h5")
    """
    path = _checked_path(filepath, "save_weights", ".weights.h5" if max_shard_size is None else ".weights.json")
    _check_built(model, "save_weights")
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"save_weights: {str(path)!r} exists. Pass `overwrite=True` to replace it, or another path."
        )
    if max_shard_size is not None:
        save_shards(groups_of(model, objects_to_skip), path, max_shard_size)
        return
    with replacing(path) as file, VariablesWriter(file) as writer:
        write_variables(model, writer, objects_to_skip)


def write_variables(root: Any, writer: VariablesWriter, objects_to_skip: Iterable[Any] | None = None) -> None:
    """Write the state of `root` and of all objects it holds.

    Args:
        root: a model, layer or optimizer.
        writer: what to write to.
        objects_to_skip: objects to leave out, with what only they hold.
    """
    for group in groups_of(root, objects_to_skip):
        writer.write(*group)


def load_weights(
    model: Any,
    filepath: str | os.PathLike,
    skip_mismatch: bool = False,
    *,
    by_name: bool = False,
    objects_to_skip: Iterable[Any] | None = None,
) -> None:
    """Assign the weights of a model, and the state of its optimizer, from a file.

    What the file declares is compared with every variable before any data is read. If anything does not fit, or the
    file is damaged, the model is left as it was. The state of an optimizer that the model does not have, or has not
    built yet, is left out.

    Args:
        model: a built model or layer, made like the one that was saved.
        filepath: path of a file that `save_weights`, here or in Keras 3, has written (`.weights.h5`, `.weights.json`),
            of a whole model (`.keras`), or of the older layout (`.h5`, `.hdf5`) of Keras 2 and of the weights of
            Keras's applications.
        skip_mismatch: load the objects that fit and warn about the others.
        by_name: older layout only: go by the names of layers, not by their order, and leave out those that only the
            file or only the model has.
        objects_to_skip: layers and other objects to leave as they are, with what only they hold.

    Raises:
        ValueError: if the model is not built, the path has another ending, the file is damaged or holds anything but
            arrays of numbers, or something does not fit: then with a table of missing, unexpected and reshaped paths.
        FileNotFoundError: if there is no such file.
    """
    path = _checked_path(filepath, "load_weights", ".weights.h5", ".weights.json", ".keras", ".h5", ".hdf5")
    _check_built(model, "load_weights")
    if not path.exists():
        raise FileNotFoundError(f"load_weights: there is no file {str(path)!r}.")
    label = f"load_weights: {str(path)!r}"
    is_older = path.suffix in (".h5", ".hdf5") and not path.name.endswith(".weights.h5")
    if by_name and not is_older:
        raise ValueError(f"load_weights: `by_name` applies to files of the older layout only, not to {str(path)!r}.")
    if is_older:
        if objects_to_skip is not None:
            raise ValueError("load_weights: `objects_to_skip` does not apply to files of the older layout.")
        legacy.load_weights(model, path, label, by_name, skip_mismatch)
        return
    with ExitStack() as stack:
        if path.suffix == ".json":
            reader: Any = stack.enter_context(ShardsReader(path, label))
        elif path.suffix == ".keras":
            opened = stack.enter_context(Archive(path, label))
            opened.metadata()
            reader = stack.enter_context(VariablesReader(opened.open(WEIGHTS), label, verify=False))
        else:
            reader = stack.enter_context(VariablesReader(path, label))
        load_variables(model, reader, label, skip_mismatch, objects_to_skip)


def _checked_path(filepath: Any, who: str, *endings: str) -> pathlib.Path:
    if not isinstance(filepath, (str, os.PathLike)):
        raise TypeError(f"{who}: `filepath` must be a string or a path, received {filepath!r}.")
    if not os.fspath(filepath).endswith(endings):
        expected = " or ".join(map(repr, endings))
        raise ValueError(f"{who}: `filepath` must end in {expected}, received {str(filepath)!r}.")
    return pathlib.Path(filepath)


def _check_built(model: Any, who: str) -> None:
    if not hasattr(model, "built"):
        raise TypeError(f"{who}: expected a model or a layer, received {model!r}.")
    if not model.built:
        raise ValueError(
            f"{who}: model {model.name!r} is not built, so it has no weights yet. Call it on data or `build` it with a "
            "shape first."
        )
