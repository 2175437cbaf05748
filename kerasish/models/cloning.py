"""clone_model: the same architecture with new layers and new weights."""

from collections.abc import Callable
from typing import Any

from kerasish.core import tree
from kerasish.core.symbolic import KerasTensor, OpCall
from kerasish.layers import Input, InputLayer, Layer
from kerasish.models.functional import _argument_filler
from kerasish.models.model import Model, is_made_from_graph
from kerasish.models.sequential import Sequential


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Model:
    """Return a model of the same architecture with newly made layers and weights.

    Args:
        model: a functional, Sequential or subclassed model; the latter is made again from its config.
        input_tensors: symbolic tensors to put in the place of the inputs.
        clone_function: makes a layer from a layer; by default from its config.
        call_function: `(layer, *args, **kwargs) -> outputs`, how a new layer is called.
        recursive: whether `clone_function` is also applied inside nested models.
        **kwargs: none are known.

    Returns:
        The new model, of the same class where that takes `inputs, outputs` or is Sequential, compiled like the old one.

    Raises:
        ValueError: for arguments that do not apply to the kind of model.
    """
    if kwargs:
        raise ValueError(f"clone_model: unknown arguments {sorted(kwargs)}.")
    if not isinstance(model, Model):
        raise ValueError(f"clone_model: expected a Model, received {model!r} of type {type(model).__name__}.")

    clones: dict[int, Layer] = {}  # by the original's id: layers that were shared stay shared

    def clone_layer(layer: Layer) -> Layer:
        if id(layer) not in clones:
            is_inner = recursive and isinstance(layer, Model) and _is_described(layer)
            clones[id(layer)] = clone_whole(layer) if is_inner else make(layer)
        return clones[id(layer)]

    def make(layer: Layer) -> Layer:
        return type(layer).from_config(layer.get_config()) if clone_function is None else clone_function(layer)

    def clone_whole(model: Model, inputs: Any = None) -> Model:
        if isinstance(model, Sequential):
            return _clone_sequential(model, inputs, clone_layer)
        return _clone_graph(model, inputs, clone_layer, call_function)

    if isinstance(model, Sequential) and call_function is not None:
        raise ValueError("clone_model: `call_function` does not apply to a Sequential model.")
    if _is_described(model):
        clone = clone_whole(model, input_tensors)
    elif input_tensors is None and clone_function is None and call_function is None:
        clone = type(model).from_config(model.get_config())
    else:
        raise ValueError(
            f"clone_model: {model.name!r} is a subclass with its own `call`; `input_tensors`, `clone_function` and "
            "`call_function` apply to functional and Sequential models only."
        )
    if model.compiled:
        clone.compile_from_config(model.get_compile_config())
    return clone


def _is_described(model: Model) -> bool:
    """Return whether the layers and their calls are known, not hidden in a `call` method."""
    return model._graph is not None or isinstance(model, Sequential)


def _clone_sequential(model: Sequential, input_tensors: Any, clone: Callable) -> Model:
    layers = [clone(layer) for layer in model.layers]
    if input_tensors is not None:
        flat = tree.flatten(input_tensors)
        if len(flat) != 1 or not isinstance(flat[0], KerasTensor):
            raise ValueError(f"clone_model: a Sequential model has one symbolic input, received {input_tensors!r}.")
        return Sequential([flat[0], *layers], name=model.name)
    if model._stack and isinstance(model._stack[0], InputLayer):
        first = model._stack[0]
        layers.insert(0, InputLayer(batch_shape=first.batch_shape, dtype=first.dtype, name=first.name))
    return Sequential(layers, name=model.name, trainable=model.trainable)


def _clone_graph(model: Model, input_tensors: Any, clone: Callable, call_function: Any) -> Model:
    graph = model._graph
    assert graph is not None
    if input_tensors is None:
        inputs = [
            Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor._keras_history.operation.name)
            for tensor in graph.inputs
        ]
    else:
        inputs = tree.flatten(input_tensors)
        if len(inputs) != len(graph.inputs) or not all(isinstance(x, KerasTensor) for x in inputs):
            raise ValueError(
                f"clone_model: expected {len(graph.inputs)} symbolic `input_tensors`, received {input_tensors!r}."
            )
    slots = {id(tensor): index for index, tensor in enumerate(graph.inputs)}
    values: list[Any] = list(inputs)
    clones: dict[int, Any] = {}
    for node in graph.nodes:
        if node.is_input:
            continue
        operation = node.operation
        if id(operation) not in clones:
            is_op = isinstance(operation, OpCall)
            clones[id(operation)] = OpCall(operation.fn, operation.name) if is_op else clone(operation)
        args, kwargs = _argument_filler(node, slots)(values)
        layer = clones[id(operation)]
        outputs = layer(*args, **kwargs) if call_function is None else call_function(layer, *args, **kwargs)
        for old, new in zip(node.output_tensors, tree.flatten(outputs), strict=True):
            slots[id(old)] = len(values)
            values.append(new)
    new_inputs = tree.pack_sequence_as(graph.inputs_struct, inputs)
    new_outputs = tree.map_structure(lambda tensor: values[slots[id(tensor)]], graph.outputs_struct)
    cls = type(model) if is_made_from_graph(type(model)) else Model
    return cls(new_inputs, new_outputs, name=model.name)
