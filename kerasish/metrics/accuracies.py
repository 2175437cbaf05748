"""Accuracy in its forms: equal values, thresholds, one-hot labels, class numbers, and top-k."""

from typing import Any

import jax
import jax.numpy as jnp

from kerasish import ops
from kerasish.core.config import floatx
from kerasish.core.platform_forms.argmax import argmax
from kerasish.losses.arrays import as_aligned_arrays, as_array, squeeze_or_expand_to_same_rank
from kerasish.metrics.reductions import FunctionMetric


def accuracy(y_true: Any, y_pred: Any) -> jax.Array:
    """Return 1 where targets and predictions are equal, else 0."""
    y_true, y_pred = as_aligned_arrays(y_true, y_pred)
    return (y_true == y_pred).astype(floatx())


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> jax.Array:
    """Return 1 where `y_pred > threshold` agrees with the label 0 or 1, else 0.

    Args:
        y_true: labels 0 and 1.
        y_pred: probabilities of the same shape.
        threshold: what counts as label 1.

    Returns:
        Array of the shape of `y_true`.
    """
    y_true, y_pred = squeeze_or_expand_to_same_rank(as_array(y_true), as_array(y_pred))
    return (y_true == (y_pred > threshold).astype(y_true.dtype)).astype(floatx())


def categorical_accuracy(y_true: Any, y_pred: Any) -> jax.Array:
    """Return 1 where the largest prediction is that of the true class, else 0.

    Args:
        y_true: one-hot labels of shape `(batch, ..., classes)`.
        y_pred: scores of the same shape.

    Returns:
        Array of shape `(batch, ...)`.
    """
    labels, y_pred = argmax(as_array(y_true), axis=-1), as_array(y_pred)
    if labels.ndim == y_pred.ndim:
        return _matches(jnp.squeeze(labels, -1), y_pred).reshape(labels.shape)
    return _matches(labels, y_pred)


def _matches(labels: jax.Array, y_pred: jax.Array) -> jax.Array:
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        # Half precision cannot tell large class numbers apart.
        labels = labels.astype("float32")
    return (labels == argmax(y_pred, axis=-1)).astype(floatx())


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> jax.Array:
    """Return 1 where the largest prediction is that of the true class, else 0.

    Args:
        y_true: class numbers of shape `(batch, ...)` or `(batch, ..., 1)`.
        y_pred: scores of shape `(batch, ..., classes)`.

    Returns:
        Array of shape `(batch, ...)`, without a last axis of size 1.
    """
    labels, y_pred = as_array(y_true), as_array(y_pred)
    if labels.ndim == y_pred.ndim and labels.shape[-1] == 1:
        return _matches(jnp.squeeze(labels, -1), y_pred)
    matches = _matches(labels, y_pred)
    return jnp.squeeze(matches, -1) if matches.ndim > 1 and matches.shape[-1] == 1 else matches


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> jax.Array:
    """Return 1 where the true class is among the `k` largest predictions, else 0.

    Args:
        y_true: one-hot labels of shape `(batch, ..., classes)`.
        y_pred: scores of the same shape.
        k: how many predictions count.

    Returns:
        Array of shape `(batch, ...)`.
    """
    return sparse_top_k_categorical_accuracy(argmax(as_array(y_true), axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> jax.Array:
    """Return 1 where the true class is among the `k` largest predictions, else 0.

    Args:
        y_true: class numbers of shape `(batch, ...)`.
        y_pred: scores of shape `(batch, ..., classes)`; with `from_sorted_ids` class numbers, the best first.
        k: how many predictions count.
        from_sorted_ids: see `y_pred`.

    Returns:
        Array of the shape of `y_true`.
    """
    y_pred = as_array(y_pred)
    y_true = as_array(y_true, y_pred.dtype if from_sorted_ids else "int32")
    rows = y_pred.reshape(-1, y_pred.shape[-1])
    labels = y_true.reshape(-1)
    if from_sorted_ids:
        matches = jnp.any(labels[:, None] == rows[:, :k], axis=1)
    else:
        matches = ops.in_top_k(labels, rows, k)
    return matches.astype(floatx()).reshape(y_true.shape)


class Accuracy(FunctionMetric):
    """Share of predictions that equal the target.

    Args:
        name: name of the metric.
        dtype: see `Metric`.
    """

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(FunctionMetric):
    """Share of predictions on the right side of a threshold; see `binary_accuracy`.

    Args:
        name: name of the metric.
        dtype: see `Metric`.
        threshold: what counts as label 1.
    """

    _direction = "up"

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(FunctionMetric):
    """Share of samples whose best class is the one-hot label's; see `categorical_accuracy`.

    Arguments as in `Accuracy`.
    """

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(FunctionMetric):
    """Share of samples whose best class is the label; see `sparse_categorical_accuracy`. Arguments as in `Accuracy`."""

    _direction = "up"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(FunctionMetric):
    """Share of samples whose one-hot label is among the best `k` classes; see `top_k_categorical_accuracy`.

    Args:
        k: how many predictions count.
        name: name of the metric.
        dtype: see `Metric`.
    """

    _direction = "up"

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(FunctionMetric):
    """Share of samples whose label is among the best `k` classes; see `sparse_top_k_categorical_accuracy`.

    Args:
        k: how many predictions count.
        name: name of the metric.
        dtype: see `Metric`.
        from_sorted_ids: predictions are class numbers, the best first.
    """

    _direction = "up"
    _written_if_changed = ("from_sorted_ids",)

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
