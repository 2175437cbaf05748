"""Constructor arguments that many layers share: initializers, regularizers, constraints, activations and sizes."""

from typing import Any

import numpy as np

from kerasish import activations, constraints, initializers, regularizers
from kerasish.core import registry

_GETTERS = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}


def _module(name: str) -> Any:
    return _GETTERS.get(name.rpartition("_")[2], activations)


def keep(layer: Any, **identifiers: Any) -> None:
    """Set attributes of a layer from identifiers such as `kernel_initializer="zeros"` or `activation="relu"`.

    The last part of a name says what kind of object is meant; any other name is an activation.

    Raises:
        ValueError: naming the layer class and the argument, if there is no such object.
    """
    for name, identifier in identifiers.items():
        try:
            value = _module(name).get(identifier)
        except (TypeError, ValueError) as error:
            error.add_note(f"In argument `{name}` of {type(layer).__name__}.")
            raise
        setattr(layer, name, value)


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
