"""The activation functions: those of `ops`, four more, and the table of their names."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core import registry
from kerasish.core.symbolic import op
from kerasish.ops._tensors import tensor
from kerasish.ops.nn import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh_shrink,
    threshold,
)
from kerasish.ops.nn import gelu as gelu_op
from kerasish.ops.numpy import exp, tanh

swish = silu
hard_swish = hard_silu

_MODULE = "keras.src.activations.activations"


@op(keras_class="ReLU", keras_module=_MODULE)
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> jax.Array:
    """Return `max(x, 0)`, with options.

    Args:
        x: a tensor.
        negative_slope: slope below the threshold.
        max_value: upper limit of the result.
        threshold: where the positive part starts; values of `x` up to it give `negative_slope * (x - threshold)`.

    Example:
        >>> relu([-2.0, 3.0, 9.0], negative_slope=0.5, max_value=6.0)
        Array([-1., 3., 6.], dtype=float32)
    """
    return _relu(tensor(x), negative_slope, max_value, threshold)


@functools.partial(jax.jit, static_argnums=(1, 2, 3), inline=True)
def _relu(x: jax.Array, negative_slope: float, max_value: float | None, threshold: float) -> jax.Array:
    if threshold != 0:
        positive = jnp.where(x > threshold, x, 0)
    else:
        positive = jax.nn.relu6(x) if max_value == 6 else jax.nn.relu(x)
    if max_value is not None:
        positive = jnp.clip(positive, 0, max_value)
    return positive - negative_slope * jax.nn.relu(threshold - x) if negative_slope != 0 else positive


def gelu(x: Any, approximate: bool = False) -> jax.Array:
    """Return `x` times the normal distribution function at `x`; `approximate` uses a tanh formula for it."""
    return gelu_op(x, approximate=approximate)


def exponential(x: Any) -> jax.Array:
    """Return e to the power of `x`."""
    return exp(x)


def linear(x: Any) -> Any:
    """Return `x` as it is."""
    return x


@op(keras_module=_MODULE)
def mish(x: Any) -> jax.Array:
    """Return `x * tanh(softplus(x))` (Misra, 2019)."""
    return _mish(tensor(x))


_mish = jax.jit(lambda x: x * jnp.tanh(jax.nn.softplus(x)), inline=True)


_FUNCTIONS: dict[str, Callable] = {
    function.__name__: function
    for function in (
        celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear,
        log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign,
        sparse_plus, sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink, threshold,
    )
}  # fmt: skip
_ALIASES = {"swish": silu, "hard_swish": hard_silu}

registry.builtins("keras.activations", _FUNCTIONS | _ALIASES)


def serialize(activation: Any) -> Any:
    """Return the name of a built-in activation, or the config of another function or object.

    Raises:
        ValueError: for a lambda, which has no name that a config could hold.
    """
    builtin = registry.builtin_name(activation)
    if builtin is not None and builtin[0] == "keras.activations":
        return builtin[1]
    return registry.serialize_keras_object(activation)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the activation that a name or config describes."""
    return registry.deserialize_keras_object(config, custom_objects, module_objects=_FUNCTIONS | _ALIASES)


def get(identifier: Any) -> Callable:
    """Return the activation for a name, a config, a callable, or None (`linear`).

    Raises:
        ValueError: if nothing is found; the text lists close names.
    """
    if identifier is None:
        return linear
    return registry.resolve(identifier, _FUNCTIONS | _ALIASES, "activation function")
