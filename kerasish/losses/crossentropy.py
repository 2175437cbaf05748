"""Cross-entropies: binary, categorical, of integer labels, and their focal forms."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp

from kerasish import ops
from kerasish.core.config import epsilon
from kerasish.core.masks import set_mask
from kerasish.losses.arrays import as_array, as_arrays, check_concrete_labels
from kerasish.losses.loss import FunctionLoss


def _widened(y_pred: jax.Array) -> jax.Array:
    """Return half-precision predictions as float32: next to 1 they are too coarse for the logarithm of `1 - p`."""
    return y_pred.astype(jnp.promote_types(y_pred.dtype, jnp.float32))


def _check_axis(axis: Any) -> None:
    if isinstance(axis, bool):
        raise ValueError(f"`axis` must be an integer, received axis={axis}.")


def _smoothed(y_true: jax.Array, label_smoothing: float, classes: int) -> jax.Array:
    return y_true * (1.0 - label_smoothing) + label_smoothing / classes if label_smoothing else y_true


def _warn_about_one_class(function: str, y_pred: jax.Array) -> None:
    if y_pred.shape[-1:] == (1,):
        warnings.warn(
            f"{function}: y_pred has shape {y_pred.shape}, that is one class, for which the loss is always 0. For two "
            "classes and one unit use 'binary_crossentropy'.",
            SyntaxWarning,
            stacklevel=3,
        )


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> jax.Array:
    """Return `mean(-y_true · log(y_pred) - (1 - y_true) · log(1 - y_pred))` over `axis`.

    Args:
        y_true: labels 0 and 1 of shape `(batch, ..., d)`.
        y_pred: probabilities of the same shape, or logits.
        from_logits: whether `y_pred` holds logits.
        label_smoothing: in [0, 1]; labels move by this share towards 0.5.
        axis: axis of the mean.

    Returns:
        Array of shape `(batch, ...)`.
    """
    y_true, y_pred = as_arrays(y_true, y_pred)
    values = ops.binary_crossentropy(_smoothed(y_true, label_smoothing, 2), _widened(y_pred), from_logits)
    return jnp.mean(values, axis=axis).astype(y_pred.dtype)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """Return the binary cross-entropy weighted by `(1 - p)^gamma`, where `p` is the probability of the true label.

    Easy samples count less. Source: https://arxiv.org/abs/1708.02002.

    Args:
        y_true: labels 0 and 1 of shape `(batch, ..., d)`.
        y_pred: probabilities of the same shape, or logits.
        apply_class_balancing: weight label 1 by `alpha` and label 0 by `1 - alpha`.
        alpha: weight of label 1.
        gamma: how much easy samples are played down.
        from_logits: whether `y_pred` holds logits.
        label_smoothing: in [0, 1]; labels move by this share towards 0.5.
        axis: axis of the mean.

    Returns:
        Array of shape `(batch, ...)`.
    """
    y_true, y_pred = as_arrays(y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, 2)
    p = _widened(y_pred)
    p = jax.nn.sigmoid(p) if from_logits else p
    values = ops.binary_crossentropy(y_true, p)
    right = y_true * p + (1 - y_true) * (1 - p)
    values = jnp.power(1.0 - right, gamma) * values
    if apply_class_balancing:
        values = (y_true * alpha + (1 - y_true) * (1 - alpha)) * values
    return jnp.mean(values, axis=axis).astype(y_pred.dtype)


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> jax.Array:
    """Return `-Σ y_true · log(y_pred)` over the classes.

    Args:
        y_true: one-hot labels or probabilities of shape `(batch, ..., classes)`.
        y_pred: probabilities of the same shape (divided by their sum first), or logits.
        from_logits: whether `y_pred` holds logits.
        label_smoothing: in [0, 1]; labels move by this share towards the even distribution.
        axis: axis of the classes.

    Returns:
        Array of shape `(batch, ...)`.

    Example:
        >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])
        Array([0.6931472], dtype=float32)
    """
    _check_axis(axis)
    y_true, y_pred = as_arrays(y_true, y_pred)
    _warn_about_one_class("categorical_crossentropy", y_pred)
    y_true = _smoothed(y_true, label_smoothing, y_true.shape[axis])
    return ops.categorical_crossentropy(y_true, _widened(y_pred), from_logits, axis).astype(y_pred.dtype)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """Return `-Σ alpha · (1 - y_pred)^gamma · y_true · log(y_pred)` over the classes.

    Args:
        y_true: one-hot labels of shape `(batch, ..., classes)`.
        y_pred: probabilities of the same shape (divided by their sum first), or logits.
        alpha: weight, a number or one per class.
        gamma: how much easy samples are played down.
        from_logits: whether `y_pred` holds logits.
        label_smoothing: in [0, 1]; labels move by this share towards the even distribution.
        axis: axis of the classes.

    Returns:
        Array of shape `(batch, ...)`.
    """
    _check_axis(axis)
    y_true, y_pred = as_arrays(y_true, y_pred)
    _warn_about_one_class("categorical_focal_crossentropy", y_pred)
    y_true = _smoothed(y_true, label_smoothing, y_true.shape[axis])
    p = _widened(y_pred)
    p = jax.nn.softmax(p, axis=axis) if from_logits else p
    p = jnp.clip(p / jnp.sum(p, axis=axis, keepdims=True), epsilon(), 1.0 - epsilon())
    weights = jnp.power(1.0 - p, gamma) * as_array(alpha, p.dtype)
    return jnp.sum(-weights * y_true * jnp.log(p), axis=axis).astype(y_pred.dtype)


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> jax.Array:
    """Return `-log(y_pred[y_true])`, the cross-entropy of class numbers.

    Args:
        y_true: class numbers of the shape of `y_pred` without the class axis, or with size 1 in its place.
        y_pred: probabilities of shape `(batch, ..., classes)` (divided by their sum first), or logits.
        from_logits: whether `y_pred` holds logits.
        ignore_class: entries with this number have loss 0 and a mask that leaves them out of means.
        axis: axis of the classes.

    Returns:
        Array of shape `(batch, ...)`.

    Raises:
        ValueError: in eager code, if a class number is out of range. While JAX traces, labels have no values and
            numbers out of range get loss 0; `fit` and `evaluate` check the data before.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]])
        Array([0.6931472], dtype=float32)
    """
    y_true, y_pred = as_array(y_true), as_array(y_pred)
    if y_true.ndim == y_pred.ndim and y_true.ndim and y_true.shape[axis] == 1:
        y_true = jnp.squeeze(y_true, axis)
    logits = _widened(y_pred if axis in (-1, y_pred.ndim - 1) else jnp.moveaxis(y_pred, axis, -1))
    check_concrete_labels(y_true, logits.shape[-1], ignore_class)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, logits, from_logits).astype(y_pred.dtype)
    counts = y_true != ignore_class
    y_true, logits = jnp.where(counts, y_true, 0), jnp.where(counts[..., None], logits, 0)
    values = ops.sparse_categorical_crossentropy(y_true, logits, from_logits)
    values = jnp.where(counts, values, 0.0).astype(y_pred.dtype)
    set_mask(values, counts)
    return values


class BinaryCrossentropy(FunctionLoss):
    """Cross-entropy of labels 0 and 1; see `binary_crossentropy`.

    Args:
        from_logits: whether predictions are logits.
        label_smoothing: in [0, 1]; labels move by this share towards 0.5.
        axis: axis of the mean.
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        arguments = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(binary_crossentropy, reduction, name, dtype, **arguments)


