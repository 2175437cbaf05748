"""Sequential: a model that is one stack of layers."""

from typing import Any

import numpy as np

from kerasish.core import naming, registry, tree
from kerasish.core.masks import set_mask
from kerasish.core.symbolic import KerasTensor, node_of
from kerasish.core.variable import standardize_shape
from kerasish.layers import InputLayer, Layer
from kerasish.layers.host import HostLayer
from kerasish.models.functional import Graph
from kerasish.models.model import Model


class Sequential(Model):
    """A stack of layers, each with one input and one output.

    With an `Input` (or a first layer with `input_shape=`) the model is built as layers are added; without, on its first
    call or by `build(input_shape)`.

    Args:
        layers: list of layers, an `Input` first or none.
        trainable: whether training changes the weights.
        name: name of the model.

    Example:
        >>> model = Sequential([Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(1)])
    """

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None) -> None:
        super().__init__(trainable=trainable, name=name)
        self._stack: list[Layer] = []
        self._is_open = False  # built for one shape, but not by an Input: others are left to the layers to judge
        self._last: Any = None  # symbolic output of the top layer, once the input's shape is known
        for layer in layers or ():
            self._push(layer)
        self._refresh_graph()

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top of the stack.

        Args:
            layer: a layer, or what `Input()` returned as the first.
            rebuild: kept for compatibility.

        Raises:
            ValueError: if it is no layer, its name is taken, or it is an Input above another layer.
        """
        self._push(layer)
        self._refresh_graph()

    def _push(self, layer: Any) -> None:
        if isinstance(layer, KerasTensor) and layer._keras_history is not None:
            layer = layer._keras_history.operation
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Only layers can be added to a Sequential model; received {layer!r} of type {type(layer).__name__}."
            )
        if not self._stack and layer._input_shape_arg is not None:
            self._push(InputLayer(shape=tuple(layer._input_shape_arg)))
        if any(other.name == layer.name and other is not layer for other in self._stack):
            raise ValueError(
                f"Sequential model {self.name!r} already has a layer named {layer.name!r}; names must be unique. "
                "Give the layer another `name`."
            )
        if isinstance(layer, InputLayer):
            if self._stack:
                raise ValueError(
                    f"Sequential model {self.name!r}: an Input must come first, and only once; the model has "
                    f"{len(self._stack)} layers already."
                )
            self._last = layer.output
        elif self._last is not None:
            self._last = self._applied(layer, self._last)
        self._stack.append(layer)
        bottom = getattr(self._stack[0], "_graph", None)
        if self._last is None and len(self._stack) == 2 and bottom is not None and len(bottom.inputs) == 1:
            self._start(bottom.inputs[0].shape)  # a model at the bottom tells the shape of the input

    def _applied(self, layer: Layer, x: Any) -> Any:
        with naming.name_scope(self.name, self):
            return layer(x)

    def _start(self, batch_shape: tuple[int | None, ...], dtype: str | None = None) -> None:
        """Put an Input below the layers and call them on it."""
        source = InputLayer(batch_shape=batch_shape, dtype=dtype or self._stack[0].compute_dtype)
        x = source.output
        for layer in self._stack:
            x = self._applied(layer, x)
        self._stack.insert(0, source)
        self._last = x

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the top layer off the stack and return it.

        Args:
            rebuild: kept for compatibility.

        Raises:
            ValueError: if there is no layer.
        """
        if not self.layers:
            raise ValueError(f"Sequential model {self.name!r} has no layers to pop.")
        layer = self._stack.pop()
        if self._last is not None:
            node = node_of(tree.flatten(self._last)[0])
            assert node is not None
            self._last = node.args[0]
        self._refresh_graph()
        return layer

    def _refresh_graph(self) -> None:
        """Make the graph match the stack; an Input alone is no model yet."""
        self._programs = {}
        if self._last is not None and self.layers:
            naming.auto_name("functional")  # taken in Keras by a model inside this one: keep the same names
            self._set_graph(Graph(self._stack[0].output, self._last))
            if self._is_open:
                self.input_spec = None
            return
        self._graph = None
        self.built = False
        self.input_spec = None
        self._convert_input_args = True
        self._allow_non_tensor_positional_args = self._starts_on_host

    @property
    def _starts_on_host(self) -> bool:
        if self._graph is None and self._stack:
            return isinstance(self._stack[0], HostLayer)
        return super()._starts_on_host

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of this shape.

        Args:
            input_shape: shape with the batch axis, which may be None. A structure of shapes leaves the layers to build
                themselves on the first call.

        Raises:
            ValueError: if there are no layers, or an Input of another shape.
        """
        if not self._stack:
            raise ValueError(f"Sequential {self.name!r} cannot be built: it has no layers. Call `add(layer)` first.")
        if input_shape is None or (tree.is_nested(input_shape) and not tree._is_shape(input_shape)):
            return
        shape = standardize_shape(input_shape)
        if isinstance(self._stack[0], InputLayer):
            if self._stack[0].batch_shape != shape:
                raise ValueError(
                    f"Sequential model {self.name!r} has an Input of shape {self._stack[0].batch_shape}; "
                    f"it cannot be built with input_shape={shape}."
                )
            return
        self._start(shape)
        self._is_open = True
        self._refresh_graph()

    def _build_for(self, args: tuple, kwargs: dict) -> None:
        x = args[0] if args else next(iter(kwargs.values()), None)
        if hasattr(x, "shape") and len(x.shape):
            if self._starts_on_host and self._stack and not isinstance(self._stack[0], InputLayer):
                self._start((None, *x.shape[1:]), "string" if np.dtype(x.dtype).kind in "USOT" else None)
                self._refresh_graph()
            else:
                self.build((None, *x.shape[1:]))
        self.built = bool(self._stack)
        if not self._stack:
            self.build(None)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Apply the layers one after the other."""
        if self._graph is not None:
            return self._graph.run(inputs, mask)
        if mask is not None:
            tree.map_structure(set_mask, inputs, mask)
        for layer in self._stack:
            inputs = layer(inputs)
        return inputs

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the Input."""
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    def _own_layers(self) -> list[Layer]:
        return list(self._stack)

    @property
    def operations(self) -> list:
        """The layers, without the Input."""
        return self.layers

    @property
    def input_dtype(self) -> str:
        """The dtype of the Input, or that of computations."""
        if self._stack and isinstance(self._stack[0], InputLayer):
            return self._stack[0].dtype
        return self.compute_dtype

    def get_config(self) -> dict:
        """Return what `from_config` needs to make the same model again, without weights."""
        config: dict = {"name": self.name, "trainable": self.trainable}
        config["dtype"] = registry.serialize_keras_object(self.dtype_policy)
        config["layers"] = [registry.serialize_keras_object(layer) for layer in self._stack]
        if self._graph is not None:
            config["build_input_shape"] = self._graph.inputs[0].shape
        return config

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "Sequential":
        """Make a model from what `get_config` returned.

        Args:
            config: the description.
            custom_objects: names of classes and functions that are not registered.

        Raises:
            ValueError: if the description has no name or layers.
        """
        if not {"name", "layers"} <= set(config):
            raise ValueError(f"The config of a Sequential model needs 'name' and 'layers'; it has {sorted(config)}.")
        model = cls(name=config["name"])
        for layer in config["layers"]:
            model.add(registry.deserialize_keras_object(layer, custom_objects))
        model._trainable = config.get("trainable", True)  # the layers know by themselves whether they are frozen
        shape = config.get("build_input_shape")
        if model._graph is None and shape and tree._is_shape(shape) and model._stack:
            model.build(shape)
        return model

    def get_build_config(self) -> dict | None:
        """Return the shape the model was built with, or None."""
        return None if self._graph is None else {"input_shape": self._graph.inputs[0].shape}
