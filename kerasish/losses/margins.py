"""Hinge losses, which reward predictions on the right side of a margin."""

from typing import Any

import jax
import jax.numpy as jnp

from kerasish.losses.arrays import as_arrays
from kerasish.losses.loss import FunctionLoss


def _as_signs(y_true: jax.Array) -> jax.Array:
    """Return labels 0 and 1 as -1 and 1, if there are no other labels."""
    is_binary = jnp.all((y_true == 0) | (y_true == 1))
    return jnp.where(is_binary, 2.0 * y_true - 1.0, y_true)


def hinge(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `mean(max(1 - y_true · y_pred, 0))` over the last axis.

    Args:
        y_true: labels -1 and 1 (or 0 and 1) of shape `(batch, ..., d)`.
        y_pred: predictions of the same shape.

    Returns:
        Array of shape `(batch, ...)`.
    """
    y_true, y_pred = as_arrays(y_true, y_pred)
    return jnp.mean(jnp.maximum(1.0 - _as_signs(y_true) * y_pred, 0.0), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `mean(max(1 - y_true · y_pred, 0)²)` over the last axis; arguments as in `hinge`."""
    y_true, y_pred = as_arrays(y_true, y_pred)
    return jnp.mean(jnp.square(jnp.maximum(1.0 - _as_signs(y_true) * y_pred, 0.0)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `max(1 + neg - pos, 0)`: `pos` is the score of the true class, `neg` the best score of another.

    Args:
        y_true: one-hot labels of shape `(batch, ..., classes)`.
        y_pred: scores of the same shape.

    Returns:
        Array of shape `(batch, ...)`.
    """
    y_true, y_pred = as_arrays(y_true, y_pred)
    positive = jnp.sum(y_true * y_pred, axis=-1)
    negative = jnp.max((1.0 - y_true) * y_pred, axis=-1)
    return jnp.maximum(negative - positive + 1.0, 0.0)


class Hinge(FunctionLoss):
    """Hinge loss; see `hinge`.

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "hinge", dtype: Any = None
    ) -> None:
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(FunctionLoss):
    """Squared hinge loss; see `squared_hinge`. Arguments as in `Hinge`."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "squared_hinge", dtype: Any = None
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(FunctionLoss):
    """Hinge loss between one-hot labels and scores; see `categorical_hinge`. Arguments as in `Hinge`."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "categorical_hinge", dtype: Any = None
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)
