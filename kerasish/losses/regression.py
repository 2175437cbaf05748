"""Losses between real-valued targets and predictions."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core.config import epsilon
from kerasish.losses.arrays import as_aligned_arrays
from kerasish.losses.loss import FunctionLoss


def mean_squared_error(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `mean((y_true - y_pred)²)` over the last axis.

    Args:
        y_true: targets of shape `(batch, ..., d)`.
        y_pred: predictions of the same shape.

    Returns:
        Array of shape `(batch, ...)`.

    Example:
        >>> mean_squared_error([[0.0, 1.0]], [[0.0, 3.0]])
        Array([2.], dtype=float32)
    """
    y_true, y_pred = as_aligned_arrays(y_true, y_pred)
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `mean(|y_true - y_pred|)` over the last axis; arguments as in `mean_squared_error`."""
    y_true, y_pred = as_aligned_arrays(y_true, y_pred)
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `100 · mean(|(y_true - y_pred) / y_true|)` over the last axis; arguments as in `mean_squared_error`.

    Targets nearer to 0 than `epsilon()` count as `epsilon()`.
    """
    y_true, y_pred = as_aligned_arrays(y_true, y_pred)
    return 100.0 * jnp.mean(jnp.abs((y_true - y_pred) / jnp.maximum(jnp.abs(y_true), epsilon())), axis=-1)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `mean((log(1 + y_true) - log(1 + y_pred))²)` over the last axis; arguments as in `mean_squared_error`.

    Values below `epsilon()` count as `epsilon()`.
    """
    y_true, y_pred = as_aligned_arrays(y_true, y_pred)
    difference = jnp.log(jnp.maximum(y_pred, epsilon()) + 1.0) - jnp.log(jnp.maximum(y_true, epsilon()) + 1.0)
    return jnp.mean(jnp.square(difference), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> jax.Array:
    """Return the Huber loss, the mean over the last axis of `e²/2` where `|e| <= delta`, else `delta·|e| - delta²/2`.

    Args:
        y_true: targets of shape `(batch, ..., d)`.
        y_pred: predictions of the same shape.
        delta: error at which the loss turns from quadratic to linear.

    Returns:
        Array of shape `(batch, ...)`.
    """
    y_true, y_pred = as_aligned_arrays(y_true, y_pred)
    error = y_pred - y_true
    size = jnp.abs(error)
    return jnp.mean(jnp.where(size <= delta, 0.5 * jnp.square(error), delta * size - 0.5 * delta * delta), axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `mean(log(cosh(y_pred - y_true)))` over the last axis; arguments as in `mean_squared_error`."""
    y_true, y_pred = as_aligned_arrays(y_true, y_pred)
    error = y_pred - y_true
    # log cosh x = x + log(1 + exp(-2x)) - log 2 does not overflow.
    return jnp.mean(error + jax.nn.softplus(-2.0 * error) - np.log(2.0).item(), axis=-1)


def unit_vectors(x: jax.Array, axis: int = -1) -> jax.Array:
    """Return `x` divided by its Euclidean norm along `axis`, zero vectors as they are."""
    # Squares of half-precision numbers leave their range; and bounding the square rather than the norm keeps the
    # gradient at zero vectors finite.
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    squared = jnp.sum(jnp.square(wide), axis=axis, keepdims=True)
    return (wide * jax.lax.rsqrt(jnp.maximum(squared, epsilon() ** 2))).astype(x.dtype)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> jax.Array:
    """Return minus the cosine of the angle between targets and predictions, -1 where they point the same way.

    Args:
        y_true: targets of shape `(batch, ..., d)`.
        y_pred: predictions of the same shape.
        axis: axis along which the vectors lie.

    Returns:
        Array without that axis.
    """
    y_true, y_pred = as_aligned_arrays(y_true, y_pred)
    return -jnp.sum(unit_vectors(y_true, axis) * unit_vectors(y_pred, axis), axis=axis)


class MeanSquaredError(FunctionLoss):
    """Mean of squared differences; see `mean_squared_error`.

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(FunctionLoss):
    """Mean of absolute differences; see `mean_absolute_error`. Arguments as in `MeanSquaredError`."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(FunctionLoss):
    """Mean of absolute differences in percent of the target; see `mean_absolute_percentage_error`.

    Arguments as in `MeanSquaredError`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(FunctionLoss):
    """Mean of squared differences of logarithms; see `mean_squared_logarithmic_error`.

    Arguments as in `MeanSquaredError`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class Huber(FunctionLoss):
    """Quadratic for small errors, linear for large ones; see `huber`.

    Args:
        delta: error at which the loss turns from quadratic to linear.
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.
    """

    _written_if_changed = ("delta",)

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


class LogCosh(FunctionLoss):
    """Logarithm of the hyperbolic cosine of the error; see `log_cosh`. Arguments as in `MeanSquaredError`."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "log_cosh",
        dtype: Any = None,
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)


class CosineSimilarity(FunctionLoss):
    """Minus the cosine between targets and predictions; see `cosine_similarity`.

    Args:
        axis: axis along which the vectors lie.
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.
    """

    _written_if_changed = ("axis",)

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)
