"""Whole models in files: `.keras` archives and directories, written in one go, read by content."""

import datetime
import io
import json
import os
import pathlib
import shutil
import warnings
from typing import Any

from kerasish.core import registry
from kerasish.core.variable import allocation_limit, make_deferred
from kerasish.saving import archive, legacy, limits
from kerasish.saving.archive import ASSETS, CONFIG, METADATA, WEIGHTS, Archive, DirectoryArchive
from kerasish.saving.assets import collect_assets, load_assets
from kerasish.saving.config import (
    allowance,
    configuration_errors,
    model_for_weights,
    model_from_config,
    parse_config,
)
from kerasish.saving.durable import replacing, replacing_directory
from kerasish.saving.hdf5 import RefusedFileError, VariablesReader, VariablesWriter
from kerasish.saving.loading import load_variables
from kerasish.saving.weights import write_variables

# The version of Keras whose layout the files have.
KERAS_VERSION = "3.15.1"


def save_model(model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
    """Write a model with its configuration, weights, vocabularies, and the state of its optimizer.

    Keras 3 loads the file. It is replaced in one go: whatever interrupts saving, there is either the old file or the
    complete new one. It holds checksums, so that damage does not go unnoticed.

    Args:
        model: the model.
        filepath: path that ends in `.keras`, or in `.h5` or `.hdf5` for Keras's older format; or a binary file.
        overwrite: whether an existing file may be replaced. Unlike Keras, which asks on the terminal, False refuses.
        zipped: False writes a directory instead of a file; its path must not end in `.keras`.
        **kwargs: `include_optimizer` for the older format; `save_format` is ignored.

    Raises:
        ValueError: if the path has another ending, or something in the model cannot be described in a file.
        FileExistsError: if the file exists and `overwrite` is False.
        OSError: if the file cannot be written.

    Example:
        >>> model.save("model.keras")
        >>> model = kerasish.models.load_model("model.keras")
    """
    include_optimizer = kwargs.pop("include_optimizer", True)
    kwargs.pop("save_format", None)
    if kwargs:
        raise ValueError(f"save_model: unknown arguments {sorted(kwargs)}.")
    if not getattr(model, "built", True):
        warnings.warn(
            f"save_model: {model.name!r} is not built yet and has no weights to save; call it on data first.",
            stacklevel=2,
        )
    if isinstance(filepath, io.IOBase):
        _write_archive(model, filepath)
        return
    if not isinstance(filepath, (str, os.PathLike)):
        raise TypeError(f"save_model: `filepath` must be a string, a path or a binary file, received {filepath!r}.")
    name = os.fspath(filepath)
    _refuse_remote(name, "save_model")
    if os.path.exists(name) and not overwrite:
        raise FileExistsError(f"save_model: {name!r} exists. Pass `overwrite=True` to replace it, or another path.")
    if name.endswith((".h5", ".hdf5")) and zipped is not False:
        legacy.save_model(model, name, include_optimizer)
    elif zipped is False:
        if name.endswith(".keras"):
            raise ValueError(f"save_model: with `zipped=False` the path must not end in '.keras', received {name!r}.")
        _write_directory(model, name)
    elif name.endswith(".keras"):
        with replacing(name) as file:
            _write_archive(model, file)
    else:
        raise ValueError(f"save_model: `filepath` must end in '.keras' (or '.h5'), received {name!r}.")


def serialize_model(model: Any) -> str:
    """Return the JSON that describes a model."""
    return json.dumps(registry.serialize_with_shared_objects(model))


def _metadata(checksums: dict[str, int]) -> bytes:
    saved = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    return json.dumps({"keras_version": KERAS_VERSION, "date_saved": saved, "members": checksums}).encode()


def _write_archive(model: Any, file: Any) -> None:
    config = serialize_model(model).encode()
    with archive.ArchiveWriter(file) as writer:
        writer.write(CONFIG, config)
        size = sum(variable.size * variable.value.dtype.itemsize for variable in getattr(model, "variables", ()))
        with archive.scratch(4 * size) as weights:
            with VariablesWriter(weights) as variables:
                write_variables(model, variables)
            writer.write(WEIGHTS, weights)
        with archive.temporary_directory() as directory:
            for path in collect_assets(model, directory):
                with open(path, "rb") as asset:
                    writer.write(ASSETS + path.relative_to(directory).as_posix(), asset)
        writer.write(METADATA, _metadata(writer.checksums))


def _write_directory(model: Any, name: str) -> None:
    with replacing_directory(name) as directory:
        (directory / CONFIG).write_text(serialize_model(model))
        with open(directory / WEIGHTS, "w+b") as file, VariablesWriter(file) as variables:
            write_variables(model, variables)
        with archive.temporary_directory() as assets:
            for path in collect_assets(model, assets):
                place = directory / "assets" / path.relative_to(assets)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)
        written = DirectoryArchive(directory, name)
        (directory / METADATA).write_bytes(_metadata({member: written.checksum(member) for member in written.sizes}))


