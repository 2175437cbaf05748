"""Normalization, attention, and encodings of integers."""

import functools
import warnings
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from kerasish.core.config import epsilon as default_epsilon
from kerasish.core.config import is_flash_attention_enabled
from kerasish.core.dtypes import result_type, standardize_dtype
from kerasish.core.symbolic import op
from kerasish.ops._tensors import Array, Axis, Ints, TensorLike, as_axis, as_saved, canonical_axes, tensor, to_sparse


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _moments(x: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    return jnp.mean(x, axes, keepdims=True), jnp.var(x, axes, keepdims=True)


@_moments.defjvp
def _moments_jvp(axes: tuple[int, ...], primals: tuple, tangents: tuple) -> tuple:
    # Without the terms that cancel, which XLA keeps: batch normalization trains 1.2 to 2 times as fast on a CPU,
    # layer normalization 1.05 to 1.2 times.
    (x,), (dx,) = primals, tangents
    mean, variance = _moments(x, axes)
    return (mean, variance), (jnp.mean(dx, axes, keepdims=True), 2 * jnp.mean((x - mean) * dx, axes, keepdims=True))


@op(tensors=("x",))
def moments(x: TensorLike, axes: Ints, keepdims: bool = False, synchronized: bool = False) -> tuple[Array, Array]:
    """Return mean and variance over `axes`; half-precision inputs are summed in float32.

    Args:
        x: a tensor.
        axes: the axes to reduce.
        keepdims: keep them with size 1.
        synchronized: kept for compatibility; True raises NotImplementedError (under `jit` none is needed).
    """
    if synchronized:
        raise NotImplementedError("moments: synchronized=True is not available; arrays sharded under jit need none.")
    x = tensor(x)
    dtype = x.dtype
    half = dtype in ("float16", "bfloat16")
    x = x.astype(result_type(dtype, "float32"))
    axes = canonical_axes(as_axis(axes), x.ndim)
    results = _moments(x, axes) if keepdims else tuple(jnp.squeeze(result, axes) for result in _moments(x, axes))
    if not half:
        return results
    limit = float(jnp.finfo("float16").max)
    return tuple(jnp.clip(result, -limit, limit).astype(dtype) for result in results)


@op(tensors=("x", "mean", "variance", "offset", "scale"), keras_class="BatchNorm")
def batch_normalization(
    x: TensorLike, mean: TensorLike, variance: TensorLike, axis: int, offset: TensorLike | None = None,
    scale: TensorLike | None = None, epsilon: float = 1e-3,
) -> Array:  # fmt: skip
    """Return `(x - mean) / sqrt(variance + epsilon) * scale + offset`.

    Args:
        x: a tensor.
        mean: vector along `axis` of `x`.
        variance: likewise.
        axis: the axis of the features.
        offset: likewise, or None.
        scale: likewise, or None.
        epsilon: added to the variance.
    """
    x = tensor(x)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    mean, variance, offset, scale = (
        None if value is None else jnp.reshape(tensor(value), shape) for value in (mean, variance, offset, scale)
    )
    factor = lax.rsqrt(variance + epsilon)
    factor = factor if scale is None else factor * scale
    shift = -mean * factor
    return x * factor + (shift if offset is None else shift + offset)


@op(tensors=("x", "gamma", "beta"), keras_class="LayerNorm")
def layer_normalization(
    x: TensorLike, gamma: TensorLike | None = None, beta: TensorLike | None = None, axis: Axis = -1,
    epsilon: float | None = None, rms_scaling: bool = False,
) -> Array:  # fmt: skip
    """Normalize to mean 0 and variance 1 over `axis`, then apply `* gamma + beta`; computed in float32 at least.

    Args:
        x: a tensor.
        gamma: tensor of the shape of the normalized axes, or None.
        beta: likewise.
        axis: the axes to normalize over.
        epsilon: added to the variance; None for `config.epsilon()`.
        rms_scaling: deprecated: divide by the standard deviation without subtracting the mean, and add no `beta`.
    """
    x = tensor(x)
    dtype, x = x.dtype, x.astype(result_type(x.dtype, "float32"))
    axes = sorted(canonical_axes(axis, x.ndim))
    shape = [size if index in axes else 1 for index, size in enumerate(x.shape)]

    def fit(value: Any) -> Any:
        value = None if value is None else tensor(value, str(x.dtype))
        return value if value is None or value.ndim == x.ndim or axes == [x.ndim - 1] else jnp.reshape(value, shape)

    gamma, beta = fit(gamma), fit(beta)
    mean, variance = _moments(x, tuple(axes))
    factor = lax.rsqrt(variance + (default_epsilon() if epsilon is None else epsilon))
    if rms_scaling:
        warnings.warn(
            "layer_normalization: rms_scaling=True is deprecated and divides by the standard deviation; for the root "
            "mean square use `rms_normalization`.",
            stacklevel=3,
        )
        return (x * (factor if gamma is None else factor * gamma)).astype(dtype)
    # Not (x - mean) * factor: XLA would store the difference, to read it for the variance as well.
    x = x * factor - mean * factor
    x = x if gamma is None else x * gamma
    return (x if beta is None else x + beta).astype(dtype)


@op(tensors=("x", "scale"), named=("scale",), keras_class="RMSNorm")
def rms_normalization(
    x: TensorLike, scale: TensorLike | None = None, axis: Axis = -1, epsilon: float | None = None
) -> Array:
    """Return `x / sqrt(mean(x**2) + epsilon) * scale` over `axis`, computed in float32 at least."""
    x = tensor(x)
    dtype, x = x.dtype, jnp.atleast_1d(x).astype(result_type(x.dtype, "float32"))
    square = jnp.mean(jnp.square(x), axis=as_axis(axis), keepdims=True)
    x = x * lax.rsqrt(square + (default_epsilon() if epsilon is None else epsilon))
    return (x if scale is None else x * tensor(scale, str(x.dtype))).astype(dtype)


@op
def normalize(x: TensorLike, axis: Axis = -1, order: int = 2, epsilon: float | None = None) -> Array:
    """Divide by the norm of order `order` over `axis`, or by `epsilon` (None: `config.epsilon()`) if it is more."""
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"normalize: `order` must be an integer of at least 1, received order={order!r}.")
    x = jnp.atleast_1d(tensor(x))
    epsilon = default_epsilon() if epsilon is None else epsilon
    if order == 2:
        square = jnp.sum(jnp.square(x), axis=as_axis(axis), keepdims=True)
        return x * jnp.minimum(lax.rsqrt(square), 1.0 / epsilon)
    return x / jnp.maximum(jnp.linalg.norm(x, ord=order, axis=as_axis(axis), keepdims=True), epsilon)


