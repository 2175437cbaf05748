"""Operands that are in memory before a function reads them, where XLA for CPUs would compute them again while reading.

XLA fuses a transposition with all elementwise work before it, once for each use: the values are computed along the
strides of the transposition, which can take 20 times as long as to write them once and transpose that. Random numbers
that are broadcast it draws again for every element. It drops `lax.optimization_barrier` before it fuses; but what a
branch reads, and what comes out of one, it must store. A branch costs 20 to 40 microseconds.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Array = Any


def stored_first(function: Callable, *operands: Array) -> Any:
    """Call a function of arrays in a branch, so that its operands are stored.

    Args:
        function: function that returns arrays.
        *operands: arrays of numbers or booleans, none of them empty.
    """
    first = operands[0][(0,) * operands[0].ndim].astype("float32")
    # Always true, which XLA does not find out.
    always = (lax.bitcast_convert_type(first, "uint32") | 1) != 0
    results = jax.eval_shape(function, *operands)
    zeros = lambda *_: jax.tree.map(lambda result: jnp.zeros(result.shape, result.dtype), results)  # noqa: E731
    return lax.cond(always, function, zeros, *operands)


def stored(arrays: list[Array]) -> list[Array]:
    """Return arrays that are computed once, not again in each loop that reads them.

    Args:
        arrays: arrays of numbers or booleans that take long to compute for their size.
    """
    places = [index for index, array in enumerate(arrays) if array.size]
    if not places:
        return arrays
    results = lax.platform_dependent(
        *(arrays[index] for index in places),
        cpu=lambda *full: stored_first(lambda *full: full, *full),
        default=lambda *full: lax.optimization_barrier(full),
    )
    found = dict(zip(places, results, strict=True))
    return [found.get(index, array) for index, array in enumerate(arrays)]
