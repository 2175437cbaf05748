"""Pooling for CPUs: windows axis by axis, by slices and comparisons, with gradients that scatter nothing.

A window over several axes is one over the last, then one over the next to last, and so on: this also finds the first
of several equal maxima in row-major order, to which lax gives the gradient. Measured with jaxlib 0.10 on two busy cores
(`benchmarks/platform_forms.py` repeats it), as times faster than lax's own: maxima 2 to 4, their gradient 9 to 37
(lax: select-and-scatter), sums 2, their gradient 1 to 10.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from kerasish.core.platform_forms.twins import platform_form, with_forms

Array = Any


# Wider windows would make programs long.
_WIDEST = 32


def _left_to_lax(shape: tuple, params: dict) -> bool:
    """Return whether an input of this shape is pooled by lax: dilated, very wide, empty and minimum windows."""
    dilation = (*params.get("window_dilation", ()), *params.get("base_dilation", ()))
    widths = params["window_dimensions"]
    if not all(isinstance(size, int) for size, width in zip(shape, widths) if width > 1):
        return True  # a size that is unknown until later
    empty = any(size + sum(pads) < width for size, pads, width in zip(shape, params["padding"], widths)) or 0 in shape
    minimum = params.get("select_prim", lax.ge_p) is not lax.ge_p
    return empty or minimum or max(widths) > _WIDEST or any(step != 1 for step in dilation)


def _windows(params: dict) -> list[tuple]:
    """Return (axis, width, stride) of each axis that has windows, from the last on."""
    triples = zip(range(len(params["window_dimensions"])), params["window_dimensions"], params["window_strides"])
    return [(axis, width, stride) for axis, width, stride in triples if width > 1 or stride > 1][::-1]


def _pad(x: Array, value: Any, padding: Any) -> Array:
    return lax.pad(x, jnp.asarray(value, x.dtype), [(low, high, 0) for low, high in padding])


def _elements(x: Array, axis: int, width: int, stride: int) -> list[Array]:
    """Return the first elements of all windows on an axis, the second ones, and so on."""
    count = (x.shape[axis] - width) // stride + 1
    return [lax.slice_in_dim(x, i, i + (count - 1) * stride + 1, stride, axis) for i in range(width)]


def _combine(x: Array, combine: Any, params: dict) -> Array:
    for window in _windows(params):
        x = functools.reduce(combine, _elements(x, *window))
    return x


def _max(x: Array, **params: Any) -> Array:
    if _left_to_lax(x.shape, params) or not jnp.issubdtype(x.dtype, jnp.floating):
        return lax.reduce_window_max_p.bind(x, **params)
    return _combine(_pad(x, -jnp.inf, params["padding"]), lax.max, params)


def _sum(x: Array, **params: Any) -> Array:
    if _left_to_lax(x.shape, params):
        return lax.reduce_window_sum_p.bind(x, **params)
    wide = jnp.promote_types(x.dtype, jnp.float32) if jnp.issubdtype(x.dtype, jnp.floating) else x.dtype
    return _combine(_pad(x, 0, params["padding"]).astype(wide), lax.add, params).astype(x.dtype)


def _choices(x: Array, params: dict) -> list[Array]:
    """Return, for each axis with windows, which of its elements is the first maximum."""
    x, choices = _pad(x, -jnp.inf, params["padding"]), []
    for window in _windows(params):
        best, *others = _elements(x, *window)
        chosen = jnp.zeros(best.shape, jnp.int32)
        for number, other in enumerate(others, 1):
            # As lax compares: also where values are not numbers.
            keep = best >= other
            best, chosen = jnp.where(keep, best, other), jnp.where(keep, chosen, number)
        x = best
        choices.append(chosen)
    # Without the barrier the comparisons would be repeated for each use.
    return lax.optimization_barrier(choices)


def _gather(values: Array, x: Array, **params: Any) -> Array:
    """Return the values at the first maximum of each window of `x`; zero where padding is the maximum."""
    if _left_to_lax(x.shape, params):
        return lax.select_and_gather_add_p.bind(values, x, **params)
    values = _pad(values, 0, params["padding"])
    for window, chosen in zip(_windows(params), _choices(x, params)):
        elements = _elements(values, *window)
        values = functools.reduce(
            lambda result, item: jnp.where(chosen == item[0], item[1], result), enumerate(elements[1:], 1), elements[0]
        )
    return values


def _spread(values: Array, chosen: Array | None, window: tuple, size: int) -> Array:
    """Add the value of each window to its chosen element, or to all, on one axis that becomes `size` long.

    The axis is made of blocks as long as the stride. A window reaches over some blocks: for each of them the values are
    repeated over the block, and kept where the element's number is the chosen one.
    """
    axis, width, stride = window
    blocks, count = -(-size // stride), values.shape[axis]
    shape = (*values.shape[:axis], blocks, stride, *values.shape[axis + 1 :])
    terms = []
    for block in range(-(-width // stride)):
        config = [(block, blocks - count - block, 0) if i == axis else (0, 0, 0) for i in range(values.ndim)]
        repeat = lambda x, fill: lax.broadcast_in_dim(  # noqa: E731
            lax.pad(x, jnp.asarray(fill, x.dtype), config),  # noqa: B023
            shape,
            [i + (i > axis) for i in range(x.ndim)],
        )
        number = lax.broadcasted_iota(jnp.int32, shape, axis + 1) + block * stride
        keep = number < width if chosen is None else repeat(chosen, -1) == number
        terms.append(jnp.where(keep, repeat(values, 0), 0))
    result = jnp.reshape(functools.reduce(lax.add, terms), (*shape[:axis], -1, *shape[axis + 2 :]))
    return lax.slice_in_dim(result, 0, size, axis=axis)


def _sizes(shape: Any, params: dict) -> list[tuple[tuple, int]]:
    """Return the windows, first axis first, with the padded size of their axes."""
    return [(w, shape[w[0]] + sum(params["padding"][w[0]])) for w in reversed(_windows(params))]


def _unpad(x: Array, padding: Any) -> Array:
    return lax.pad(x, jnp.zeros((), x.dtype), [(-low, -high, 0) for low, high in padding])


def _scatter(values: Array, x: Array, **params: Any) -> Array:
    """Add the value of each window to the place of its first maximum in `x`."""
    if _left_to_lax(x.shape, params):
        return lax.select_and_scatter_add_p.bind(values, x, **params)
    for (window, size), chosen in zip(_sizes(x.shape, params), reversed(_choices(x, params))):
        values = _spread(values, chosen, window, size)
    return _unpad(values, params["padding"])


def _lax_spread(values: Array, aval: Any, **params: Any) -> Array:
    return jax.linear_transpose(functools.partial(lax.reduce_window_sum_p.bind, **params), aval)(values)[0]


def _sum_transpose(values: Array, aval: Any, **params: Any) -> Array:
    """Add the value of each window to all of its elements; `aval` is the abstract value of what was summed."""
    if _left_to_lax(aval.shape, params):
        return _lax_spread(values, aval, **params)
    for window, size in _sizes(aval.shape, params):
        values = _spread(values, None, window, size)
    return _unpad(values, params["padding"])


max_p = platform_form("window_max", lax.reduce_window_max_p, _max)
gather_p = platform_form("window_gather", lax.select_and_gather_add_p, _gather)
scatter_p = platform_form("window_scatter", lax.select_and_scatter_add_p, _scatter)
sum_p = platform_form(
    "window_sum",
    lax.reduce_window_sum_p,
    _sum,
    transpose=lambda values, x, **params: spread_p.bind(values, aval=x, **params),
)
spread_p = platform_form(
    "window_spread",
    _lax_spread,
    _sum_transpose,
    transpose=lambda x, values, aval, **params: sum_p.bind(x, **params),
)


def reduce_windows(x: Array, initial: Any, combine: Any, window: tuple, strides: tuple, padding: str) -> Array:
    """Call `lax.reduce_window` with `lax.max` or `lax.add` in the best form for each platform."""
    options = {"init_value": initial, "computation": combine, "window_dimensions": window, "window_strides": strides}
    return with_forms(lax.reduce_window, x, **options, padding=padding)
