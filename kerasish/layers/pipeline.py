"""Pipeline: preprocessing layers one after the other."""

from collections.abc import Sequence
from typing import Any

from kerasish.core import registry, tree
from kerasish.core.masks import get_mask
from kerasish.layers.layer import Layer


class Pipeline(Layer):
    """Applies layers one after the other; they are built when they are called.

    Args:
        layers: the layers.
        name: name of the pipeline.

    Raises:
        ValueError: if `layers` is no list of layers.

    Example:
        >>> Pipeline([AutoContrast(), Rescaling(1 / 255)])(np.zeros((1, 8, 8, 3)))
    """

    def __init__(self, layers: Sequence[Layer], name: str | None = None) -> None:
        super().__init__(name=name)
        if not isinstance(layers, (list, tuple)) or not all(isinstance(layer, Layer) for layer in layers):
            raise ValueError(f"Pipeline: `layers` must be a list of layers, received layers={layers!r}.")
        self._pipeline_layers = layers
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True

    @property
    def layers(self) -> Sequence[Layer]:
        """The layers, in order."""
        return self._pipeline_layers

    def call(self, inputs: Any, training: bool = True, mask: Any = None) -> Any:
        """Return what the last layer makes of what the one before it made."""
        for layer in self._pipeline_layers:
            kwargs = {}
            if layer._signature.has_mask:
                kwargs["mask"] = mask
            if layer._signature.has_training and training is not None:
                kwargs["training"] = training
            inputs = layer(inputs, **kwargs)
            mask = tree.map_structure(get_mask, inputs)
        return inputs

    def get_config(self) -> dict:
        """Return the arguments that make the same pipeline again."""
        return {"layers": registry.serialize_keras_object(self._pipeline_layers), "name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "Pipeline":
        """Make a pipeline from what `get_config` returned."""
        layers = config.get("layers")
        if not isinstance(layers, (list, tuple)):
            raise ValueError(f"Pipeline: the config must have a list of layers, received layers={layers!r}.")
        return cls(**{**config, "layers": [registry.deserialize_keras_object(layer) for layer in layers]})
