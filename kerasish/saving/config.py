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

# Unknown names that an error lists.
_NAMES_SHOWN = 20


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


def restore_lost_marks(config: Any) -> None:
    """Mark the first occurrence of each shared layer as the same object as the others.

    Keras numbers what occurs several times, but loses the number of the first occurrence where that is inside a model
    inside the model, so that it cannot load such files itself. The occurrences have one name and one configuration.

    Args:
        config: plain data, which is changed.
    """
    marked: dict[int, int] = {}
    unmarked: dict[Any, list[dict]] = {}
    later: list[tuple[dict, list[dict]]] = []
    stack = [config]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            inner = item.get("config")
            key = (
                (item.get("class_name"), inner.get("name")) if isinstance(inner, dict) and "trainable" in inner else ()
            )
            if key and all(isinstance(name, str) for name in key):
                mark = item.get("shared_object_id")
                if isinstance(mark, int):
                    marked[mark] = marked.get(mark, 0) + 1
                    later.append((item, unmarked.get(key, [])))
                else:
                    unmarked.setdefault(key, []).append(item)
            stack.extend(reversed(item.values()))
        elif isinstance(item, (list, tuple)):
            stack.extend(reversed(item))
    for item, earlier in later:
        if marked[item["shared_object_id"]] == 1 and earlier and _is_same(item["config"], earlier[0]["config"]):
            earlier[0]["shared_object_id"] = item["shared_object_id"]


def _is_same(first: Any, second: Any) -> bool:
    """Return whether two configurations are equal but for the numbers of shared objects."""
    if isinstance(first, dict) and isinstance(second, dict):
        keys = [key for key in first if key != "shared_object_id"]
        return len(keys) == len([key for key in second if key != "shared_object_id"]) and all(
            key in second and _is_same(first[key], second[key]) for key in keys
        )
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_is_same, first, second))
    return bool(first == second)


def model_from_config(config: Any, label: str, custom_objects: dict[str, Any] | None) -> Any:
    """Make the model that a configuration describes, not compiled, with new weights.

    Args:
        config: plain data.
        label: what error messages call it.
        custom_objects: names of classes and functions that are not registered.

    Raises:
        InvalidConfigError: whatever is wrong with it.
    """
    if not isinstance(config, dict):
        raise InvalidConfigError(f"{label} must hold a JSON object, received {type(config).__name__}.")
    config = {**config, "compile_config": None}
    restore_lost_marks(config)
    try:
        with configuration_errors(label), registry.shared_objects():
            model = registry.deserialize_keras_object(config, custom_objects)
    except InvalidConfigError as error:
        unknown = registry.unknown_names(config, custom_objects)
        if len(unknown) < 2:
            raise
        names = ", ".join(f"{name!r}: ..." for name in unknown[:_NAMES_SHOWN])
        raise InvalidConfigError(
            f"{label} does not describe a model: it names {len(unknown)} unknown objects. If they are your own, "
            f"register them before loading, or pass `custom_objects={{{names}}}`."
        ) from error
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
        model = model_from_config(config, label, custom_objects)
    yield model
    with configuration_errors(label):
        make_deferred(deferred)


def allowance(weights_bytes: int) -> int:
    """Return how many bytes the variables may take that a file with so many bytes of weights describes."""
    return limits.VARIABLES_EXPANSION * weights_bytes + limits.VARIABLES_BYTES
