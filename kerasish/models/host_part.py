"""The part of a graph that runs on the host, ahead of what is compiled: layers of text and tables."""

from collections.abc import Callable
from typing import Any

import jax

from kerasish.core.symbolic import Node, Operation
from kerasish.layers.host import HostLayer

Step = tuple[Operation, Callable, list[int]]


class HostValues(dict):
    """What the host part of a model computed from a batch: given to the model in place of its inputs."""


jax.tree_util.register_pytree_with_keys(
    HostValues,
    lambda values: ([(jax.tree_util.DictKey(key), values[key]) for key in sorted(values)], tuple(sorted(values))),
    lambda keys, values: HostValues(zip(keys, values)),
)


class HostPart:
    """Divides the steps of a graph into those that run on the host and those that can be compiled.

    The border lies behind each layer that computes on the host. A model inside the model that has such layers of its
    own is divided in the same way.

    Args:
        nodes: the calls of the graph.
        steps: the same calls as operation, function from values to arguments, and places of the outputs.
        slots: places of tensors by their id.
        inputs: places of the graph's inputs.
        outputs: places of its outputs.

    Attributes:
        host_inputs: places of the inputs that host steps use.
    """

    def __init__(
        self, nodes: list[Node], steps: list[Step], slots: dict[int, int], inputs: list[int], outputs: list[int]
    ) -> None:
        self._steps = steps
        self._on_host = [isinstance(node.operation, HostLayer) for node in nodes]
        self._divided = [has_host_part(node.operation) for node in nodes]
        self._sources = [[slots[id(tensor)] for tensor in node.input_tensors] for node in nodes]
        self._maker = {slot: index for index, step in enumerate(steps) for slot in step[2]}
        device, border = self._walk(outputs, lambda index: self._on_host[index])
        self._border = sorted(border)
        self._split_calls = [index for index in device if self._divided[index]]
        wanted = [slot for slot in self._border if slot in self._maker]
        wanted += [slot for index in self._split_calls for slot in self._sources[index]]
        host, _ = self._walk(wanted, _never)
        self._host_steps = [steps[index] for index in host]
        self._device_indices = device
        used = {slot for index in [*host, *self._split_calls] for slot in self._sources[index]}
        self.host_inputs = used & set(inputs)
        strings = {slots[id(t)]: t for node in nodes for t in node.output_tensors if t.dtype == "string"}
        self._strings = [strings[slot].name for slot in self._border if slot in strings]

    def _walk(self, slots: list[int], stop: Callable[[int], bool]) -> tuple[list[int], set[int]]:
        """Return the steps that values depend on, and where the walk back from them ended: at inputs, and at `stop`."""
        found: set[int] = set()
        border: set[int] = set()
        stack, seen = list(slots), set()
        while stack:
            slot = stack.pop()
            if slot in seen:
                continue
            seen.add(slot)
            index = self._maker.get(slot)
            if index is None or stop(index):
                border.add(slot)
            elif index not in found:
                found.add(index)
                if stop is not _never and self._divided[index]:
                    continue  # its own host part takes the inputs
                stack.extend(self._sources[index])
        return sorted(found), border

    def values(self, values: list, run: Callable[[list, list[Step]], None]) -> HostValues:
        """Compute on the host what the compiled steps need.

        Args:
            values: the graph's values by place, those of inputs filled in.
            run: fills in the values of steps.

        Raises:
            ValueError: if strings would have to go to the device.
        """
        if self._strings:
            raise ValueError(
                f"The model's outputs, or layers that are compiled, take the strings {self._strings}. Call the model "
                "on data, `model(x)`, or leave out the layers that return strings."
            )
        run(values, self._host_steps)
        found = HostValues({f"value_{slot}": values[slot] for slot in self._border})
        for index in self._split_calls:
            operation, arguments, _ = self._steps[index]
            found[f"call_{index}"] = operation._graph.on_host(arguments(values)[0][0])
        return found

    def restore(self, found: HostValues, values: list) -> list[Step]:
        """Fill in what `values` computed and return the steps that are left."""
        for slot in self._border:
            values[slot] = found[f"value_{slot}"]
        return [self._device_step(index, found) for index in self._device_indices]

    def _device_step(self, index: int, found: HostValues) -> Step:
        operation, arguments, slots = self._steps[index]
        if not self._divided[index]:
            return self._steps[index]

        def on_device(values: list) -> tuple[tuple, dict]:
            args, kwargs = arguments(values)
            return (found[f"call_{index}"], *args[1:]), kwargs

        return operation, on_device, slots


def _never(index: int) -> bool:
    return False


def has_host_part(operation: Any) -> bool:
    """Return whether an operation is a model made from symbolic tensors of which a part runs on the host."""
    graph = getattr(operation, "_graph", None)
    return graph is not None and graph.host_part is not None


def host_part(
    nodes: list[Node], steps: list[Step], slots: dict[int, int], inputs: list[int], outputs: list[int]
) -> HostPart | None:
    """Return how a graph is divided, or None if nothing in it runs on the host; see HostPart for the arguments."""
    if not any(isinstance(node.operation, HostLayer) or has_host_part(node.operation) for node in nodes):
        return None
    return HostPart(nodes, steps, slots, inputs, outputs)
