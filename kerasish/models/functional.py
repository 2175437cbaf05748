"""Graphs of layer calls: from symbolic inputs and outputs to a flat plan that runs, and to Keras's config and back."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core import registry, tree
from kerasish.core.masks import get_mask, set_mask
from kerasish.core.symbolic import (
    OPS_BY_CLASS,
    KerasTensor,
    Node,
    OpCall,
    Operation,
    iterate_nodes,
    node_of,
)
from kerasish.layers import Input, InputLayer, InputSpec, Layer
from kerasish.layers.host import as_array, as_arrays
from kerasish.layers.spec import check_inputs
from kerasish.models.host_part import HostValues, Step, host_part

# How often calls of a config may be looked at before their turn has come.
_MOST_ATTEMPTS = 200_000


class Graph:
    """The layer calls that lead from symbolic inputs to symbolic outputs.

    Args:
        inputs: nest of KerasTensors.
        outputs: nest of KerasTensors that depend on the inputs.

    Attributes:
        nodes: the calls in an order in which they can run, those of the inputs first.
        operations: their layers and ops, each once, in Keras's order: those farthest from the outputs first.
        host_part: what of it runs on the host, None for nothing.

    Raises:
        ValueError: if something is no KerasTensor, an output does not come from the inputs, or two layers share a name.
    """

    def __init__(self, inputs: Any, outputs: Any) -> None:
        for what, structure in (("inputs", inputs), ("outputs", outputs)):
            for tensor in tree.flatten(structure):
                if not isinstance(tensor, KerasTensor):
                    raise ValueError(
                        f"Model: all `{what}` must be symbolic tensors made by `Input()` and layers called on them; "
                        f"received {tensor!r} of type {type(tensor).__name__}."
                    )
        if not all(_is_input(tensor) for tensor in tree.flatten(inputs)):
            inputs, outputs = _with_fresh_inputs(inputs, outputs)
        self.inputs_struct, self.outputs_struct = inputs, outputs
        self.inputs: list[KerasTensor] = tree.flatten(inputs)
        self.outputs: list[KerasTensor] = tree.flatten(outputs)
        input_nodes = [node_of(tensor) for tensor in self.inputs]
        calls = list(iterate_nodes(self.outputs, self.inputs))
        self.nodes: list[Node] = list({id(node): node for node in [*input_nodes, *calls]}.values())
        self.operations: list[Operation] = _by_depth(self.nodes, self.outputs)
        self._check_names()
        self._plan(calls)

    def _check_names(self) -> None:
        seen: set[str] = set()
        for operation in self.operations:
            if operation.name in seen:
                count = sum(other.name == operation.name for other in self.operations)
                raise ValueError(
                    f"The name {operation.name!r} is used {count} times in the model; all operation names should be "
                    "unique. Give the layers other names."
                )
            seen.add(operation.name)

    def _plan(self, calls: list[Node]) -> None:
        """Turn nodes into steps that know by position where their inputs lie among all values."""
        slots: dict[int, int] = {}
        for tensor in self.inputs:
            slots.setdefault(id(tensor), len(slots))
        self._steps: list[Step] = []
        for node in calls:
            arguments = _argument_filler(node, slots)
            for tensor in node.output_tensors:
                slots.setdefault(id(tensor), len(slots))
            self._steps.append((node.operation, arguments, [slots[id(tensor)] for tensor in node.output_tensors]))
        self._input_slots = [slots[id(tensor)] for tensor in self.inputs]
        self._output_slots = [slots[id(tensor)] for tensor in self.outputs]
        self._size = len(slots)
        self.host_part = host_part(calls, self._steps, slots, self._input_slots, self._output_slots)

    @property
    def layers(self) -> list[Layer]:
        """The layers among the operations."""
        return [operation for operation in self.operations if isinstance(operation, Layer)]

    @property
    def input_spec(self) -> list[InputSpec] | None:
        """What the inputs must look like; None for deeply nested dicts, which are checked one by one."""
        structure = self.inputs_struct
        if isinstance(structure, dict):
            if not all(isinstance(tensor, KerasTensor) for tensor in structure.values()):
                return None
            return [_spec(structure[name], name) for name in sorted(structure)]
        return [_spec(tensor, tensor._keras_history.operation.name) for tensor in self.inputs]

    def run(self, inputs: Any, mask: Any = None) -> Any:
        """Call the layers on data.

        Args:
            inputs: nest of tensors that matches the model's inputs; a dict may name them.
            mask: masks of the inputs, nested alike.

        Returns:
            Tensors nested like the model's outputs; a single output without its list.
        """
        values: list[Any] = [None] * self._size
        steps = self._steps
        if isinstance(inputs, HostValues):
            assert self.host_part is not None
            steps = self.host_part.restore(inputs, values)
        elif self.host_part is not None:
            self._fill_on_host(values, inputs)
        else:
            flat = [_as_input(x, tensor) for x, tensor in zip(self._flat_inputs(inputs), self.inputs, strict=True)]
            if mask is not None:
                for x, x_mask in zip(flat, tree.flatten(mask), strict=False):
                    set_mask(x, x_mask)
            for slot, x in zip(self._input_slots, flat, strict=True):
                values[slot] = x
        _run(values, steps)
        outputs = tree.pack_sequence_as(self.outputs_struct, [values[slot] for slot in self._output_slots])
        return outputs[0] if isinstance(outputs, (list, tuple)) and len(outputs) == 1 else outputs

    def on_host(self, inputs: Any) -> HostValues:
        """Compute the host part on data; `run` takes the result in place of the inputs, also in compiled code.

        Args:
            inputs: nest of tensors, strings among them, that matches the model's inputs; a dict may name them.
        """
        assert self.host_part is not None
        values: list[Any] = [None] * self._size
        self._fill_on_host(values, inputs)
        found = self.host_part.values(values, _run)
        for tensor, slot in zip(self.inputs, self._input_slots, strict=True):
            if f"value_{slot}" in found:
                found[f"value_{slot}"] = _as_input(values[slot], tensor)
        return found

    def _fill_on_host(self, values: list, inputs: Any) -> None:
        """Set the values of the inputs, those for host steps as NumPy arrays."""
        inputs = as_arrays(inputs, "Model")
        if self.input_spec is not None:
            check_inputs(self.input_spec, inputs, "model")
        for x, tensor, slot in zip(self._flat_inputs(inputs), self.inputs, self._input_slots, strict=True):
            is_host = slot in self.host_part.host_inputs and x is not None and not isinstance(x, jax.core.Tracer)
            values[slot] = _as_host_input(x, tensor) if is_host else _as_input(x, tensor)

    def symbolic(self, inputs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs, where the graph cannot be traced because of strings."""
        values: list[Any] = [None] * self._size
        for slot, x in zip(self._input_slots, self._flat_inputs(inputs), strict=True):
            values[slot] = x
        for operation, arguments, slots in self._steps:
            args, kwargs = arguments(values)
            for slot, x in zip(slots, tree.flatten(operation.compute_output_spec(*args, **kwargs)), strict=True):
                values[slot] = x
        outputs = [KerasTensor(values[slot].shape, values[slot].dtype) for slot in self._output_slots]
        packed = tree.pack_sequence_as(self.outputs_struct, outputs)
        return packed[0] if isinstance(packed, (list, tuple)) and len(packed) == 1 else packed

    def _flat_inputs(self, inputs: Any) -> list:
        structure = self.inputs_struct
        if isinstance(inputs, dict):
            names = list(structure) if isinstance(structure, dict) else [tensor.name for tensor in self.inputs]
            missing = [name for name in names if name not in inputs]
            if missing:
                raise ValueError(f"Model: the inputs are a dict with keys {sorted(inputs)}, without {missing}.")
            if isinstance(structure, dict):
                return tree.flatten({name: inputs[name] for name in names})
            return [inputs[name] for name in names]
        if isinstance(structure, dict) and isinstance(inputs, (list, tuple)):
            inputs = dict(zip(structure, inputs, strict=True))
        flat = tree.flatten(inputs)
        if len(flat) != len(self.inputs):
            raise ValueError(f"Model: expected {len(self.inputs)} inputs {self.input_names}, received {len(flat)}.")
        return flat

    @property
    def input_names(self) -> list[str]:
        """The names of the input tensors."""
        return [tensor.name for tensor in self.inputs]

    def get_config(self) -> dict:
        """Return Keras's description of the graph: layers with their calls, inputs and outputs."""
        kept = {id(node) for node in self.nodes}
        layers = []
        for operation in self.operations:
            nodes = [node for node in operation._inbound_nodes if id(node) in kept]
            if isinstance(operation, OpCall):
                config, arguments = _op_config(operation, nodes)
            else:
                config = registry.serialize_keras_object(operation)
                arguments = [(list(node.args), _keras_kwargs(node)) for node in nodes if not node.is_input]
            config["name"] = operation.name
            config["inbound_nodes"] = [_serialize_call(args, kwargs, kept) for args, kwargs in arguments]
            layers.append(config)

        def address(tensor: KerasTensor) -> list:
            name, index, position = _kept_history(tensor, kept)
            # Keras counts a first node of its own for functional models inside a model.
            shift = getattr(tensor._keras_history.operation, "_graph_is_first_node", False)
            return [name, index + int(shift), position]

        return {
            "layers": layers,
            "input_layers": tree.map_structure(address, self.inputs_struct),
            "output_layers": tree.map_structure(address, self.outputs_struct),
        }


