"""Reductions and running sums over axes."""

import jax
import jax.numpy as jnp

from kerasish.core.dtypes import is_float_dtype, result_type, standardize_dtype
from kerasish.core.platform_forms.argmax import argmax as argmax_by_platform
from kerasish.core.symbolic import op
from kerasish.ops._tensors import Array, Axis, TensorLike, as_axis, tensor

# Short functions stand close together.
# fmt: off

def _without_denormals(x: Array) -> Array:
    """Return floats in which -0.0 is smaller than 0.0, since XLA on CPU flushes denormals to either zero."""
    if x.ndim == 0 or not is_float_dtype(x.dtype) or jax.default_backend() != "cpu":
        return x
    x = x.astype(result_type(x.dtype, "float32"))
    return jnp.where((x == 0.0) & jnp.signbit(x), -jnp.finfo(x.dtype).tiny, x)

@op
def all(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return whether all elements are non-zero, over `axis` (None: over all axes)."""
    return jnp.all(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op
def amax(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the largest element over `axis`."""
    return jnp.amax(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op
def amin(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the smallest element over `axis`."""
    return jnp.amin(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op
def any(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return whether any element is non-zero, over `axis` (None: over all axes)."""
    return jnp.any(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op
def argmax(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return the index of the (first) largest element along `axis`; of the flattened tensor for None."""
    return argmax_by_platform(_without_denormals(tensor(x)), axis, keepdims)

@op
def argmin(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return the index of the (first) smallest element along `axis`; of the flattened tensor for None."""
    return jnp.argmin(_without_denormals(tensor(x)), axis=axis, keepdims=keepdims)

@op(tensors=("x", "weights"), named=("weights",))
def average(x: TensorLike, axis: Axis = None, weights: TensorLike | None = None) -> Array:
    """Return the mean over `axis`, weighted by `weights` (of the shape of `x`, or one number per step of `axis`)."""
    x = tensor(x)
    dtypes = [x.dtype, float]
    if weights is not None:
        weights = tensor(weights)
        dtypes.append(weights.dtype)
    dtype = result_type(*dtypes)
    weights = None if weights is None else weights.astype(dtype)
    return jnp.average(x.astype(dtype), axis=as_axis(axis), weights=weights)

@op
def count_nonzero(x: TensorLike, axis: Axis = None) -> Array:
    """Return the number of non-zero elements over `axis`, as int32."""
    return jnp.count_nonzero(tensor(x), axis=as_axis(axis)).astype("int32")

@op
def cumprod(x: TensorLike, axis: int | None = None, dtype: str | None = None) -> Array:
    """Return running products along `axis`; of the flattened tensor for None."""
    return jnp.cumprod(tensor(x), axis=axis, dtype=dtype and standardize_dtype(dtype))

@op
def cumsum(x: TensorLike, axis: int | None = None, dtype: str | None = None) -> Array:
    """Return running sums along `axis`; of the flattened tensor for None."""
    return jnp.cumsum(tensor(x), axis=axis, dtype=dtype and standardize_dtype(dtype))

@op
def max(x: TensorLike, axis: Axis = None, keepdims: bool = False, initial: float | None = None) -> Array:
    """Return the largest element over `axis`, and not less than `initial`."""
    return jnp.max(tensor(x), axis=as_axis(axis), keepdims=keepdims, initial=initial)

@op
def mean(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the mean over `axis`, summed in float32 at least; integers give floats."""
    x = tensor(x)
    wide = result_type(x.dtype, "float32")
    result = jnp.mean(x, axis=as_axis(axis), keepdims=keepdims, dtype=wide)
    return result.astype(x.dtype if jnp.issubdtype(x.dtype, jnp.inexact) else wide)

@op
def median(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the median over `axis`: the middle element, or the mean of the two in the middle."""
    return jnp.median(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op
def min(x: TensorLike, axis: Axis = None, keepdims: bool = False, initial: float | None = None) -> Array:
    """Return the smallest element over `axis`, and not more than `initial`."""
    return jnp.min(tensor(x), axis=as_axis(axis), keepdims=keepdims, initial=initial)

@op
def nanargmax(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return the index of the largest element that is not NaN; -1 where all are NaN."""
    return jnp.nanargmax(tensor(x), axis=axis, keepdims=keepdims)

@op
def nanargmin(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return the index of the smallest element that is not NaN; -1 where all are NaN."""
    return jnp.nanargmin(tensor(x), axis=axis, keepdims=keepdims)

@op
def nancumprod(x: TensorLike, axis: int | None = None, dtype: str | None = None) -> Array:
    """Return running products along `axis`, NaN counting as 1."""
    return jnp.nancumprod(tensor(x), axis=axis, dtype=dtype and standardize_dtype(dtype))

@op
def nancumsum(x: TensorLike, axis: int | None = None, dtype: str | None = None) -> Array:
    """Return running sums along `axis`, NaN counting as 0."""
    return jnp.nancumsum(tensor(x), axis=axis, dtype=dtype and standardize_dtype(dtype))

@op
def nanmax(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the largest element over `axis`, ignoring NaN."""
    return jnp.nanmax(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op
def nanmean(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the mean over `axis`, ignoring NaN."""
    return jnp.nanmean(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op
def nanmedian(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the median over `axis`, ignoring NaN."""
    return jnp.nanmedian(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op
def nanmin(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the smallest element over `axis`, ignoring NaN."""
    return jnp.nanmin(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op
def nanprod(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the product over `axis`, ignoring NaN."""
    return jnp.nanprod(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op
def nanstd(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the standard deviation over `axis`, ignoring NaN."""
    return jnp.nanstd(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op
def nansum(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the sum over `axis`, ignoring NaN."""
    return jnp.nansum(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op
def nanvar(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the variance over `axis`, ignoring NaN."""
    return jnp.nanvar(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op
def nanpercentile(
    x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Return the `q`-th percentiles over `axis`, ignoring NaN; see `percentile`."""
    return jnp.nanpercentile(tensor(x), tensor(q), axis=as_axis(axis), method=method, keepdims=keepdims)

@op
def nanquantile(
    x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Return the `q`-th quantiles over `axis`, ignoring NaN; see `quantile`."""
    return jnp.nanquantile(tensor(x), tensor(q), axis=as_axis(axis), method=method, keepdims=keepdims)

@op
def percentile(
    x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Return the `q`-th percentiles over `axis`: `quantile` with `q` in [0, 100]."""
    return jnp.percentile(tensor(x), tensor(q), axis=as_axis(axis), method=method, keepdims=keepdims)

@op
def prod(x: TensorLike, axis: Axis = None, keepdims: bool = False, dtype: str | None = None) -> Array:
    """Return the product over `axis`, computed in `dtype`."""
    return jnp.prod(tensor(x), axis=as_axis(axis), keepdims=keepdims, dtype=dtype and standardize_dtype(dtype))

@op
def ptp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return largest minus smallest element over `axis`."""
    return jnp.ptp(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op
def quantile(x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Array:
    """Return the `q`-th quantiles over `axis`.

    Args:
        x: a tensor.
        q: a number or vector in [0, 1]; the axis of a vector comes first in the result.
        axis: the axes to reduce; None for all.
        method: how to place a quantile between two elements: `"linear"`, `"lower"`, `"higher"`, `"midpoint"` or
            `"nearest"`.
        keepdims: keep the reduced axes with size 1.
    """
    return jnp.quantile(tensor(x), tensor(q), axis=as_axis(axis), method=method, keepdims=keepdims)

@op
def std(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the standard deviation over `axis`."""
    return jnp.std(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op
def sum(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the sum over `axis`."""
    return jnp.sum(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op
def var(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the variance over `axis`, computed in float32 at least; integers give floats."""
    x = tensor(x)
    wide = result_type(x.dtype, "float32")
    return jnp.var(x, axis=as_axis(axis), keepdims=keepdims, dtype=wide).astype(result_type(x.dtype, float))
