"""Wrapper: the base of layers that do something around another layer."""

from typing import Any

from kerasish.core import registry
from kerasish.layers.layer import Layer


class Wrapper(Layer):
    """A layer that holds another one in `layer`; subclasses write `call`.

    Args:
        layer: the layer to wrap.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: if `layer` is no layer.
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(f"{type(self).__name__}: `layer` must be a Layer, received layer={layer!r}.")
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    def get_config(self) -> dict:
        return super().get_config() | {"layer": registry.serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "Wrapper":
        config = dict(config)
        config["layer"] = registry.deserialize_keras_object(config["layer"], custom_objects)
        return super().from_config(config)
