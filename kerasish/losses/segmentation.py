"""Overlap losses for segmentation maps."""

from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core.config import epsilon
from kerasish.losses.arrays import as_arrays
from kerasish.losses.loss import FunctionLoss

Axis = int | tuple[int, ...] | list[int] | None


def _as_axis(axis: Axis) -> int | tuple[int, ...] | None:
    return tuple(axis) if isinstance(axis, list) else axis


def dice(y_true: Any, y_pred: Any, axis: Axis = None) -> jax.Array:
    """Return the Dice loss `1 - 2 Σ(y_true · y_pred) / (Σ y_true + Σ y_pred)`.

    Args:
        y_true: masks, as a rule of shape `(batch, height, width, channels)`, values in [0, 1].
        y_pred: predicted masks of the same shape.
        axis: axes summed over; None for all, which gives a scalar.

    Returns:
        Array without those axes.
    """
    y_true, y_pred = as_arrays(y_true, y_pred)
    axis = _as_axis(axis)
    overlap = jnp.sum(y_true * y_pred, axis=axis)
    return 1 - 2.0 * overlap / (jnp.sum(y_true, axis=axis) + jnp.sum(y_pred, axis=axis) + epsilon())


def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Axis = None) -> jax.Array:
    """Return the Tversky loss `1 - overlap / (overlap + alpha · a + beta · b)`, the Dice loss with other weights.

    `overlap` is `Σ(y_true · y_pred)`, `a = Σ(y_true · (1 - y_pred))` what was missed and
    `b = Σ((1 - y_true) · y_pred)` what was predicted in excess. Source: https://arxiv.org/abs/1706.05721.

    Args:
        y_true: masks, values in [0, 1].
        y_pred: predicted masks of the same shape.
        alpha: weight of what was missed.
        beta: weight of what was predicted in excess.
        axis: axes summed over; None for all.

    Returns:
        Array without those axes.
    """
    y_true, y_pred = as_arrays(y_true, y_pred)
    axis = _as_axis(axis)
    overlap = jnp.sum(y_true * y_pred, axis=axis)
    missed = jnp.sum((1 - y_pred) * y_true, axis=axis)
    excess = jnp.sum(y_pred * (1 - y_true), axis=axis)
    return 1 - overlap / (overlap + missed * alpha + excess * beta + epsilon())


class Dice(FunctionLoss):
    """Dice loss; see `dice`.

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        axis: axes summed over; None for all.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Axis = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(FunctionLoss):
    """Tversky loss; see `tversky`.

    Args:
        alpha: weight of what was missed.
        beta: weight of what was predicted in excess.
        reduction: see `Loss`.
        name: name of the loss.
        axis: axes summed over; None for all.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Axis = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
