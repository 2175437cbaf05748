"""Configurations of models in files: JSON within limits, turned into models by looking names up in tables."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kerasish.core import registry
from kerasish.core.variable import allocation_limit, make_deferred
from kerasish.layers import Layer
from kerasish.saving import limits
from kerasish.saving.hdf5 import RefusedFileError


class InvalidConfigError(RefusedFileError):
    """The configuration in a file does not describe a model that can be made here."""


def parse_config(text: str | bytes, label: str) -> Any:
    """Return what JSON text holds, after looking at its size and depth.

    Args:
        text: the JSON.
        label: what error messages call it.

    Raises:
        InvalidConfigError: if it is no JSON, or too long or deep.
    """
    if len(text) > limits.CONFIG_BYTES:
        raise InvalidConfigError(f"{label} has {len(text)} bytes, more than {limits.CONFIG_BYTES}.")
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidConfigError(f"{label} is no JSON, or too deep: {error}") from error
    check_config(config, label)
    return config


def check_config(config: Any, label: str) -> None:
    """Refuse configurations that are too deep or too large, or that say that a file be opened.

    Args:
        config: plain data.
        label: what error messages call it.

    Raises:
        InvalidConfigError: naming what is wrong.
    """
    level: list[Any] = [config]
    depth = values = 0
    while level:
        depth += 1
        values += len(level)
        if depth > limits.CONFIG_DEPTH or values > limits.CONFIG_VALUES:
            raise InvalidConfigError(
                f"{label} is deeper than {limits.CONFIG_DEPTH} levels or has more than {limits.CONFIG_VALUES} values."
            )
        following: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                following.extend(item.values())
            elif isinstance(item, (list, tuple)):
                following.extend(item)
        level = following


@contextmanager
def configuration_errors(label: str) -> Iterator[None]:
    """Turn whatever a wrong configuration leads to into one kind of error that says which file it is in."""
    try:
        yield
    except RefusedFileError:
        raise
    except RecursionError as error:
        raise InvalidConfigError(f"{label} does not describe a model: it is nested too deeply.") from error
    except Exception as error:
        raise InvalidConfigError(f"{label} does not describe a model: {type(error).__name__}: {error}") from error


def model_from_config(config: Any, label: str, custom_objects: dict[str, Any] | None, compile: bool) -> Any:
    """Make the model that a configuration describes, with new weights.

    Args:
        config: plain data.
        label: what error messages call it.
        custom_objects: names of classes and functions that are not registered.
        compile: whether the model is compiled as it was when saved.

    Raises:
        InvalidConfigError: whatever is wrong with it.
    """
    if not isinstance(config, dict):
        raise InvalidConfigError(f"{label} must hold a JSON object, received {type(config).__name__}.")
    if not compile:
        config = {**config, "compile_config": None}
    with configuration_errors(label), registry.shared_objects():
        model = registry.deserialize_keras_object(config, custom_objects)
    if not isinstance(model, Layer):
        raise InvalidConfigError(f"{label} describes a {type(model).__name__}, which is no model.")
    return model


@contextmanager
def model_for_weights(
    config: Any, label: str, custom_objects: dict[str, Any] | None, weights_bytes: int
) -> Iterator[Any]:
    """Make the model that a configuration describes, for weights that are loaded inside the block.

    Its variables may not be much larger than the weights. Initial values are made at the end of the block, and only
    for variables that were not loaded: making them can take far longer than everything else.

    Args:
        config: plain data.
        label: what error messages call it.
        custom_objects: names of classes and functions that are not registered.
        weights_bytes: the size of its weights in the file.

    Yields:
        The model, not compiled.

    Raises:
        InvalidConfigError: whatever is wrong with the configuration.
    """
    with allocation_limit(allowance(weights_bytes), defer=True) as deferred:
        model = model_from_config(config, label, custom_objects, compile=False)
    yield model
    with configuration_errors(label):
        make_deferred(deferred)


def allowance(weights_bytes: int) -> int:
    """Return how many bytes the variables may take that a file with so many bytes of weights describes."""
    return limits.VARIABLES_EXPANSION * weights_bytes + limits.VARIABLES_BYTES
