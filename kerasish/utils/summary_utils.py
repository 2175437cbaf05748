"""The table that explains a model: its layers, their output shapes, connections and numbers of parameters."""

import itertools
import math
import re
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

from kerasish.core import tree
from kerasish.core.console import can_show, print_message
from kerasish.core.symbolic import Node
from kerasish.layers import Layer
from kerasish.models import Sequential
from kerasish.utils.costs import forward_costs
from kerasish.utils.text_table import PLAIN, column_widths, render

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
    show_costs: bool = False,
) -> None:
    """Print a table of the layers of a model, their output shapes and numbers of parameters.

    It answers for every model: what is not known yet of an unbuilt one is shown as `?`.

    Args:
        model: a model.
        line_length: characters per line; by default 88, or 108 with connections, if the terminal is wide enough.
        positions: where the columns end, as fractions of a line or in characters.
        print_fn: called once with the text; by default it goes to standard output.
        expand_nested: show the layers of models inside the model.
        show_trainable: show whether layers are trained.
        layer_range: names, or regular expressions, of the first and last layer to show.
        show_costs: show the floating-point operations and the memory that one sample takes, as XLA counts them.

    Raises:
        ValueError: if the columns are too narrow, or `layer_range` or `positions` do not fit the model.
    """
    connected = not _is_sequential(model)
    layers = model.layers if isinstance(model, Sequential) or model._graph is None else model.operations
    first, last = _layer_bounds(layers, layer_range)
    columns = [("Layer (type)", "left"), ("Output Shape", "left"), ("Param #", "right")]
    columns += [("Connected to", "left")] if connected else []
    columns += [("Trainable", "center")] if show_trainable else []
    line_length, wanted = _layout(len(columns), connected, show_trainable, line_length, positions)
    nodes = {id(node) for node in model._graph.nodes} if connected else set()
    rows = [[name for name, _ in columns]]
    for layer in layers[first:last]:
        rows += _layer_rows(layer, nodes if connected else None, show_trainable, expand_nested)
    lines = [f'Model: "{model.name}"']
    lines += render(rows, [alignment for _, alignment in columns], column_widths(wanted, line_length))
    lines += _totals(model) + (_costs(model) if show_costs else [])
    text = "\n".join(lines)
    if print_fn is not None:
        print_fn(text + "\n")
    else:
        print_message(text if can_show(text) else text.translate(PLAIN))


def _is_sequential(model: Any) -> bool:
    """Return whether each layer simply follows the one above it, so that connections need not be shown."""
    if isinstance(model, Sequential) or model._graph is None:
        return True
    nodes = model._graph.nodes
    followers = Counter(id(parent) for node in nodes for parent in node.parent_nodes)
    ends = sum(id(node) not in followers for node in nodes)
    operations = Counter(id(node.operation) for node in nodes)
    one_by_one = all(len(node.input_tensors) <= 1 for node in nodes) and max(followers.values(), default=1) == 1
    return one_by_one and ends == 1 and max(operations.values()) == 1


def _layout(
    count: int, connected: bool, show_trainable: bool, line_length: int | None, positions: Sequence[float] | None
) -> tuple[int, list[int]]:
    """Return the line length and the wanted width of each column."""
    default_length = (108 if connected else 88) + 12 * show_trainable
    length = line_length or min(default_length, shutil.get_terminal_size().columns - 4)
    ends = list(positions or ((0.3, 0.56, 0.74, 1.0) if connected else (0.45, 0.80, 1.0)))
    if len(ends) != count - show_trainable:
        raise ValueError(f"summary: `positions` must have {count - show_trainable} entries, received {positions!r}.")
    if ends[-1] > 1:
        ends = [end / length for end in ends]
    if show_trainable:
        ends = [end * 0.9 for end in ends] + [1.0]
    stops = [0, *(int(end * length) for end in ends)]
    widths = [stop - start for start, stop in itertools.pairwise(stops)]
    if min(widths) < 4:
        raise ValueError(
            f"summary: insufficient width, the columns would have {widths} characters and need 4 or more. Pass a "
            f"larger `line_length` than {length}, or other `positions`."
        )
    return length, widths


