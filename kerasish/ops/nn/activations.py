"""Activation functions."""

import functools
import warnings
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core.symbolic import op
from kerasish.ops._tensors import Array, Axis, TensorLike, as_axis, canonical_axis, tensor

# Short functions stand close together.
# fmt: off

# Outside `jit` these take 0.1 ms each as JAX has them (custom derivatives, checks in Python), jitted a twentieth of it.
_relu = jax.jit(jax.nn.relu, inline=True)
_relu6 = jax.jit(jax.nn.relu6, inline=True)
_gelu = jax.jit(jax.nn.gelu, static_argnums=1, inline=True)
_softmax = jax.jit(jax.nn.softmax, static_argnames="axis", inline=True)
_hard_shrink = jax.jit(lambda x, limit: jnp.where(jnp.abs(x) > limit, x, 0.0), inline=True)
_soft_shrink = jax.jit(lambda x, limit: jnp.where(jnp.abs(x) > limit, x - jnp.sign(x) * limit, 0.0), inline=True)
_tanh_shrink = jax.jit(lambda x: x - jnp.tanh(x), inline=True)

@functools.partial(jax.jit, static_argnames="axis", inline=True)
def _sparsemax(x: Array, axis: int) -> Array:
    x = jnp.moveaxis(x, axis, -1)
    ordered = jnp.flip(jnp.sort(x, axis=-1), axis=-1)
    sums = jnp.cumsum(ordered, axis=-1)
    rank = jnp.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    count = jnp.sum(1 + rank * ordered > sums, axis=-1, keepdims=True)
    threshold = (jnp.take_along_axis(sums, count - 1, axis=-1) - 1) / count.astype(x.dtype)
    return jnp.moveaxis(jnp.maximum(x - threshold, 0), -1, axis)

@op
def celu(x: TensorLike, alpha: float = 1.0) -> Array:
    """Return `x` where it is positive, else `alpha * (exp(x / alpha) - 1)`."""
    return jax.nn.celu(tensor(x), alpha=alpha)

@op
def elu(x: TensorLike, alpha: float = 1.0) -> Array:
    """Return `x` where it is positive, else `alpha * (exp(x) - 1)`."""
    return jax.nn.elu(tensor(x), alpha=alpha)

@op
def gelu(x: TensorLike, approximate: bool = True) -> Array:
    """Return `x` times the normal distribution function at `x`; `approximate` uses a tanh formula for it."""
    return _gelu(tensor(x), approximate)

@op
def glu(x: TensorLike, axis: int = -1) -> Array:
    """Return the first half of `x` along `axis` times the sigmoid of the second half."""
    return jax.nn.glu(tensor(x), axis=axis)

@op
def hard_shrink(x: TensorLike, threshold: float = 0.5) -> Array:
    """Return `x` where `|x| > threshold`, else 0."""
    return _hard_shrink(tensor(x), threshold)

@op
def hard_sigmoid(x: TensorLike) -> Array:
    """Return `x / 6 + 1 / 2` limited to [0, 1]."""
    return jax.nn.hard_sigmoid(tensor(x))

@op
def hard_silu(x: TensorLike) -> Array:
    """Return `x * hard_sigmoid(x)`."""
    return jax.nn.hard_silu(tensor(x))

hard_swish = hard_silu

@op
def hard_tanh(x: TensorLike) -> Array:
    """Return `x` limited to [-1, 1]."""
    return jax.nn.hard_tanh(tensor(x))

@op
def leaky_relu(x: TensorLike, negative_slope: float = 0.2) -> Array:
    """Return `x` where it is positive, else `negative_slope * x`."""
    return jax.nn.leaky_relu(tensor(x), negative_slope=negative_slope)

@op
def log_sigmoid(x: TensorLike) -> Array:
    """Return `-log(1 + exp(-x))`."""
    return jax.nn.log_sigmoid(tensor(x))

@op
def log_softmax(x: TensorLike, axis: Axis = -1) -> Array:
    """Return the logarithm of `softmax`, without loss of precision."""
    return jax.nn.log_softmax(tensor(x), axis=as_axis(axis))

@op
def relu(x: TensorLike) -> Array:
    """Return `max(x, 0)`."""
    return _relu(tensor(x))

@op
def relu6(x: TensorLike) -> Array:
    """Return `x` limited to [0, 6]."""
    return _relu6(tensor(x))

@op
def selu(x: TensorLike) -> Array:
    """Return `1.0507 * elu(x, 1.6733)`, which keeps mean 0 and variance 1 (Klambauer et al., 2017)."""
    return jax.nn.selu(tensor(x))

@op
def sigmoid(x: TensorLike) -> Array:
    """Return `1 / (1 + exp(-x))`."""
    return jax.nn.sigmoid(tensor(x))

@op
def silu(x: TensorLike) -> Array:
    """Return `x * sigmoid(x)`."""
    return jax.nn.silu(tensor(x))

swish = silu

@op
def soft_shrink(x: TensorLike, threshold: float = 0.5) -> Array:
    """Move `x` by `threshold` towards 0, and to 0 where it is nearer."""
    return _soft_shrink(tensor(x), threshold)

@op
def softmax(x: TensorLike, axis: Axis = -1) -> Array:
    """Return `exp(x) / sum(exp(x))` over `axis`, which may be several axes."""
    x = tensor(x)
    if isinstance(axis, int) and x.shape[canonical_axis(axis, x.ndim)] == 1:
        warnings.warn(
            f"softmax over axis {axis} of a tensor of shape {x.shape}, an axis of size 1, is always 1; "
            "did you mean sigmoid?",
            stacklevel=3,
        )
    return _softmax(x, axis=as_axis(axis))

@op
def softplus(x: TensorLike) -> Array:
    """Return `log(1 + exp(x))`."""
    return jax.nn.softplus(tensor(x))

@op
def softsign(x: TensorLike) -> Array:
    """Return `x / (1 + |x|)`."""
    return jax.nn.soft_sign(tensor(x))

@op
def sparse_plus(x: TensorLike) -> Array:
    """Return 0 for `x <= -1`, `x` for `x >= 1`, `(x + 1)**2 / 4` between."""
    return jax.nn.sparse_plus(tensor(x))

@op
def sparse_sigmoid(x: TensorLike) -> Array:
    """Return 0 for `x <= -1`, 1 for `x >= 1`, `(x + 1) / 2` between."""
    return jax.nn.sparse_sigmoid(tensor(x))

@op
def sparsemax(x: TensorLike, axis: int = -1) -> Array:
    """Return the nearest point to `x` among the probability distributions over `axis` (Martins & Astudillo, 2016)."""
    return _sparsemax(tensor(x), axis)

@op
def squareplus(x: TensorLike, b: float = 4) -> Array:
    """Return `(x + sqrt(x**2 + b)) / 2`."""
    return jax.nn.squareplus(tensor(x), b=b)

@op
def tanh_shrink(x: TensorLike) -> Array:
    """Return `x - tanh(x)`."""
    return _tanh_shrink(tensor(x))

@op(tensors=("x",))
def threshold(x: TensorLike, threshold: float, default_value: Any) -> Array:
    """Return `x` where it is above `threshold`, else `default_value`."""
    x = tensor(x)
    return jnp.where(x > threshold, x, default_value)