def _run(values: list, steps: list[Step]) -> None:
    """Run steps and set the values of their outputs."""
    for operation, arguments, slots in steps:
        args, kwargs = arguments(values)
        outputs = operation(*args, **kwargs)
        if len(slots) == 1 and isinstance(outputs, jax.Array):
            values[slots[0]] = outputs
        else:
            tensors = (x for x in tree.flatten(outputs) if x is not None)
            for slot, x in zip(slots, tensors, strict=True):
                values[slot] = x


def _by_depth(nodes: list[Node], outputs: list[KerasTensor]) -> list[Operation]:
    """Return the operations of the nodes by depth (the most calls to an output), and as met when walking backwards.

    Files name layers, and lists of weights order them, by their place in this order.
    """
    # The order of first visits, walking from each output towards the inputs.
    visits: dict[Operation, int] = {}
    inside, visited = {id(node) for node in nodes}, set()
    stack = list(reversed(outputs))
    while stack:
        node = node_of(stack.pop())
        if node is not None and id(node) in inside and id(node) not in visited:
            visited.add(id(node))
            visits.setdefault(node.operation, len(visits))
            stack.extend(reversed(node.input_tensors))
    depths: dict[int, int] = {}
    operation_depths: dict[Operation, int] = {}
    for node in reversed(nodes):
        # A shared layer stands where its earliest call does.
        depth = max(depths.get(id(node), 0), operation_depths.get(node.operation, 0))
        operation_depths[node.operation] = depth
        for parent in node.parent_nodes:
            depths[id(parent)] = max(depth + 1, depths.get(id(parent), 0))
    return sorted(operation_depths, key=lambda operation: (-operation_depths[operation], visits.get(operation, -1)))


