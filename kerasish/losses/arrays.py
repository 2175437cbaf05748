"""Conversions that losses and metrics begin with: arrays of one dtype and one rank, and checked class labels."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core import tree
from kerasish.core.variable import Variable


def as_array(x: Any, dtype: Any = None) -> jax.Array:
    """Return a NumPy or JAX array, Variable, number or nested list as a JAX array, cast to `dtype` if given."""
    if isinstance(x, Variable):
        x = x.value
    if isinstance(x, jax.Array):
        return x if dtype is None or x.dtype == dtype else x.astype(dtype)
    if hasattr(x, "todense"):
        x = x.todense()
    return jnp.asarray(x, dtype)


def map_tensors(convert: Callable, structure: Any) -> Any:
    """Apply `convert` to every tensor of a nest, where a (nested) list of numbers is one tensor."""
    if not tree.is_nested(structure):
        return convert(structure)

    def replace(part: Any) -> Any:
        if isinstance(part, (list, tuple)):
            leaves = tree.flatten(part)
            is_tensor = bool(leaves) and all(isinstance(leaf, (bool, int, float, np.number)) for leaf in leaves)
        else:
            is_tensor = not tree.is_nested(part)
        return convert(part) if is_tensor else None

    return tree.traverse(replace, structure)


def as_arrays(y_true: Any, y_pred: Any) -> tuple[jax.Array, jax.Array]:
    """Return targets and predictions as arrays, the targets in the dtype of the predictions."""
    y_pred = as_array(y_pred)
    return as_array(y_true, y_pred.dtype), y_pred


def as_aligned_arrays(y_true: Any, y_pred: Any) -> tuple[jax.Array, jax.Array]:
    """Return targets and predictions as arrays of one dtype, their ranks equal if a last axis of size 1 allows."""
    return squeeze_or_expand_to_same_rank(*as_arrays(y_true, y_pred))


def squeeze_or_expand_to_same_rank(
    x1: jax.Array, x2: jax.Array, expand_rank_1: bool = True
) -> tuple[jax.Array, jax.Array]:
    """Make two ranks that differ by one equal, where the last axis of the larger array has size 1.

    Args:
        x1: array.
        x2: array.
        expand_rank_1: give an array of rank 1 a last axis; otherwise take that of the other array away.

    Returns:
        Both arrays, unchanged where the rule does not apply.
    """
    if x1.ndim == x2.ndim + 1 and x1.shape[-1] == 1:
        if x2.ndim == 1 and expand_rank_1:
            x2 = x2[..., None]
        else:
            x1 = jnp.squeeze(x1, -1)
    elif x2.ndim == x1.ndim + 1 and x2.shape[-1] == 1:
        if x1.ndim == 1 and expand_rank_1:
            x1 = x1[..., None]
        else:
            x2 = jnp.squeeze(x2, -1)
    return x1, x2


def check_labels(y: Any, num_classes: int, ignore_class: int | None = None, name: str = "y_true") -> None:
    """Check that class numbers lie in `[0, num_classes)`; meant for data on the host, once before training.

    Args:
        y: array of class numbers (integers, or floats with integral values) of any shape.
        num_classes: the number of classes, as a rule the size of the last axis of the predictions.
        ignore_class: a number that may occur besides.
        name: what to call `y` in the error.

    Raises:
        ValueError: naming the range found, if a number lies outside.

    Example:
        >>> check_labels(np.array([0, 3]), num_classes=3)
        Traceback (most recent call last):
        ValueError: `y_true` holds class numbers from 0 to 3 ...
    """
    labels = np.asarray(y)
    if ignore_class is not None:
        labels = labels[labels != ignore_class]
    if labels.size == 0:
        return
    low, high = labels.min(), labels.max()
    # Written so that NaN fails as well.
    if low >= 0 and high < num_classes:
        return
    besides = "" if ignore_class is None else f" (or {ignore_class}, which is ignored)"
    raise ValueError(
        f"`{name}` holds class numbers from {low} to {high}; expected numbers from 0 to {num_classes - 1}{besides}, as "
        f"the predictions have {num_classes} classes. Renumber the labels, give the last layer more units, or pass "
        "`ignore_class=` if one number marks entries that do not count."
    )


def check_concrete_labels(y: jax.Array, num_classes: int, ignore_class: int | None = None) -> None:
    """Apply `check_labels` to labels that have values; while JAX traces, they have none and nothing is checked."""
    if not isinstance(y, jax.core.Tracer):
        check_labels(y, num_classes, ignore_class)
