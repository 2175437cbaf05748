"""Operands that are in memory before a function reads them, where XLA for CPUs would compute them again while reading.

XLA fuses a transposition with all elementwise work before it, once for each use: the values are computed along the
strides of the transposition, which can take 20 times as long as to write them once and transpose that. Random numbers
that are broadcast it draws again for every element. It drops `lax.optimization_barrier` before it fuses; but what a
branch reads, and what comes out of one, it must store. A branch costs some 20 microseconds.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Array = Any


def stored_first(function: Callable, *operands: Array) -> Array:
    """Call a function of arrays in a branch, so that its operands are stored.

    Args:
        function: function that returns one array.
        *operands: arrays, none of them empty.
    """
    first = operands[0]
    bits = lax.bitcast_convert_type(first[(0,) * first.ndim], f"uint{8 * first.dtype.itemsize}")
    result = jax.eval_shape(function, *operands)
    # Always true, which XLA does not find out.
    return lax.cond((bits | 1) != 0, function, lambda *_: jnp.zeros(result.shape, result.dtype), *operands)


def stored(arrays: list[Array]) -> list[Array]:
    """Return arrays that are computed once, not again in each loop that reads them.

    Args:
        arrays: arrays of numbers or booleans that take long to compute for their size.
    """
    places = [index for index, array in enumerate(arrays) if array.size]
    if not places:
        return arrays
    full = [arrays[index] for index in places]
    first = full[0].ravel()[0]

    def branch(*full: Array) -> Any:
        always = (lax.bitcast_convert_type(first.astype("float32"), "uint32") | 1) != 0
        return lax.cond(always, lambda *full: full, lambda *full: tuple(map(jnp.zeros_like, full)), *full)

    result = lax.platform_dependent(*full, cpu=branch, default=lambda *full: lax.optimization_barrier(full))
    found = dict(zip(places, result, strict=True))
    return [found.get(index, array) for index, array in enumerate(arrays)]
