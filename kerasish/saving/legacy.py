"""Keras's older HDF5 files: whole models, weights alone, and what Keras 2 and the official applications wrote."""

import json
import os
import warnings
from typing import Any, NamedTuple

import numpy as np

from kerasish.core import registry
from kerasish.core.variable import Scope, Variable, allocation_limit
from kerasish.layers import Layer
from kerasish.models import Model
from kerasish.saving.config import (
    InvalidConfigError,
    allowance,
    configuration_errors,
    model_for_weights,
    parse_config,
)
from kerasish.saving.durable import replacing
from kerasish.saving.hdf5 import RefusedFileError, VariablesReader, VariablesWriter
from kerasish.saving.legacy_config import compile_arguments, modern_config, older_training_config

_WEIGHTS = "model_weights"
_OPTIMIZER = "optimizer_weights"
_TOP = "top_level_model_weights"
# HDF5 holds lists of names up to this size in one attribute; longer ones are split.
_ATTRIBUTE_LIMIT = 64_512


def save_model(model: Any, filepath: str, include_optimizer: bool = True) -> None:
    """Write a whole model to an HDF5 file that Keras loads.

    Args:
        model: the model.
        filepath: the file.
        include_optimizer: whether the state of its optimizer goes along.
    """
    config = registry.serialize_with_shared_objects(model)
    model_config = {"class_name": config["class_name"], "config": config["config"]}
    attributes: dict[str, str] = {"backend": "jax", "keras_version": "3.15.1", "model_config": json.dumps(model_config)}
    has_optimizer = include_optimizer and getattr(model, "optimizer", None) is not None
    if has_optimizer:
        training = older_training_config(config.get("compile_config") or {})
        attributes["training_config"] = json.dumps(training)
    with replacing(filepath) as file, VariablesWriter(file) as writer:
        writer.write_attributes("", attributes)
        _write_layers(model, writer, _WEIGHTS)
        if has_optimizer:
            _write_named(writer, _OPTIMIZER, [(variable.path, variable) for variable in model.optimizer.variables])


def save_weights(model: Any, filepath: str | os.PathLike) -> None:
    """Write the weights alone in the older layout, as the weights of Keras's applications are.

    Args:
        model: a built model.
        filepath: the file.
    """
    with replacing(filepath) as file, VariablesWriter(file) as writer:
        _write_layers(model, writer, "")


def _write_layers(model: Any, writer: VariablesWriter, group: str) -> None:
    names = [layer.name for layer in model.layers]
    writer.write_attributes(group, _split("layer_names", names) | {"backend": "jax", "keras_version": "3.15.1"})
    prefix = f"{group}/" if group else ""
    for layer in sorted(model.layers, key=lambda layer: layer.name):
        _write_named(writer, f"{prefix}{layer.name}", _unique_names(_ordered(layer)))
    _write_named(writer, f"{prefix}{_TOP}", _unique_names(_own_weights(model)))


def _write_named(writer: VariablesWriter, group: str, variables: list[tuple[str, Variable]]) -> None:
    writer.write_attributes(group, _split("weight_names", [name for name, _ in variables]))
    for name, variable in variables:
        writer.write_dataset(f"{group}/{name}", variable)


def _unique_names(variables: list[Variable]) -> list[tuple[str, Variable]]:
    """Return variables with their paths, which a number makes unique."""
    used: dict[str, int] = {}
    named = []
    for variable in variables:
        count = used[variable.path] = used.get(variable.path, -1) + 1
        named.append((f"{variable.path}_{count}" if count else variable.path, variable))
    return named


def _split(name: str, texts: list[str]) -> dict[str, Any]:
    """Return attributes for a list of names: one, or several numbered ones if it is long."""
    parts: list[list[str]] = [[]]
    size = 0
    # Each is stored as long as the longest.
    width = max((len(text.encode()) for text in texts), default=0)
    for text in texts:
        if size + width > _ATTRIBUTE_LIMIT:
            parts.append([])
            size = 0
        parts[-1].append(text)
        size += width
    arrays = [np.array([text.encode() for text in part], f"S{max(width, 1)}") for part in parts]
    return {name: arrays[0]} if len(arrays) == 1 else {f"{name}{index}": array for index, array in enumerate(arrays)}


