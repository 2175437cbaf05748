"""Data for fit, evaluate and predict: choosing a source, splitting off validation data, packing and unpacking."""

import inspect
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from kerasish.core import config, tree
from kerasish.layers.host import as_arrays
from kerasish.training.array_source import ArraySource, HostArraySource
from kerasish.training.class_weight import check_class_weight
from kerasish.training.columns import Column, lists_to_arrays
from kerasish.training.iterator_source import IteratorSource, describe
from kerasish.training.source import Source


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Return `(x, y, sample_weight)` of a batch as `train_step` receives it, None for what is missing.

    Args:
        data: `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`; a list is read like a tuple.

    Raises:
        ValueError: for a tuple of another length.

    Example:
        >>> unpack_x_y_sample_weight((1, 2))
        (1, 2, None)
    """
    if not isinstance(data, (list, tuple)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            f"Data must be `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`, received a {type(data).__name__} of "
            f"{len(data)}: {data!r}."
        )
    return (*data, *(None,) * (3 - len(data)))  # type: ignore[return-value]


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Return the reverse of `unpack_x_y_sample_weight`: the shortest of `x`, `(x, y)` and `(x, y, sample_weight)`.

    `x` alone is wrapped into `(x,)` if it is a list or tuple, so that it is not taken for a batch.

    Example:
        >>> pack_x_y_sample_weight(1, 2)
        (1, 2)
    """
    if y is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def train_validation_split(arrays: Any, validation_split: float) -> tuple[Any, Any]:
    """Split arrays into a first part for training and a last part for validation.

    Args:
        arrays: nested arrays of equal length; None is allowed in it.
        validation_split: share of the samples that goes to validation, between 0 and 1.

    Returns:
        `(train, validation)`, each nested like `arrays`. Data on disk is not read yet.

    Raises:
        ValueError: if `arrays` holds something else than arrays, or one part would be empty.

    Example:
        >>> train_validation_split(np.arange(4), 0.25)
        (array([0, 1, 2]), array([3]))
    """
    if isinstance(validation_split, bool) or not 0 < validation_split < 1:
        raise ValueError(
            f"`validation_split` must lie between 0 and 1, received validation_split={validation_split!r}."
        )
    arrays = lists_to_arrays(arrays, "x")
    leaves = [leaf for leaf in tree.flatten(arrays) if leaf is not None]
    others = sorted({type(leaf).__name__ for leaf in leaves if not _is_array(leaf)})
    if others:
        raise ValueError(
            f"`validation_split` needs arrays to split, received {', '.join(others)}. Pass `validation_data` instead."
        )
    if not leaves:
        return arrays, arrays
    total = leaves[0].shape[0] if len(leaves[0].shape) else 0
    split_at = math.floor(total * (1.0 - validation_split))
    if split_at in (0, total):
        raise ValueError(
            f"The data has {total} samples, too few to split with validation_split={validation_split}: one of the two "
            "parts would be empty. Pass more data, or another `validation_split`."
        )
    return (
        tree.map_structure(lambda leaf: _slice(leaf, 0, split_at), arrays, none_is_leaf=False),
        tree.map_structure(lambda leaf: _slice(leaf, split_at, total), arrays, none_is_leaf=False),
    )


def _slice(leaf: Any, start: int, stop: int) -> Any:
    if isinstance(leaf, (np.ndarray, jax.Array)):
        return leaf[start:stop]
    if hasattr(leaf, "iloc"):
        return leaf.iloc[start:stop]
    return Column(leaf).part(start, stop)


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, (np.ndarray, jax.Array, Column)) or (
        hasattr(leaf, "shape") and (hasattr(leaf, "__array__") or hasattr(leaf, "tocsr") or hasattr(leaf, "dtype"))
    )


def make_source(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    steps_per_epoch: int | None = None,
    shuffle: bool | str = False,
    class_weight: Mapping[int, float] | None = None,
    epochs: int = 1,
    host: Callable[[Any], Any] | None = None,
) -> Source:
    """Return the source of batches for the data arguments of `fit`, `evaluate` and `predict`.

    Args:
        x: array-likes (nested in lists, tuples, dicts), or something that yields batches: a generator, a PyDataset, a
            data loader, a `tf.data.Dataset`, any iterable. A Source is returned as it is.
        y: targets, for arrays only.
        sample_weight: weights of the samples, for arrays only.
        batch_size: samples per batch, for arrays only; 32 if None.
        steps_per_epoch: batches in an epoch; None: all there are.
        shuffle: True, False or `"batch"` (within each batch), for arrays and, as True, for a PyDataset.
        class_weight: dict from class index to weight.
        epochs: number of epochs, a positive integer.
        host: computes the host part of a model on the inputs of a batch (see `host_of`).

    Raises:
        ValueError: naming the argument that is missing, malformed or does not go with the others.
    """
    if isinstance(x, Source):
        return x
    _check_count("batch_size", batch_size)
    _check_count("steps_per_epoch", steps_per_epoch)
    _check_count("epochs", epochs)
    if isinstance(shuffle, str) and shuffle != "batch":
        raise ValueError(f"`shuffle` must be True, False or 'batch', received shuffle={shuffle!r}.")
    if class_weight is not None:
        check_class_weight(class_weight)
    if x is None:
        raise ValueError("`x` is missing: pass arrays, or something that yields batches.")
    max_steps = config.max_steps_per_epoch()
    if tree.is_nested(x) or _is_array(x) or hasattr(x, "__array__"):
        options: Any = (y, sample_weight, batch_size, steps_per_epoch, shuffle, class_weight, max_steps)
        return ArraySource(x, *options) if host is None else HostArraySource(host, x, *options)
    _check_iterable(x, y, sample_weight)
    if shuffle == "batch":
        warnings.warn("`shuffle='batch'` is for arrays; what yields batches by itself is left as it is.", stacklevel=3)
        shuffle = False
    return IteratorSource(x, steps_per_epoch, shuffle, class_weight, max_steps, host)


def host_of(model: Any) -> Callable[[Any], Any] | None:
    """Return what computes the host part of a model on inputs; None for a model that is compiled as a whole."""
    if not getattr(model, "_starts_on_host", False):
        return None

    def host(x: Any) -> Any:
        x = as_arrays(x, "x")
        if not model.built:
            model._build_for((x,), {})
        return model._graph.on_host(x)

    return host


def _check_count(name: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"`{name}` must be a positive integer, received {name}={value!r} ({type(value).__name__}).")


def _check_iterable(x: Any, y: Any, sample_weight: Any) -> None:
    """Refuse what is neither arrays nor iterable, and arguments that an iterable has to hold itself."""
    if inspect.isgeneratorfunction(x):
        raise ValueError(f"`x` is the generator function {x.__name__!r}; call it: `{x.__name__}(...)`.")
    feed = None if isinstance(x, (str, bytes)) else describe(x)
    if feed is None:
        advice = ""
        if hasattr(x, "__getitem__") and hasattr(x, "__len__") and not isinstance(x, (str, bytes)):
            advice = " A dataset of single samples has to be wrapped in a loader that makes batches."
        raise ValueError(
            f"`x` must be arrays or something that yields batches, received {x!r} of type {type(x).__name__}.{advice}"
        )
    for name, value, what in (("y", y, "targets"), ("sample_weight", sample_weight, "sample weights")):
        if value is not None:
            raise ValueError(
                f"`{name}` must not be passed when `x` is a {feed.kind}: the {what} have to come with each batch."
            )