def load_model(
    filepath: Any, custom_objects: dict[str, Any] | None = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """Make a model from a file that `save_model`, here or in Keras, has written.

    Nothing in a file is ever run, imported or opened: names are looked up among the built-in classes and functions and
    those that were registered. A Lambda layer must refer to a registered function; one that was saved as bytecode is
    refused, with `safe_mode=False` too.

    Args:
        filepath: path of a `.keras` file, an `.h5` file with a whole model, or a directory with the members of a
            `.keras` file; or a binary file.
        custom_objects: classes and functions by name, where they are not registered.
        compile: whether the model is compiled as it was when saved, with the state of its optimizer.
        safe_mode: kept for compatibility; loading is always safe.

    Returns:
        The model.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, holds something that models have no need of or that is past
            `kerasish.saving.limits`, or does not describe a model. Most of these are of the subclass
            `RefusedFileError`.
    """
    if isinstance(filepath, io.IOBase):
        return _read_archive(Archive(filepath, "load_model"), custom_objects, compile)
    if not isinstance(filepath, (str, os.PathLike)):
        raise TypeError(f"load_model: `filepath` must be a string, a path or a binary file, received {filepath!r}.")
    name = os.fspath(filepath)
    _refuse_remote(name, "load_model")
    label = f"load_model: {name!r}"
    kind = kind_of_file(name, "load_model")
    if kind == "directory":
        return _read_archive(DirectoryArchive(name, label), custom_objects, compile)
    if kind == "zip":
        return _read_archive(Archive(name, label), custom_objects, compile)
    if kind == "hdf5":
        return legacy.load_model(name, label, custom_objects, compile)
    raise RefusedFileError(f"{label} is neither a `.keras` archive nor an HDF5 file, or it is damaged.")


def kind_of_file(name: str, who: str) -> str:
    """Return `"zip"`, `"hdf5"`, `"directory"`, `"json"` or `"unknown"`, by what a file begins with.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    path = pathlib.Path(name)
    if path.is_dir():
        if (path / CONFIG).is_file():
            return "directory"
        raise RefusedFileError(f"{who}: the directory {name!r} has no {CONFIG!r}, so it is no saved model.")
    if not path.exists():
        raise FileNotFoundError(f"{who}: there is no file {name!r}.")
    with open(path, "rb") as file:
        head = file.read(8)
    if head.startswith(b"PK"):
        return "zip"
    if head.startswith(b"\x89HDF"):
        return "hdf5"
    return "json" if name.endswith(".json") else "unknown"


def _refuse_remote(name: str, who: str) -> None:
    if "://" in name:
        raise ValueError(f"{who}: {name!r} is not a local path. Copy the file, or fetch it with `utils.get_file`.")


def _read_archive(opened: Archive, custom_objects: dict[str, Any] | None, compile: bool) -> Any:
    with opened:
        opened.metadata()
        if WEIGHTS not in opened.sizes and CONFIG in opened.sizes:
            raise opened.refusal(WEIGHTS, "is missing")
        text = opened.read(CONFIG, limits.CONFIG_BYTES)
        label = f"{opened.label}: {CONFIG}"
        config = parse_config(text, label)
        weights_label = f"{opened.label}: {WEIGHTS}"
        # A zip archive's bytes were compared with their checksum already.
        is_directory = isinstance(opened, DirectoryArchive)
        size = opened.sizes[WEIGHTS]
        with opened.open(WEIGHTS) as file, VariablesReader(file, weights_label, verify=is_directory) as reader:
            with model_for_weights(config, label, custom_objects, size) as model:
                load_variables(model, reader, weights_label)
            compile_config = config.get("compile_config")
            if compile and compile_config:
                _compile(model, compile_config, label, custom_objects, size)
                # What is new is the optimizer's state, and that of metrics.
                load_variables(model, reader, weights_label, objects_to_skip=getattr(model, "layers", []))
        load_assets(model, opened)
    return model


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """Make a model from what `model.to_json()` returned, here or in Keras, with new weights.

    Args:
        json_string: the description.
        custom_objects: classes and functions by name, where they are not registered.

    Raises:
        ValueError: if it does not describe a model, or one that is past `kerasish.saving.limits`: its variables may
            take `limits.DESCRIBED_BYTES`, two gibibytes.
    """
    label = "model_from_json: `json_string`"
    if not isinstance(json_string, (str, bytes)):
        raise TypeError(f"{label} must be a string, received {type(json_string).__name__}.")
    config = parse_config(json_string, label)
    with allocation_limit(limits.DESCRIBED_BYTES, defer=True) as deferred:
        model = model_from_config(config, label, custom_objects)
    with configuration_errors(label):
        make_deferred(deferred)
    if compile_config := config.get("compile_config"):
        size = sum(variable.size * variable.value.dtype.itemsize for variable in model.variables)
        _compile(model, compile_config, label, custom_objects, size)
    return model


def _compile(
    model: Any, compile_config: Any, label: str, custom_objects: dict[str, Any] | None, weights_bytes: int
) -> None:
    """Compile a model as a configuration says; its optimizer may take some times the memory of its weights."""
    if not hasattr(model, "compile_from_config"):
        return
    with configuration_errors(label), allocation_limit(allowance(weights_bytes)):
        with registry.custom_object_scope(custom_objects):
            model.compile_from_config(compile_config)