def _fused_attention_works(arguments: dict[str, Any]) -> bool:
    """Return whether cuDNN's attention takes these arguments; JAX checks that while tracing."""
    if jax.default_backend() != "gpu" or arguments["query"].dtype not in ("float16", "bfloat16"):
        return False
    arrays = {name: value for name, value in arguments.items() if isinstance(value, jax.Array)}
    others = {name: value for name, value in arguments.items() if name not in arrays}
    try:
        attend = functools.partial(jax.nn.dot_product_attention, implementation="cudnn", **others)
        jax.eval_shape(lambda arrays: attend(**arrays), arrays)
    except (ValueError, NotImplementedError, RuntimeError):
        return False
    return True


@op(tensors=("query", "key", "value", "bias", "mask", "scale"), named=("bias", "mask", "scale"))
def dot_product_attention(
    query: TensorLike, key: TensorLike, value: TensorLike, bias: TensorLike | None = None,
    mask: TensorLike | None = None, scale: float | None = None, is_causal: bool = False,
    flash_attention: bool | None = None, attn_logits_soft_cap: float | None = None,
) -> Array:  # fmt: skip
    """Return `softmax(scale * query @ key^T + bias) @ value` for every head.

    Args:
        query: tensor of shape `(batch, queries, heads, depth)`.
        key: tensor of shape `(batch, keys, key_heads, depth)`; `heads` is a multiple of `key_heads`.
        value: tensor of shape `(batch, keys, key_heads, depth)`.
        bias: added to the logits; broadcasts to `(batch, heads, queries, keys)`.
        mask: boolean, True where a query may look; broadcasts likewise.
        scale: factor of the logits, `1 / sqrt(depth)` by default.
        is_causal: let no query look beyond its own position.
        flash_attention: use the fused kernel of the GPU; None where it is possible, True raises where it is not.
        attn_logits_soft_cap: kept for compatibility; only a TPU kernel has it, so it raises ValueError.

    Returns:
        Tensor of the shape of `query`.
    """
    if attn_logits_soft_cap is not None:
        raise ValueError(
            "dot_product_attention: `attn_logits_soft_cap` is not available, received "
            f"attn_logits_soft_cap={attn_logits_soft_cap}."
        )
    query, key, value = tensor(query), tensor(key), tensor(value)
    if not query.ndim == key.ndim == value.ndim == 4:
        raise ValueError(
            "dot_product_attention: `query`, `key`, `value` must have shape (batch, positions, heads, depth), received "
            f"shapes {query.shape}, {key.shape}, {value.shape}."
        )
    dtype = result_type(query.dtype, key.dtype, value.dtype)
    tensors = {
        "query": query.astype(dtype),
        "key": key.astype(dtype),
        "value": value.astype(dtype),
        "bias": None if bias is None else tensor(bias, dtype),
        "mask": None if mask is None else tensor(mask, "bool"),
    }
    settings = {"scale": scale, "is_causal": is_causal}
    fused = flash_attention
    if fused is None:
        fused = is_flash_attention_enabled() is not False and _fused_attention_works({**tensors, **settings})

    def attend(tensors: dict) -> Array:
        return jax.nn.dot_product_attention(**tensors, **settings, implementation="cudnn" if fused else "xla")

    def attend_in_float32(tensors: dict) -> Array:
        wide = {name: x if x is None or name == "mask" else x.astype("float32") for name, x in tensors.items()}
        return attend(wide).astype(dtype)

    if fused or dtype != "float16":
        return attend(tensors)
    # XLA's CPU compiler refuses the float16 products that JAX writes here.
    return lax.platform_dependent(tensors, cpu=attend_in_float32, default=attend)