def _is_input(tensor: KerasTensor) -> bool:
    node = node_of(tensor)
    return node is not None and node.is_input


def _spec(tensor: KerasTensor, name: str) -> InputSpec:
    operation = tensor._keras_history.operation
    shape = (None, *tensor.shape[1:]) if tensor.shape else ()
    optional = bool(getattr(operation, "optional", False))
    return InputSpec(shape=shape, allow_last_axis_squeeze=True, name=name, optional=optional)


def _as_input(x: Any, tensor: KerasTensor) -> Any:
    """Return one input as an array of the declared dtype and rank (a last axis of size 1 may be missing or extra)."""
    if x is None or tensor.dtype == "string":
        return x
    mask = get_mask(x)
    converted = x if isinstance(x, jax.Array) else jnp.asarray(getattr(x, "value", x))
    if str(converted.dtype) != tensor.dtype:
        converted = converted.astype(tensor.dtype) if tensor.dtype not in ("int64", "float64", "uint64") else converted
    rank, expected = converted.ndim, len(tensor.shape)
    if rank == expected + 1 and converted.shape[-1] == 1:
        converted = jnp.squeeze(converted, -1)
    elif rank == expected - 1 and tensor.shape[-1] == 1:
        converted = converted[..., None]
    elif rank != expected:
        raise ValueError(
            f"Model: input {tensor.name!r} must have shape {tensor.shape}, received an array of shape {x.shape}."
        )
    if mask is not None and converted is not x:
        set_mask(converted, mask)
    return converted