def _ordered(layer: Any) -> list[Variable]:
    """Return the weights of a layer in the order of these files: those that are trained first."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _own_weights(model: Any) -> list[Variable]:
    """Return the weights that a model has apart from those of its layers."""
    inside = {id(weight) for layer in model.layers for weight in layer.weights}
    return [weight for weight in _ordered(model) if id(weight) not in inside]


def load_model(filepath: str, label: str, custom_objects: dict[str, Any] | None, compile: bool) -> Any:
    """Make a model from an HDF5 file with a whole model, written by Keras 2, Keras 3 or `save_model`.

    Args:
        filepath: the file.
        label: what error messages call it.
        custom_objects: classes and functions by name, where they are not registered.
        compile: whether the model is compiled as it was when saved.

    Raises:
        RefusedFileError: if the file is damaged, or does not describe a model.
    """
    with VariablesReader(filepath, label) as reader:
        attributes = reader.attributes()
        text = attributes.get("model_config")
        if not isinstance(text, str):
            raise RefusedFileError(
                f"{label} holds no configuration of a model, only weights: make the model and call `load_weights`."
            )
        config_label = f"{label}: model_config"
        size = sum(int(np.prod(header.shape)) * header.dtype.itemsize for header in reader.headers.values())
        size = min(size, os.path.getsize(filepath))
        with registry.custom_object_scope(custom_objects):
            with configuration_errors(config_label):
                config = modern_config(parse_config(text, config_label))
            with model_for_weights(config, config_label, custom_objects, size) as model:
                if not isinstance(model, Model):
                    raise InvalidConfigError(f"{config_label} describes a {type(model).__name__}, which is no model.")
                if any(path.startswith(f"{_WEIGHTS}/") for path in reader.headers) or model.weights:
                    _load_layers(model, reader, _WEIGHTS, label)
            if compile:
                _compile(model, reader, attributes.get("training_config"), label, size)
    return model


def _compile(model: Any, reader: VariablesReader, text: Any, label: str, size: int) -> None:
    """Compile a model as it was when saved; a file without that leaves it as it is."""
    if not isinstance(text, str):
        return
    label = f"{label}: training_config"
    training = parse_config(text, label)
    with configuration_errors(label), allocation_limit(allowance(size)):
        model.compile(**compile_arguments(training))
        if model.optimizer is not None and model.built:
            model.optimizer.ensure_built(model.trainable_variables)
    group = _Group(reader, _OPTIMIZER)
    optimizer = model.optimizer
    if optimizer is None or not group.names:
        return
    variables = optimizer.variables
    shapes = [reader.headers[path].shape for path in group.paths]
    if shapes != [tuple(variable.shape) for variable in variables]:
        warnings.warn(
            f"{label}: the state of optimizer {optimizer.name!r} in the file does not fit ({len(shapes)} variables, "
            f"expected {len(variables)}); the optimizer starts anew.",
            stacklevel=4,
        )
        return
    for variable, path in zip(variables, group.paths, strict=True):
        variable.assign(reader.read(path))


class _Group:
    """The weights of one layer in a file.

    Attributes:
        names: their names, in order.
        paths: where in the file they are.
    """

    def __init__(self, reader: VariablesReader, path: str) -> None:
        attributes = reader.attributes(path) if path in reader.groups else {}
        self.names = _joined("weight_names", attributes)
        self.paths = [f"{path}/{name}" for name in self.names]
        for name in self.paths:
            if name not in reader.headers:
                raise RefusedFileError(f"{reader.label}: {name!r} is listed but missing.")


def _joined(name: str, attributes: dict[str, Any]) -> list[str]:
    """Return a list of names that may be split over several attributes."""
    if name in attributes:
        value = attributes[name]
        return value if isinstance(value, list) else [value]
    found: list[str] = []
    index = 0
    while isinstance(part := attributes.get(f"{name}{index}"), list):
        found += part
        index += 1
    return found


class _Assignment(NamedTuple):
    """A weight and the dataset it takes its values from."""

    variable: Variable
    path: str


def load_weights(
    model: Any, filepath: str | os.PathLike, label: str, by_name: bool = False, skip_mismatch: bool = False
) -> None:
    """Assign weights from an HDF5 file of the older layout, or leave everything as it is.

    Args:
        model: a built model.
        filepath: the file, with weights alone or a whole model.
        label: what error messages call it.
        by_name: go by the names of layers, leaving out those that only the file or only the model has, rather than by
            the order of layers that have weights.
        skip_mismatch: leave out layers whose weights do not fit, with a warning.

    Raises:
        ValueError: with a table of what does not fit.
    """
    with VariablesReader(filepath, label) as reader:
        attributes = reader.attributes()
        inside = _WEIGHTS in reader.groups and not _joined("layer_names", attributes)
        _load_layers(model, reader, _WEIGHTS if inside else "", label, by_name, skip_mismatch)


def _load_layers(
    model: Any,
    reader: VariablesReader,
    group: str,
    label: str,
    by_name: bool = False,
    skip_mismatch: bool = False,
) -> None:
    names = _joined("layer_names", reader.attributes(group))
    if not names:
        raise RefusedFileError(f"{label} has no list of layers, so it is no file of weights in Keras's older layout.")
    prefix = f"{group}/" if group else ""
    stored = {name: _Group(reader, f"{prefix}{name}") for name in names}
    pairs = _by_name(model, stored) if by_name else _by_order(model, stored, label)
    top = _Group(reader, f"{prefix}{_TOP}")
    if top.names:
        pairs.append((model.name, _own_weights(model), top))
    assignments: list[_Assignment] = []
    finished: list[Layer] = []
    problems: list[str] = []
    for name, weights, saved in pairs:
        own_problems = _compare(name, weights, saved, reader)
        problems += own_problems
        if not own_problems:
            assignments += [_Assignment(*pair) for pair in zip(weights, saved.paths, strict=True)]
            finished += [layer for layer in model.layers if layer.name == name and hasattr(layer, "finalize_state")]
    if problems:
        text = "\n".join([f"{label} does not fit model {model.name!r}.", *(f"  {line}" for line in problems[:40])])
        if not skip_mismatch:
            raise ValueError(f"{text}\nNothing was loaded. Pass `skip_mismatch=True` to load what fits.")
        warnings.warn(f"{text}\nWhat fits was loaded.", stacklevel=4)
    # Assigned values stay in the scope until all of them are there.
    with Scope() as scope:
        for variable, path in assignments:
            variable.assign(reader.read(path))
    for variable, value in scope.updates:
        variable.assign(value)
    for layer in finished:
        layer.finalize_state()


def _by_name(model: Any, stored: dict[str, _Group]) -> list[tuple[str, list[Variable], _Group]]:
    return [(layer.name, _ordered(layer), stored[layer.name]) for layer in model.layers if layer.name in stored]


def _by_order(model: Any, stored: dict[str, _Group], label: str) -> list[tuple[str, list[Variable], _Group]]:
    groups = [group for group in stored.values() if group.names]
    names = [name for name, group in stored.items() if group.names]
    layers = [layer for layer in model.layers if layer.weights]
    if len(groups) != len(layers):
        raise ValueError(
            f"{label} holds weights of {len(groups)} layers, but model {model.name!r} has {len(layers)} layers with "
            f"weights. In the file: {names[:20]}; in the model: {[layer.name for layer in layers[:20]]}. Nothing was "
            "loaded. Pass `by_name=True` to load the layers whose names are the same."
        )
    return [(layer.name, _ordered(layer), group) for layer, group in zip(layers, groups, strict=True)]


def _compare(name: str, weights: list[Variable], saved: _Group, reader: VariablesReader) -> list[str]:
    """Return a line for each weight of a layer that does not fit what the file declares."""
    if len(weights) != len(saved.names):
        return [f"{name}: the file has {len(saved.names)} weights, the layer {len(weights)}"]
    lines = []
    for weight, path in zip(weights, saved.paths, strict=True):
        header = reader.headers[path]
        if header.shape != tuple(weight.shape):
            lines.append(f"{name}: {path!r} has shape {header.shape}, {weight.path!r} has {tuple(weight.shape)}")
    return lines
