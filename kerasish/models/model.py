"""The Model class: a layer made of layers that can also be compiled, trained, evaluated, saved and explained."""

import inspect
import json
from collections.abc import Callable
from typing import Any

from kerasish.core import naming, registry, tree
from kerasish.core.symbolic import KerasTensor
from kerasish.core.variable import Scope, Variable
from kerasish.layers import Layer
from kerasish.layers.host import as_arrays
from kerasish.layers.tracking import unique
from kerasish.models.functional import Graph, graph_from_config
from kerasish.models.host_part import HostValues
from kerasish.models.trainable import Trainable


def _takes_graph(args: tuple, kwargs: dict) -> bool:
    """Return whether constructor arguments are those of a functional model."""
    return len(args) == 2 or (len(args) == 1 and "outputs" in kwargs) or {"inputs", "outputs"} <= set(kwargs)


class Model(Trainable, Layer):
    """A network with training and saving built in.

    Made in one of three ways: `Model(inputs, outputs)` from symbolic tensors, `Sequential([...])` from a list of
    layers, or a subclass that makes layers in `__init__` and uses them in `call`.

    Args:
        *args: `inputs, outputs`, nests of symbolic tensors, for a functional model.
        **kwargs: `inputs` and `outputs` by name; `name`, `trainable`, `dtype` as for any layer.

    Example:
        >>> inputs = Input((8,))
        >>> outputs = layers.Dense(1)(layers.Dense(16, activation="relu")(inputs))
        >>> model = Model(inputs, outputs)
        >>> model.compile("adam", "mse")
        >>> model.fit(x, y)
    """

    # What training keeps on a model: its metrics and optimizer are not the layer's own state.
    _untracked = Layer._untracked | {"optimizer", "_compiled", "_graph", "_programs"}
    _graph: Graph | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._prepare_training()
        if not _takes_graph(args, kwargs):
            super().__init__(*args, **kwargs)
            return
        inputs, outputs = [*args, *(kwargs.pop(name) for name in ("inputs", "outputs")[len(args) :])]
        if kwargs.get("name") is None and type(self) is Model:
            kwargs["name"] = naming.auto_name("functional")
        super().__init__(**kwargs)
        self._set_graph(Graph(inputs, outputs))
        self._graph_is_first_node = True

    def _set_graph(self, graph: Graph) -> None:
        self._graph = graph
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        self.supports_masking = True
        # A graph with a host part looks at its inputs itself, before they are arrays.
        self.input_spec = graph.input_spec if graph.host_part is None else None
        self.built = True
        if not self._trainable:
            self.trainable = False

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape, by tracing `call`; may be overridden.

        Args:
            input_shape: shape with the batch axis, which may be None, or a structure of shapes.
        """
        is_overridden = not getattr(type(self).build, "_is_default", False)  # and this is its `super().build()`
        if self._graph is None and not is_overridden:
            self.compute_output_spec(tree.map_shape_structure(KerasTensor, input_shape))

    build._is_default = True  # type: ignore[attr-defined]

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Compute the outputs; to be overridden where the model is not made from symbolic tensors."""
        if self._graph is None:
            raise NotImplementedError(
                f"Model {type(self).__name__} has no `call()`. Write one, or make the model from symbolic tensors: "
                "`Model(inputs, outputs)`."
            )
        return self._graph.run(inputs, mask)

    @property
    def _starts_on_host(self) -> bool:
        """Whether the model takes strings and other data that only the host can hold."""
        return self._graph is not None and self._graph.host_part is not None

    def _converted(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        if self._starts_on_host and args and not isinstance(args[0], HostValues):
            args = (as_arrays(args[0], type(self).__name__), *args[1:])
        return super()._converted(args, kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs."""
        if self._graph is not None and self._starts_on_host:
            return self._graph.symbolic(args[0] if args else next(iter(kwargs.values())))
        return super().compute_output_spec(*args, **kwargs)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask of the outputs; None for a graph, where the layers inside set those of their outputs."""
        return previous_mask if self._graph is None else None

    compute_mask._is_default = True  # type: ignore[attr-defined]

    # Structure

    def _own_layers(self) -> list[Layer]:
        own = super()._own_layers()
        return own if self._graph is None else unique([*self._graph.layers, *own])

    @property
    def layers(self) -> list[Layer]:
        """The layers the model is made of, without those inside other layers."""
        return self._own_layers()

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError("`Model.layers` is reserved; give the attribute another name.")

    @property
    def operations(self) -> list:
        """Layers and ops of a functional model, in the order they run."""
        return list(self._graph.operations) if self._graph is not None else self.layers

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by name or by its position in `model.layers`.

        Raises:
            ValueError: if there is none, or both or neither argument is given.
        """
        layers = self.layers
        if (name is None) == (index is None):
            raise ValueError(f"get_layer: give either a name or an index; received name={name!r}, index={index!r}.")
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(f"get_layer: there is no layer at index {index}; the model has {len(layers)} layers.")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(f"get_layer: no layer named {name!r}; the layers are {[layer.name for layer in layers]}.")

    def _from_graph(self, attribute: str) -> Any:
        if self._graph is None:
            raise AttributeError(f"{self.name!r} has no defined {attribute} yet: it is not made of symbolic tensors.")
        return getattr(self._graph, attribute)

    @property
    def inputs(self) -> list:
        """The symbolic inputs, flat."""
        return self._from_graph("inputs")

    @property
    def outputs(self) -> list:
        """The symbolic outputs, flat."""
        return self._from_graph("outputs")

    @property
    def input(self) -> Any:
        """The symbolic inputs as they were given."""
        return self._from_graph("inputs_struct")

    @property
    def output(self) -> Any:
        """The symbolic outputs as they were given."""
        return self._from_graph("outputs_struct")

    @property
    def input_shape(self) -> Any:
        """The shapes of the inputs, flat; a single one without its list."""
        return _shapes(self.inputs)

    @property
    def output_shape(self) -> Any:
        """The shapes of the outputs, flat; a single one without its list."""
        return _shapes(self.outputs)

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return self._from_graph("input_names")

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that make the outputs; unique per output."""
        return [tensor._keras_history.operation.name for tensor in self.outputs]

    def functional(self) -> tuple[Callable, dict[str, dict[str, Any]]]:
        """Return the model as a pure function and the state it needs, for use with JAX alone.

        Returns:
            `(apply, state)`: `state` holds `"trainable"` and `"non_trainable"` values by path, and
            `apply(state, *args, **kwargs)` returns `(outputs, new state)`.

        Example:
            >>> apply, state = model.functional()
            >>> outputs, state = jax.jit(apply)(state, x)
        """
        if not self.built:
            raise ValueError(f"functional: model {self.name!r} is not built yet; call it on data or build it first.")
        groups = {"trainable": self.trainable_variables, "non_trainable": self.non_trainable_variables}
        named = {group: _by_path(variables) for group, variables in groups.items()}

        def apply(state: dict, *args: Any, **kwargs: Any) -> tuple[Any, dict]:
            pairs = [(named[group][path], state[group][path]) for group in named for path in named[group]]
            with Scope(pairs) as scope:
                outputs = self(*args, **kwargs)
            new_state = {
                group: {path: scope.read(variable) for path, variable in variables.items()}
                for group, variables in named.items()
            }
            return outputs, new_state

        return apply, {g: {path: v._stored() for path, v in variables.items()} for g, variables in named.items()}

    # Configuration

    def get_config(self) -> dict:
        """Return what `from_config` needs to make the same model again, without weights.

        Raises:
            NotImplementedError: for a subclass whose constructor arguments cannot be serialized.
        """
        if self._graph is None or not is_made_from_graph(type(self)):
            return super().get_config()
        return {"name": self.name, "trainable": self.trainable, **self._graph.get_config()}

    get_config._remembers_arguments = True  # type: ignore[attr-defined]

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "Model":
        """Make a model from what `get_config` returned.

        Args:
            config: the description.
            custom_objects: names of classes and functions that are not registered.
        """
        with registry.custom_object_scope(custom_objects):
            parts = {name: config[name] for name in ("layers", "input_layers", "output_layers") if name in config}
            if len(parts) < 3 or not is_made_from_graph(cls):
                return super().from_config(config)  # type: ignore[return-value]
            inputs, outputs = graph_from_config(parts, custom_objects)
            rest = {name: value for name, value in config.items() if name not in parts and value is not None}
            trainable = rest.pop("trainable", True)
            model = cls(inputs=inputs, outputs=outputs, **rest)
            model._trainable = trainable  # the layers know by themselves whether they are frozen
            return model

    def to_json(self, **kwargs: Any) -> str:
        """Return the model's description as JSON, for `models.model_from_json`.

        Args:
            **kwargs: arguments of `json.dumps`.
        """
        return json.dumps(registry.serialize_keras_object(self), **kwargs)

    def build_from_config(self, config: dict) -> None:
        """Build the model with the shapes that `get_build_config` returned."""
        if self.built:
            return
        if getattr(type(self).build, "_is_default", False):
            self.build(config["input_shape"])
        else:
            super().build_from_config(config)

    def get_build_config(self) -> dict | None:
        """Return the shapes the model was built with, or None."""
        return {"input_shape": None} if self._graph is not None else super().get_build_config()


def is_made_from_graph(cls: type) -> bool:
    """Return whether the constructor takes `inputs, outputs` (and `name`), so that a config of the graph suffices."""
    spec = inspect.getfullargspec(cls.__init__)
    return spec.args[1:] == ["inputs", "outputs", "name"] or (spec.varargs is not None and spec.varkw is not None)


def _shapes(tensors: list[KerasTensor]) -> Any:
    shapes = [tensor.shape for tensor in tensors]
    return shapes[0] if len(shapes) == 1 else shapes


def _by_path(variables: list[Variable]) -> dict[str, Variable]:
    """Return variables by path, with a number behind a path that occurs again."""
    named: dict[str, Variable] = {}
    for variable in variables:
        path, count = variable.path, 1
        while path in named:
            path, count = f"{variable.path}_{count}", count + 1
        named[path] = variable
    return named