def _as_host_input(x: Any, tensor: KerasTensor) -> np.ndarray:
    """Return one input like `_as_input`, but as a NumPy array, so that strings and 64-bit integers stay."""
    array = as_array(x, f"Model: input {tensor.name!r}")
    if tensor.dtype != "string" and str(array.dtype) != tensor.dtype:
        array = array.astype(tensor.dtype)
    rank, expected = array.ndim, len(tensor.shape)
    if rank == expected + 1 and array.shape[-1] == 1:
        return array[..., 0]
    return array[..., None] if rank == expected - 1 and tensor.shape[-1] == 1 else array


class _OneTensor(NamedTuple):
    """Makes the `(args, kwargs)` of a call on one tensor from the list of all values."""

    slot: int

    def __call__(self, values: list) -> tuple[tuple, dict]:
        return (values[self.slot],), {}


class _Arguments(NamedTuple):
    """Makes the `(args, kwargs)` of any call from the list of all values."""

    structure: list
    leaves: list
    places: list[tuple[int, int]]  # (index among the leaves, slot)

    def __call__(self, values: list) -> tuple[tuple, dict]:
        filled = list(self.leaves)
        for index, slot in self.places:
            filled[index] = values[slot]
        args, kwargs = tree.pack_sequence_as(self.structure, filled)
        return args, dict(kwargs)


def _argument_filler(node: Node, slots: dict[int, int]) -> Callable:
    """Return what makes the `(args, kwargs)` of a call from the list of all values; it can be pickled."""
    if not node.kwargs and len(node.args) == 1 and isinstance(node.args[0], KerasTensor):
        return _OneTensor(slots[id(node.args[0])])
    structure = [node.args, node.kwargs]
    leaves = tree.flatten(structure)
    places = [(index, slots[id(leaf)]) for index, leaf in enumerate(leaves) if isinstance(leaf, KerasTensor)]
    return _Arguments(structure, leaves, places)