@op(tensors=("x",), saved=as_saved)
def one_hot(x: TensorLike, num_classes: int, axis: int = -1, dtype: str | None = None, sparse: bool = False) -> Array:
    """Return vectors with a 1 at the place `x` and 0 elsewhere; all 0 for integers out of range.

    Args:
        x: integers.
        num_classes: length of the vectors.
        axis: where they lie in the result.
        dtype: of the result, `floatx` by default.
        sparse: return a `jax.experimental.sparse.BCOO`.
    """
    dense = jax.nn.one_hot(tensor(x), num_classes, axis=axis, dtype=standardize_dtype(dtype))
    return to_sparse(dense) if sparse else dense


def _saved_multi_hot(settings: dict) -> dict:
    settings = as_saved(settings)
    num_tokens = settings.pop("num_tokens")
    return settings if settings["num_classes"] is not None else settings | {"num_classes": num_tokens}


@op(tensors=("inputs",), saved=_saved_multi_hot)
def multi_hot(
    inputs: TensorLike, num_classes: int | None = None, axis: int = -1, dtype: str | None = None, sparse: bool = False,
    num_tokens: int | None = None,
) -> Array:  # fmt: skip
    """Return vectors with a 1 at every place that occurs in a row of `inputs`.

    Args:
        inputs: integers of shape `(length,)` or `(batch, length, ...)`.
        num_classes: length of the vectors.
        axis: where they lie before the rows are merged.
        dtype: of the result, `floatx` by default.
        sparse: return a `jax.experimental.sparse.BCOO`.
        num_tokens: former name of `num_classes`.
    """
    num_classes = num_tokens if num_classes is None else num_classes
    if num_classes is None:
        raise ValueError("multi_hot: `num_classes` must be given.")
    x = tensor(inputs)
    encoded = jax.nn.one_hot(x.astype("int32"), num_classes, axis=axis, dtype=standardize_dtype(dtype))
    dense = jnp.max(encoded, axis=1 if x.ndim > 1 else 0)
    return to_sparse(dense) if sparse else dense


@op
def polar(abs_: TensorLike, angle: TensorLike) -> Array:
    """Return complex numbers of modulus `abs_` and angle `angle`."""
    abs_, angle = tensor(abs_), tensor(angle)
    return lax.complex(abs_ * jnp.cos(angle), abs_ * jnp.sin(angle))
