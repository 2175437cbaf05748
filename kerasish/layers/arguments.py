"""Constructor arguments that many layers share: initializers, regularizers, constraints, activations and sizes."""

import contextlib
import inspect
import operator
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from kerasish import activations, constraints, initializers, regularizers
from kerasish.core import registry
from kerasish.core.config import standardize_data_format
from kerasish.core.random import SeedGenerator

_GETTERS = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}


def _module(name: str) -> Any:
    return _GETTERS.get(name.rpartition("_")[2], activations)


def for_rank(constructor: Callable, rank: int, names: Iterable[str]) -> Callable:
    """Return a constructor like the given one, with default sizes written out for each axis: `(1, 1)` for 1.

    Args:
        constructor: an `__init__` for any number of axes.
        rank: number of axes.
        names: the parameters that are sizes; those without default, or not there, stay as they are.
    """
    parameters = inspect.signature(constructor).parameters.values()
    named = [p for p in parameters if p.default is not p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    spread = tuple(
        (p.default,) * rank if rank > 1 and p.name in names and isinstance(p.default, int) else p.default for p in named
    )
    result = types.FunctionType(
        constructor.__code__, constructor.__globals__, constructor.__name__, spread, constructor.__closure__
    )
    result.__kwdefaults__ = constructor.__kwdefaults__
    result.__annotations__ = dict(constructor.__annotations__)
    result.__qualname__ = constructor.__qualname__
    return result


def keep(layer: Any, **identifiers: Any) -> None:
    """Set attributes of a layer from identifiers such as `kernel_initializer="zeros"` or `activation="relu"`.

    The last part of a name says what kind of object is meant; any other name is an activation.

    Raises:
        ValueError: naming the layer class and the argument, if there is no such object.
    """
    for name, identifier in identifiers.items():
        with naming(layer, name):
            setattr(layer, name, _module(name).get(identifier))


@contextlib.contextmanager
def naming(layer: Any, name: str) -> Iterator[None]:
    """Add to a ValueError or TypeError which argument of which layer class it is about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        error.add_note(f"In argument `{name}` of {type(layer).__name__}.")
        raise


def seed_generator(layer: Any, seed: Any) -> SeedGenerator:
    """Return a random generator for the argument `seed`.

    Raises:
        ValueError: if it is no seed; a note names the layer class.
    """
    with naming(layer, "seed"):
        return SeedGenerator(seed)


def kept(layer: Any, *names: str) -> dict[str, Any]:
    """Return the configs of attributes set by `keep`, by name; other attributes are serialized as they are."""
    config = {}
    for name in names:
        value = getattr(layer, name)
        is_activation = name.endswith("activation") and callable(value)
        config[name] = activations.serialize(value) if is_activation else registry.serialize_keras_object(value)
    return config


def positive_integer(layer: Any, name: str, value: Any) -> int:
    """Return `value` as an int.

    Raises:
        ValueError: naming the layer class and the argument, if it is no positive integer.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value <= 0:
        raise ValueError(
            f"{type(layer).__name__}: `{name}` must be a positive integer, received {name}={value!r} "
            f"(type {type(value).__name__})."
        )
    return int(value)


def no_quantization(layer: Any, quantization_config: Any) -> None:
    """Refuse a quantization config, which layers take only so that configs written by Keras can be read.

    Raises:
        ValueError: if it is not None.
    """
    if quantization_config is not None:
        raise ValueError(
            f"{type(layer).__name__}: `quantization_config` must be None, received {quantization_config!r}; "
            "quantized layers are not available."
        )


def weight_options(layer: Any, name: str) -> dict[str, Any]:
    """Return the arguments of `add_weight` that `keep` stored for the weight `name`."""
    return {kind: getattr(layer, f"{name}_{kind}") for kind in ("initializer", "regularizer", "constraint")}


def complaint(layer: Any, name: str, value: Any, expected: str) -> ValueError:
    """Return the error for a bad constructor argument of a layer."""
    return ValueError(f"{type(layer).__name__}: `{name}` must be {expected}, received {name}={value!r}.")


def integers(layer: Any, name: str, value: Any, count: int, minimum: int = 1) -> tuple[int, ...]:
    """Return `count` integers of at least `minimum`; one integer stands for all of them.

    Raises:
        ValueError: naming the layer class and the argument, if `value` is neither.
    """
    expected = f"an integer or {count} integers, each at least {minimum}"
    try:
        numbers = tuple(operator.index(item) for item in ((value,) * count if np.ndim(value) == 0 else value))
    except (TypeError, ValueError):
        raise complaint(layer, name, value, expected) from None
    if len(numbers) != count or min(numbers) < minimum:
        raise complaint(layer, name, value, expected)
    return numbers


def choice(layer: Any, name: str, value: Any, allowed: Iterable[str]) -> str:
    """Return a string in lower case.

    Raises:
        ValueError: naming the layer class and the argument, if it is not one of `allowed`.
    """
    allowed = tuple(allowed)
    if not isinstance(value, str) or value.lower() not in allowed:
        raise complaint(layer, name, value, f"one of {allowed}")
    return value.lower()


def data_format(layer: Any, value: Any) -> str:
    """Return `"channels_last"` or `"channels_first"`; None stands for the default.

    Raises:
        ValueError: naming the layer class, for anything else.
    """
    try:
        return standardize_data_format(value)
    except ValueError:
        raise complaint(layer, "data_format", value, "'channels_last', 'channels_first' or None") from None


def number(layer: Any, name: str, value: Any, minimum: float | None = None) -> Any:
    """Return a number.

    Raises:
        ValueError: naming the layer class and the argument, if it is none, or less than `minimum`.
    """
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not is_number or (minimum is not None and not value >= minimum):
        raise complaint(layer, name, value, "a number" if minimum is None else f"a number of at least {minimum:g}")
    return value


def axes(layer: Any, axis: Any) -> Any:
    """Return the argument `axis` as it was if it is an integer, as a list if it is several.

    Raises:
        TypeError: naming the layer class, for anything else.
    """
    if isinstance(axis, (list, tuple)) and axis and all(isinstance(item, (int, np.integer)) for item in axis):
        return list(axis)
    if not isinstance(axis, (int, np.integer)):
        name = type(layer).__name__
        raise TypeError(f"{name}: `axis` must be an integer or a list of integers, received axis={axis!r}.")
    return axis


def fraction(layer: Any, name: str, value: Any) -> Any:
    """Return a number from 0 to 1.

    Raises:
        ValueError: naming the layer class and the argument, for anything else.
    """
    if not isinstance(value, (int, float, np.number)) or not 0 <= value <= 1:
        raise complaint(layer, name, value, "a number between 0 and 1")
    return value
