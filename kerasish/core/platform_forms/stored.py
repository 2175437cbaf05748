"""Operands that are in memory before a function reads them, where XLA for CPUs would compute them again while reading.

XLA fuses a transposition with all elementwise work before it, once for each use: the values are computed along the
strides of the transposition, 3 to 30 times as long as writing them once and transposing that. It drops
`lax.optimization_barrier` before it fuses. What a branch reads it must store.
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
