"""Sequential: a model that is one stack of layers."""

from typing import Any

from kerasish.core import naming, registry, tree
from kerasish.core.symbolic import KerasTensor
from kerasish.core.variable import standardize_shape
from kerasish.layers import InputLayer, Layer
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
        self._last: KerasTensor | None = None  # symbolic output of the top layer
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top of the stack.

        Args:
            layer: a layer, or what `Input()` returned as the first.
            rebuild: kept for compatibility.

        Raises:
            ValueError: if it is no layer, its name is taken, or it is a second Input.
        """
        if isinstance(layer, KerasTensor) and layer._keras_history is not None:
            layer = layer._keras_history.operation
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Only layers can be added to a Sequential model; received {layer!r} of type {type(layer).__name__}."
            )
        if not self._stack and layer._input_shape_arg is not None and not isinstance(layer, InputLayer):
            self.add(InputLayer(shape=tuple(layer._input_shape_arg)))
        if any(other.name == layer.name and other is not layer for other in self._stack):
            raise ValueError(
                f"Sequential model {self.name!r} already has a layer named {layer.name!r}; names must be unique. "
                "Give the layer another `name`."
            )
        if isinstance(layer, InputLayer) and self._stack:
            raise ValueError(
                f"Sequential model {self.name!r}: an Input must come first, and only once; it has {len(self._stack)} "
                "layers already."
            )
        before = self._last
        if not self._stack:
            self._last = self._first_tensor(layer)
        elif before is not None:
            self._last = self._extended(before, layer)
        elif self.built:
            self.built = False
        self._stack.append(layer)
        self._refresh_graph()

    @staticmethod
    def _first_tensor(layer: Layer) -> KerasTensor | None:
        """Return the symbolic output of a first layer that knows its input, else None."""
        if isinstance(layer, InputLayer):
            return layer.output
        graph = getattr(layer, "_graph", None)
        if graph is not None and len(graph.inputs) == 1:
            return layer(InputLayer(batch_shape=graph.inputs[0].shape, dtype=graph.inputs[0].dtype).output)
        return None

    def _extended(self, x: KerasTensor, layer: Layer) -> KerasTensor:
        with naming.name_scope(self.name):
            return layer(x)

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
            if not self._stack:
                self._last = None
            else:
                history = self._last._keras_history
                self._last = history.operation._inbound_nodes[history.node_index].input_tensors[0]
        self._refresh_graph()
        return layer

    def _refresh_graph(self) -> None:
        """Make the graph match the stack; an Input alone is no model yet."""
        self._programs = {}
        if self._last is None or not self.layers:
            self._graph = None
            self.built = False
            self.input_spec = None
            self._convert_input_args = True
            self._allow_non_tensor_positional_args = False
            return
        first = self._last
        while not first._keras_history.operation._inbound_nodes[first._keras_history.node_index].is_input:
            history = first._keras_history
            first = history.operation._inbound_nodes[history.node_index].input_tensors[0]
        self._set_graph(Graph([first], [self._last]))

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
        source = InputLayer(batch_shape=shape, dtype=self._stack[0].compute_dtype)
        x = source.output
        for layer in self._stack:
            x = layer(x)
        self._stack.insert(0, source)
        self._last = x
        self._refresh_graph()

    def _build_for(self, args: tuple, kwargs: dict) -> None:
        x = args[0] if args else next(iter(kwargs.values()), None)
        if hasattr(x, "shape") and len(x.shape):
            self.build((None, *x.shape[1:]))
        self.built = bool(self._stack)
        if not self._stack:
            self.build(None)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Apply the layers one after the other."""
        if self._graph is not None:
            return self._graph.run(inputs, mask)
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
        model = cls(name=config["name"], trainable=config.get("trainable", True))
        for layer in config["layers"]:
            model.add(registry.deserialize_keras_object(layer, custom_objects))
        shape = config.get("build_input_shape")
        if model._graph is None and shape and tree._is_shape(shape) and model._stack:
            model.build(shape)
        return model

    def get_build_config(self) -> dict | None:
        """Return the shape the model was built with, or None."""
        return None if self._graph is None else {"input_shape": self._graph.inputs[0].shape}
