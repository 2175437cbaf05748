"""Pooling over windows of spatial axes."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from kerasish.core.config import standardize_data_format
from kerasish.core.platform_forms.pooling import reduce_windows
from kerasish.core.symbolic import op
from kerasish.ops._tensors import Array, Ints, TensorLike, as_float, as_saved, as_tuple, tensor


def _prepare(x: Array, pool_size: Any, strides: Any, padding: str, data_format: str | None) -> tuple:
    """Return window and strides over all axes, and the padding in capitals."""
    rank = x.ndim - 2
    if padding.lower() not in ("valid", "same"):
        raise ValueError(f"Pooling: `padding` must be 'valid' or 'same', received padding={padding!r}.")
    window = as_tuple(pool_size, rank, "pool_size")
    steps = window if strides is None else as_tuple(strides, rank, "strides")
    if standardize_data_format(data_format) == "channels_last":
        return (1, *window, 1), (1, *steps, 1), padding.upper()
    return (1, 1, *window), (1, 1, *steps), padding.upper()


@op(tensors=("inputs",), saved=as_saved)
def max_pool(
    inputs: TensorLike, pool_size: Ints, strides: Ints | None = None, padding: str = "valid",
    data_format: str | None = None,
) -> Array:  # fmt: skip
    """Return the largest element of each window.

    Args:
        inputs: tensor of shape `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` for channels_first.
        pool_size: size of the window on each spatial axis.
        strides: step of the window; None: its size.
        padding: `"valid"`, or `"same"` for outputs of size `ceil(input / stride)`.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
    """
    x = tensor(inputs)
    window, strides, padding = _prepare(x, pool_size, strides, padding, data_format)
    lowest = -jnp.inf if jnp.issubdtype(x.dtype, jnp.inexact) else np.asarray(jnp.iinfo(x.dtype).min, x.dtype)[()]
    return reduce_windows(x, lowest, lax.max, window, strides, padding)


@op(tensors=("inputs",), saved=as_saved)
def average_pool(
    inputs: TensorLike, pool_size: Ints, strides: Ints | None = None, padding: str = "valid",
    data_format: str | None = None,
) -> Array:  # fmt: skip
    """Return the mean of each window, padding not counted; the arguments are those of `max_pool`."""
    x = as_float(inputs)
    window, strides, padding = _prepare(x, pool_size, strides, padding, data_format)
    sums = reduce_windows(x, 0.0, lax.add, window, strides, padding)
    if padding == "VALID":
        return sums / math.prod(window)
    ones = jnp.ones([1 if width == 1 else size for size, width in zip(x.shape, window)], x.dtype)
    return sums / reduce_windows(ones, 0.0, lax.add, window, strides, padding)


def _adaptive(inputs: Any, output_size: Any, data_format: str | None, average: bool) -> Array:
    """Reduce each spatial axis of size n to m windows: window i is from floor(i n / m) to ceil((i + 1) n / m)."""
    x = tensor(inputs)
    rank = x.ndim - 2
    if rank not in (1, 2, 3):
        raise ValueError(f"Adaptive pooling: `inputs` must have 1, 2 or 3 spatial axes, received shape {x.shape}.")
    sizes = as_tuple(output_size, rank, "output_size")
    first = 1 if standardize_data_format(data_format) == "channels_last" else 2
    for axis, size in enumerate(sizes, start=first):
        length = x.shape[axis]
        if length % size == 0:
            x = jnp.reshape(x, (*x.shape[:axis], size, length // size, *x.shape[axis + 1 :]))
            x = (jnp.mean if average else jnp.max)(x, axis=axis + 1)
            continue
        bounds = np.arange(size + 1) * length
        starts, ends = bounds[:-1] // size, -(-bounds[1:] // size)
        if average:
            # As a matrix product: gathering the windows has a gradient that scatters, which is several times slower.
            steps = np.arange(length)
            inside = (steps >= starts[:, None]) & (steps < ends[:, None])
            weights = jnp.asarray(inside / (ends - starts)[:, None], x.dtype)
            x = jnp.moveaxis(jnp.tensordot(weights, x, (1, axis), precision="highest"), 0, axis)
        else:
            windows = [lax.slice_in_dim(x, start, end, axis=axis) for start, end in zip(starts, ends)]
            x = jnp.stack([jnp.max(window, axis=axis) for window in windows], axis=axis)
    return x


@op(tensors=("inputs",))
def adaptive_average_pool(inputs: TensorLike, output_size: Ints, data_format: str | None = None) -> Array:
    """Return means of windows chosen so that the spatial axes get the sizes `output_size`."""
    return _adaptive(as_float(inputs), output_size, data_format, average=True)


@op(tensors=("inputs",))
def adaptive_max_pool(inputs: TensorLike, output_size: Ints, data_format: str | None = None) -> Array:
    """Return maxima of windows chosen so that the spatial axes get the sizes `output_size`."""
    return _adaptive(inputs, output_size, data_format, average=False)
