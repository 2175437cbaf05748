"""Losses between probability distributions over given targets: divergences, counts and generalized cross-entropy."""

from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core.config import epsilon
from kerasish.losses.arrays import as_array, as_arrays, check_concrete_labels
from kerasish.losses.loss import FunctionLoss


def kl_divergence(y_true: Any, y_pred: Any) -> jax.Array:
    """Return the Kullback-Leibler divergence `Σ y_true · log(y_true / y_pred)` over the last axis.

    Args:
        y_true: probabilities of shape `(batch, ..., classes)`; clipped to `[epsilon(), 1]`.
        y_pred: predicted probabilities of the same shape, clipped likewise.

    Returns:
        Array of shape `(batch, ...)`.
    """
    y_true, y_pred = as_arrays(y_true, y_pred)
    y_true, y_pred = jnp.clip(y_true, epsilon(), 1), jnp.clip(y_pred, epsilon(), 1)
    return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `mean(y_pred - y_true · log(y_pred))` over the last axis: Poisson's log-likelihood up to a constant.

    Args:
        y_true: counts of shape `(batch, ..., d)`.
        y_pred: predicted means of the same shape.

    Returns:
        Array of shape `(batch, ...)`.
    """
    y_true, y_pred = as_arrays(y_true, y_pred)
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + epsilon()), axis=-1)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> jax.Array:
    """Return `(1 - p^q) / q`, where `p` is the probability of the true class: robust against wrong labels.

    Source: https://arxiv.org/abs/1805.07836.

    Args:
        y_true: class numbers of shape `(batch, ...)`, or with a last axis of size 1.
        y_pred: probabilities of shape `(batch, ..., classes)`.
        q: between 0 (cross-entropy) and 1 (mean absolute error).

    Returns:
        Array of shape `(batch, ...)`.

    Raises:
        ValueError: in eager code, if a class number is out of range.
    """
    y_true, y_pred = as_array(y_true), as_array(y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = jnp.squeeze(y_true, -1)
    check_concrete_labels(y_true, y_pred.shape[-1])
    p = jnp.sum(y_pred * jax.nn.one_hot(y_true.astype("int32"), y_pred.shape[-1], dtype=y_pred.dtype), axis=-1)
    # p^q has no finite slope at 0; the inner choice keeps it out of the gradient.
    powered = jnp.where(p > 0, jnp.power(jnp.where(p > 0, p, 1.0), q), 0.0)
    return (1 - powered) / q


class KLDivergence(FunctionLoss):
    """Kullback-Leibler divergence; see `kl_divergence`.

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "kl_divergence", dtype: Any = None
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


class Poisson(FunctionLoss):
    """Poisson loss for counts; see `poisson`. Arguments as in `KLDivergence`."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "poisson", dtype: Any = None
    ) -> None:
        super().__init__(poisson, reduction, name, dtype)


class CategoricalGeneralizedCrossEntropy(FunctionLoss):
    """Cross-entropy that is robust against wrong labels; see `categorical_generalized_cross_entropy`.

    Args:
        q: strictly between 0 and 1.
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    Raises:
        ValueError: if `q` lies outside that range.
    """

    _keeps_integer_targets = True

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(f"CategoricalGeneralizedCrossEntropy: `q` must lie between 0 and 1, received q={q}.")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)
