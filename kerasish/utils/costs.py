"""What one sample costs a model: floating-point operations and memory, as XLA counts them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxpr_as_fun

from kerasish.core import tree


class Costs(NamedTuple):
    """What one sample costs.

    Attributes:
        flops: floating-point operations of the forward pass.
        activation_bytes: peak memory for intermediate values; None where the platform does not tell.
    """

    flops: int
    activation_bytes: int | None


def forward_costs(model: Any) -> Costs | str:
    """Return what the forward pass of a model costs for one sample, or why that cannot be said.

    Args:
        model: a built model whose input shapes are known but for the batch size.
    """
    if not model.built:
        return "the model is not built"
    if model._graph is None:
        return "only models made of symbolic inputs know the shapes of their inputs"
    specs = []
    for tensor in model.inputs:
        shape = (1, *tensor.shape[1:])
        if None in shape or tensor.dtype == "string":
            return f"input {tensor.name!r} has shape {tensor.shape} and dtype {tensor.dtype}"
        specs.append(jax.ShapeDtypeStruct(shape, tensor.dtype))
    apply, state = model.functional()
    structure = model._graph.inputs_struct

    def forward(state: dict, inputs: list) -> Any:
        return apply(state, tree.pack_sequence_as(structure, inputs), training=False)[0]

    abstract = jax.tree.map(lambda value: jax.ShapeDtypeStruct(value.shape, value.dtype), state)
    try:
        traced = jax.jit(forward).trace(abstract, specs)
    except Exception as error:  # layers that need real data, such as text: the table is worth having without costs
        return f"the model cannot be traced: {type(error).__name__}"
    lowered = traced.lower()
    flops = _flops(lowered) + sum(_extra_rounds(traced.jaxpr.jaxpr))
    memory = lowered.compile().memory_analysis()
    return Costs(round(flops), None if memory is None else memory.temp_size_in_bytes)


def _flops(lowered: Any) -> float:
    analysis = lowered.cost_analysis() or {}
    analysis = analysis[0] if isinstance(analysis, list) else analysis
    return max(analysis.get("flops", 0.0), 0.0)


def _extra_rounds(jaxpr: Jaxpr) -> Iterator[float]:
    """Yield the operations that XLA leaves out of its count: all rounds of a loop but the first."""
    for equation in jaxpr.eqns:
        rounds = equation.params["length"] if equation.primitive.name == "scan" else 1
        for inner in jax.tree.leaves(
            list(equation.params.values()), is_leaf=lambda x: isinstance(x, ClosedJaxpr | Jaxpr)
        ):
            if isinstance(inner, ClosedJaxpr):
                extra = sum(_extra_rounds(inner.jaxpr))
                if rounds > 1:
                    once = _flops(jax.jit(jaxpr_as_fun(inner)).lower(*inner.in_avals))
                    yield (rounds - 1) * once
                yield rounds * extra
            elif isinstance(inner, Jaxpr):
                yield rounds * sum(_extra_rounds(inner))
