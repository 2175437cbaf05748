"""Configurations of single layers: `serialize` and `deserialize`."""

from typing import Any

from kerasish.core import registry
from kerasish.layers.layer import Layer


def serialize(layer: Layer) -> dict:
    """Return the configuration of a layer: a dict of plain data, without weights."""
    return registry.serialize_keras_object(layer)


def deserialize(config: dict, custom_objects: dict[str, Any] | None = None) -> Layer:
    """Make a layer from what `serialize`, Keras's too, returned.

    Args:
        config: the configuration.
        custom_objects: classes and functions by name that the configuration may use.

    Raises:
        ValueError: if it is not the configuration of a layer.

    Example:
        >>> deserialize(serialize(Dense(3))).units
        3
    """
    layer = registry.deserialize_keras_object(config, custom_objects)
    if not isinstance(layer, Layer):
        raise ValueError(f"deserialize: expected the configuration of a layer, received {config!r}.")
    return layer