def _layer_bounds(layers: Sequence[Any], layer_range: Sequence[str] | None) -> tuple[int, int]:
    """Return the indices of the first layer to show and of the one after the last."""
    if layer_range is None:
        return 0, len(layers)
    if len(layer_range) != 2 or not all(isinstance(name, str) for name in layer_range):
        raise ValueError(f"summary: `layer_range` must be two names or patterns, received {layer_range!r}.")
    found = [[i for i, layer in enumerate(layers) if re.match(name, layer.name)] for name in layer_range]
    if not found[0] or not found[1]:
        names = [layer.name for layer in layers]
        raise ValueError(f"summary: `layer_range`={layer_range!r} does not match any of the layers {names}.")
    if min(found[0]) > max(found[1]):
        return min(found[1]), max(found[0]) + 1
    return min(found[0]), max(found[1]) + 1


def _layer_rows(
    layer: Any, nodes: set[int] | None, show_trainable: bool, expand_nested: bool, level: int = 0
) -> list[list[str]]:
    prefix = "   " * level + "└ " if level else ""
    kind = layer.fn.keras_class if hasattr(layer, "fn") and not isinstance(layer, Layer) else type(layer).__name__
    if kind == "Model" and layer._graph is not None:
        kind = "Functional"
    row = [f"{prefix}{layer.name} ({kind})", _output_shape(layer), _parameters(layer)]
    if nodes is not None:
        row.append(_connections(layer, nodes))
    if show_trainable:
        row.append(("Y" if layer.trainable else "N") if getattr(layer, "weights", None) else "-")
    rows = [row]
    if expand_nested:
        for inner in getattr(layer, "layers", None) or ():
            rows += _layer_rows(inner, nodes, show_trainable, expand_nested, level + 1)
    return rows


def _output_shape(layer: Any) -> str:
    if layer._inbound_nodes:
        shapes = [str(tensor.shape) for tensor in layer._inbound_nodes[-1].output_tensors]
        return _format_shapes(shapes)
    build_shapes = getattr(layer, "_build_shapes", None)
    if not build_shapes:
        return "?"
    try:
        shape = layer.output_shape if hasattr(layer, "output_shape") else layer.compute_output_shape(**build_shapes)
    except Exception:
        return "?"  # a layer that cannot be traced without data: a table with a gap is better than none
    return _format_shapes(tree.map_shape_structure(str, shape))


def _format_shapes(shapes: Any) -> str:
    flat = tree.flatten(shapes)
    return flat[0] if len(flat) == 1 else str(shapes).replace("'", "")


def _parameters(layer: Any) -> str:
    if not isinstance(layer, Layer):
        return "0"
    if layer.built:
        return f"{layer.count_params():,}"
    return "0" if type(layer).build is Layer.build and not layer._own_layers() else "0 (unbuilt)"


def _connections(layer: Any, nodes: set[int]) -> str:
    def name(tensor: Any) -> str:
        operation, node, index = tensor._keras_history
        return f"{operation.name}[{node}][{index}]"

    inside: list[Node] = [node for node in layer._inbound_nodes if id(node) in nodes]
    return ", ".join(name(tensor) for node in inside for tensor in node.input_tensors) or "-"


def _totals(model: Any) -> list[str]:
    optimizer = model.optimizer if model.compiled else None
    groups = {"Trainable": model.trainable_weights, "Non-trainable": model.non_trainable_weights}
    if optimizer is not None and optimizer.built:
        groups["Optimizer"] = optimizer.variables
    sizes = {name: (_count(variables), _bytes(variables)) for name, variables in groups.items()}
    total = tuple(map(sum, zip(*sizes.values(), strict=True)))
    entries = {"Total": total, **sizes}
    return [f" {name} params: {count:,} ({readable_size(size)})" for name, (count, size) in entries.items()]


def _count(variables: Sequence[Any]) -> int:
    return sum(math.prod(variable.shape) for variable in variables)


def _bytes(variables: Sequence[Any]) -> int:
    return sum(math.prod(variable.shape) * jnp.dtype(variable.dtype).itemsize for variable in variables)


def readable_size(size: float) -> str:
    """Return a number of bytes with a unit: `4.82 KB`."""
    power = 0
    while size >= 1024 and power < len(_UNITS) - 1:
        size, power = size / 1024, power + 1
    return f"{size:.2f} {_UNITS[power]}"


def _costs(model: Any) -> list[str]:
    costs = forward_costs(model)
    if isinstance(costs, str):
        return [f" Costs of one sample: unknown ({costs})"]
    lines = [f" FLOPs of one sample: {costs.flops:,}"]
    parameters = readable_size(_bytes(model.weights))
    if costs.activation_bytes is not None:
        return [
            *lines,
            f" Memory: {parameters} for parameters, {readable_size(costs.activation_bytes)} for activations",
        ]
    return [*lines, f" Memory: {parameters} for parameters"]