class BinaryFocalCrossentropy(FunctionLoss):
    """Binary cross-entropy that plays easy samples down; see `binary_focal_crossentropy`.

    Args:
        apply_class_balancing: weight label 1 by `alpha` and label 0 by `1 - alpha`.
        alpha: weight of label 1.
        gamma: how much easy samples are played down.
        from_logits: whether predictions are logits.
        label_smoothing: in [0, 1]; labels move by this share towards 0.5.
        axis: axis of the mean.
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalCrossentropy(FunctionLoss):
    """Cross-entropy of one-hot labels; see `categorical_crossentropy`.

    Args:
        from_logits: whether predictions are logits.
        label_smoothing: in [0, 1]; labels move by this share towards the even distribution.
        axis: axis of the classes.
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        arguments = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_crossentropy, reduction, name, dtype, **arguments)


class CategoricalFocalCrossentropy(FunctionLoss):
    """Cross-entropy of one-hot labels that plays easy samples down; see `categorical_focal_crossentropy`.

    Args:
        alpha: weight, a number or one per class.
        gamma: how much easy samples are played down.
        from_logits: whether predictions are logits.
        label_smoothing: in [0, 1]; labels move by this share towards the even distribution.
        axis: axis of the classes.
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(FunctionLoss):
    """Cross-entropy of class numbers; see `sparse_categorical_crossentropy`.

    Args:
        from_logits: whether predictions are logits.
        ignore_class: entries with this number do not count.
        reduction: see `Loss`.
        axis: axis of the classes.
        name: name of the loss.
        dtype: see `Loss`.
    """

    _keeps_integer_targets = True
    _written_if_changed = ("axis",)

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        arguments = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(sparse_categorical_crossentropy, reduction, name, dtype, **arguments)
