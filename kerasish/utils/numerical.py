"""Conversions of labels and arrays used to prepare data: one-hot labels and normalization."""

from typing import Any

import jax
import numpy as np

from kerasish import ops
from kerasish.core.symbolic import is_symbolic
from kerasish.core.variable import Variable


def _is_tensor(x: Any) -> bool:
    return isinstance(x, jax.Array | Variable) or is_symbolic(x)


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Turn class numbers into one-hot rows.

    Args:
        x: integers from 0 to `num_classes - 1` of any shape; a last dimension of size 1 is dropped.
        num_classes: the number of classes; the largest number plus one where None (arrays and lists only).

    Returns:
        One-hot rows of shape `x.shape + (num_classes,)`: a float64 NumPy array, or a tensor of the default float type
        if `x` is a tensor.

    Raises:
        ValueError: if a class number is negative or not below `num_classes`.

    Example:
        >>> to_categorical([0, 2])
        array([[1., 0., 0.],
               [0., 0., 1.]])
    """
    if _is_tensor(x):
        if num_classes is None:
            raise ValueError("to_categorical: `num_classes` must be given when `x` is a tensor.")
        if len(x.shape) > 1 and x.shape[-1] == 1:
            x = ops.squeeze(x, axis=-1)
        return ops.one_hot(x, num_classes)
    labels = np.asarray(x).astype("int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if not num_classes:
        if not labels.size:
            raise ValueError("to_categorical: `x` is empty, so `num_classes` must be given.")
        num_classes = int(labels.max()) + 1
    if labels.size and not 0 <= labels.min() <= labels.max() < num_classes:
        raise ValueError(
            f"to_categorical: class numbers must lie between 0 and num_classes - 1 = {num_classes - 1}; received "
            f"numbers from {labels.min()} to {labels.max()}."
        )
    rows = np.zeros((*labels.shape, num_classes))
    np.put_along_axis(rows, labels[..., None], 1.0, axis=-1)
    return rows


def normalize(x: Any, axis: int = -1, order: float = 2) -> Any:
    """Divide by the norm along one axis; where the norm is 0, values stay as they are.

    Args:
        x: array or tensor.
        axis: the axis along which the norm is taken.
        order: order of the norm, 2 for the Euclidean one.

    Returns:
        A NumPy array for a NumPy array, else a tensor.

    Example:
        >>> normalize(np.array([[3.0, 4.0]]))
        array([[0.6, 0.8]])
    """
    if not isinstance(x, np.ndarray):
        return ops.normalize(x, axis=axis, order=order)
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norm == 0, 1, norm)