def _with_fresh_inputs(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """Return inputs and outputs of a copy of the calls, in which intermediate inputs are inputs of their own."""
    flat_inputs = tree.flatten(inputs)
    nodes = list(iterate_nodes(tree.flatten(outputs), flat_inputs))
    copies: dict[int, KerasTensor] = {}
    for tensor in flat_inputs:
        if _is_input(tensor):
            copies[id(tensor)] = tensor
        else:
            # Keras's name for it.
            copies[id(tensor)] = Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=f"{tensor.name}CLONE")

    def copy(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return x
        if id(x) not in copies:
            copies[id(x)] = KerasTensor(x.shape, x.dtype, name=f"{x.name}_clone")
        return copies[id(x)]

    for node in nodes:
        args, kwargs = tree.map_structure(copy, node.args), tree.map_structure(copy, node.kwargs)
        Node(node.operation, args, kwargs, tree.map_structure(copy, node.outputs))
    return tree.map_structure(copy, inputs), tree.map_structure(copy, outputs)


# Configs


def _kept_history(tensor: KerasTensor, kept: set[int]) -> list:
    """Return name, index and position of a tensor, counting only the nodes that are kept."""
    operation, index, position = tensor._keras_history
    earlier = sum(id(node) in kept for node in operation._inbound_nodes[:index])
    return [operation.name, earlier, position]


def _serialize_call(args: list, kwargs: dict, kept: set[int]) -> dict:
    def serialize(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return registry.serialize_keras_object(x)
        config = {"shape": x.shape, "dtype": x.dtype, "keras_history": _kept_history(x, kept)}
        return {"class_name": "__keras_tensor__", "config": config}

    return {"args": tree.map_structure(serialize, args), "kwargs": tree.map_structure(serialize, kwargs)}


def _keras_kwargs(node: Node) -> dict:
    """Return the keyword arguments of a layer's call with what Keras adds to them before it records the call.

    It does so where nothing is to be converted: for one tensor of the compute dtype, and always for models.
    """
    layer, kwargs = node.operation, dict(node.kwargs)
    if not isinstance(layer, Layer):
        return kwargs
    is_plain = len(node.args) == 1 and not kwargs and getattr(node.args[0], "dtype", None) == layer.input_dtype
    if is_plain or not layer._convert_input_args:
        signature = layer._signature
        if signature.has_training and signature.default_training is not None:
            kwargs.setdefault("training", signature.default_training)
        if signature.has_mask and kwargs.get("mask") is None:
            kwargs["mask"] = tree.map_structure(lambda tensor: None, node.args[0])
    return kwargs


def _without_defaults(layer: Any, kwargs: dict) -> dict:
    """Return saved keyword arguments without those that `_keras_kwargs` adds.

    Kept, a `training` that says what the layer does anyway would silence the one that the model is called with.
    """
    defaults = {"mask": None}
    if isinstance(layer, Layer):
        defaults["training"] = layer._signature.default_training

    def is_default(name: str, value: Any) -> bool:
        return name in defaults and all(leaf is defaults[name] for leaf in tree.flatten(value))

    return {name: value for name, value in kwargs.items() if not is_default(name, value)}


def _op_config(operation: OpCall, nodes: list[Node]) -> tuple[dict, list]:
    """Return Keras's config of an op and, for each call, its tensor arguments alone."""
    fn = operation.fn
    settings: dict = {}
    arguments = []
    for node in nodes:
        tensors, kwargs, settings = _split_arguments(fn, node.args, node.kwargs)
        arguments.append((tensors, kwargs))
    config = {
        "module": fn.keras_module,
        "class_name": fn.keras_class,
        "config": {"name": operation.name, **registry.serialize_keras_object(fn.saved(settings))},
        "registered_name": fn.keras_class,
    }
    return config, arguments


def _split_arguments(fn: Callable, args: tuple, kwargs: dict) -> tuple[list, dict, dict]:
    """Split the arguments of an op into tensors, in order, further tensors by name, and configuration by name."""
    bound = fn.signature.bind(*args, **kwargs)
    bound.apply_defaults()
    tensors: list = []
    named: dict = {}
    settings = {}
    for name, value in bound.arguments.items():
        kind = fn.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            tensors.extend(value)
        elif kind is inspect.Parameter.VAR_KEYWORD:
            named.update(value)
        elif name not in fn.tensors:
            settings[name] = value
        elif name in fn.named:
            named[name] = value
        else:
            tensors.append(value)
    return tensors, named, settings


def graph_from_config(config: dict, custom_objects: dict | None = None) -> tuple[Any, Any]:
    """Make the layers of a config, call them as it says, and return the symbolic inputs and outputs.

    Args:
        config: with keys `layers`, `input_layers` and `output_layers`.
        custom_objects: names of classes and functions that are not registered.

    Raises:
        ValueError: if the config refers to layers or calls that it does not hold.
    """
    operations: dict[str, Any] = {}
    waiting: list[tuple[str, Any]] = []
    for entry in config["layers"]:
        operations[entry["name"]] = _make_operation(entry, custom_objects)
        waiting.extend((entry["name"], call) for call in entry.get("inbound_nodes", ()))
    # Layers that other models inside this one share with it were called there already.
    starts = {name: len(made._inbound_nodes) - isinstance(made, InputLayer) for name, made in operations.items()}
    attempts = 0
    while waiting:
        attempts += len(waiting)
        if attempts > _MOST_ATTEMPTS + 10 * len(operations):
            raise ValueError("The model's config lists its calls in an order that leads nowhere.")
        later = []
        blocked: set[str] = set()  # calls of one layer run in the order they were saved in
        for name, call in waiting:
            arguments = None if name in blocked else _revive_call(call, operations, starts)
            if arguments is None:
                blocked.add(name)
                later.append((name, call))
            else:
                args, kwargs = arguments
                operations[name](*args, **_without_defaults(operations[name], kwargs))
        if len(later) == len(waiting):
            names = sorted({name for name, _ in later})
            raise ValueError(f"The model's config has loops or refers to calls it does not hold, in layers {names}.")
        waiting = later

    def tensor(address: Any) -> Any:
        if isinstance(address, (list, tuple)) and len(address) == 3 and isinstance(address[0], str):
            operation = _known(operations, address[0])
            shift = int(getattr(operation, "_graph_is_first_node", False))
            return operation._inbound_nodes[starts[address[0]] + address[1] - shift].output_tensors[address[2]]
        if isinstance(address, dict):
            return {key: tensor(value) for key, value in address.items()}
        return type(address)(tensor(item) for item in address)

    return tensor(config["input_layers"]), tensor(config["output_layers"])


def _known(operations: dict[str, Any], name: str) -> Any:
    if name not in operations:
        raise ValueError(f"The model's config refers to layer {name!r}, which it does not hold.")
    return operations[name]


def _make_operation(entry: dict, custom_objects: dict | None) -> Any:
    fn = OPS_BY_CLASS.get(entry["class_name"])
    if fn is not None and entry.get("module") == fn.keras_module:
        settings = registry.deserialize_keras_object(entry["config"], custom_objects)
        return _SavedOp(fn, settings.pop("name", None), settings)
    operation = registry.deserialize_keras_object(entry, custom_objects)
    if not isinstance(operation, Operation):
        raise ValueError(f"The config of layer {entry['name']!r} describes a {type(operation).__name__}, no layer.")
    operation.name = entry["name"]  # its own config has none if the constructor takes none
    return operation


class _SavedOp:
    """An op with its configuration, called on tensors alone as Keras's configs do."""

    def __init__(self, fn: Callable, name: str | None, settings: dict) -> None:
        self.operation = OpCall(fn, name)
        self.settings = {key: value for key, value in settings.items() if key in fn.signature.parameters}
        self._inbound_nodes = self.operation._inbound_nodes

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        fn = self.operation.fn
        kinds = fn.signature.parameters
        if any(kinds[name].kind is kinds[name].VAR_POSITIONAL for name in fn.tensors):
            leading = [self.settings[name] for name in kinds if name in self.settings]
            return self.operation(*leading, *args, **kwargs)
        return self.operation(**dict(zip(fn.tensors, args, strict=False)), **self.settings, **kwargs)


def _revive_call(call: Any, operations: dict[str, Any], starts: dict[str, int]) -> tuple[list, dict] | None:
    """Return the arguments of a saved call, or None while a tensor among them has not been made yet."""
    if isinstance(call, list):  # Keras 2 wrote a list of [layer, node, tensor, kwargs]
        return _revive_legacy_call(call, operations, starts)
    ready = True

    def revive(x: Any) -> Any:
        nonlocal ready
        if not isinstance(x, KerasTensor):
            return x
        name, index, position = x._saved_history  # type: ignore[attr-defined]
        nodes = _known(operations, name)._inbound_nodes[starts[name] :]
        if index >= len(nodes):
            ready = False
            return x
        return nodes[index].output_tensors[position]

    args = tree.map_structure(revive, registry.deserialize_keras_object(call["args"]))
    kwargs = tree.map_structure(revive, registry.deserialize_keras_object(call["kwargs"]))
    return (list(args), kwargs) if ready else None


def _revive_legacy_call(call: list, operations: dict[str, Any], starts: dict[str, int]) -> tuple[list, dict] | None:
    tensors, kwargs = [], {}
    for name, index, position, *rest in call:
        nodes = _known(operations, name)._inbound_nodes[starts[name] :]
        if index >= len(nodes):
            return None
        tensors.append(nodes[index].output_tensors[position])
        kwargs = rest[0] if rest else kwargs
    return [tensors[0] if len(tensors) == 1 else tensors], kwargs
