"""Class weights turned into sample weights."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasish.core import config


def check_class_weight(class_weight: Any) -> None:
    """Raise ValueError unless `class_weight` is a dict from class index to a finite number, none below 0."""
    advice = "`class_weight` must be a dict from class index to weight, such as {0: 1.0, 1: 2.5}"
    if not isinstance(class_weight, Mapping):
        raise ValueError(f"{advice}; received {class_weight!r} of type {type(class_weight).__name__}.")
    for label, weight in class_weight.items():
        if isinstance(label, bool) or not isinstance(label, (int, np.integer)):
            raise ValueError(f"{advice}; received the class {label!r} of type {type(label).__name__}.")
        try:
            number = float(weight)
        except (TypeError, ValueError):
            number = -1.0
        if not (np.isfinite(number) and number >= 0):
            raise ValueError(f"{advice}; received the weight {weight!r} for class {label}.")


def class_weight_to_sample_weights(y: Any, class_weight: Mapping[int, float]) -> np.ndarray:
    """Return the weight of every sample by its class.

    Args:
        y: class indices of shape `(samples,)` or `(samples, ..., 1)`, or one-hot rows of shape
            `(samples, ..., classes)`.
        class_weight: dict from class index to weight; a class that is not in it has weight 1.

    Returns:
        Array of dtype `floatx` with the shape of the class indices.

    Raises:
        ValueError: if `class_weight` is no such dict, or `y` has no axis of samples.

    Example:
        >>> class_weight_to_sample_weights(np.array([0, 1, 2]), {1: 3.0})
        array([1., 3., 1.], dtype=float32)
    """
    check_class_weight(class_weight)
    labels = np.asarray(y)
    if labels.ndim == 0:
        raise ValueError("`class_weight` needs targets `y` with one class per sample; `y` is a single value.")
    if labels.ndim > 1:
        labels = labels[..., 0] if labels.shape[-1] == 1 else labels.argmax(axis=-1)
    labels = np.round(labels.astype("float64")).astype("int64") if labels.dtype.kind not in "iu" else labels
    present, where = np.unique(labels, return_inverse=True)
    weights = np.array([class_weight.get(int(label), 1.0) for label in present], dtype="float64")
    return weights[where.reshape(labels.shape)].astype(config.floatx())
