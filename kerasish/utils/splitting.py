"""split_dataset: a data set in two parts."""

import math
from typing import Any

import numpy as np

from kerasish.core import tree


def split_dataset(
    dataset: Any,
    left_size: float | int | None = None,
    right_size: float | int | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Split a data set into a left and a right part, such as for training and testing.

    Args:
        dataset: an array, a list, tuple or dict of arrays of the same length, or anything with `len` and indexing that
            returns samples.
        left_size: number of samples of the left part, or their fraction as a float in [0, 1]; None: what the right
            part leaves.
        right_size: the same for the right part.
        shuffle: whether to shuffle before splitting.
        seed: for shuffling; None draws another order each time.
        preferred_backend: no effect; kept for compatibility.

    Returns:
        Two data sets: arrays nested like `dataset`, or lists of samples.

    Raises:
        TypeError: if a size is no number or the data set cannot be indexed.
        ValueError: if the sizes are missing, out of range, or leave a part empty.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = split_dataset((x, y), left_size=0.8)
    """
    is_arrays = tree.is_nested(dataset) or isinstance(dataset, np.ndarray) or hasattr(dataset, "__array__")
    if not is_arrays and not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise TypeError(
            "split_dataset: `dataset` must be an array, a nest of arrays, or have `len` and indexing; received "
            f"{type(dataset).__name__}."
        )
    if is_arrays:
        columns = [np.asarray(column) for column in tree.flatten(dataset)]
        lengths = {len(column) for column in columns}
        if len(lengths) != 1:
            raise ValueError(f"split_dataset: arrays must have the same length, received lengths {sorted(lengths)}.")
        total = lengths.pop()
    else:
        total = len(dataset)
    left, right = _sizes(left_size, right_size, total)
    order = np.random.default_rng(seed).permutation(total) if shuffle else np.arange(total)
    chosen = order[:left], order[total - right :] if left_size is None else order[left : left + right]
    if not is_arrays:
        return tuple([dataset[int(index)] for index in part] for part in chosen)  # type: ignore[return-value]
    return tuple(tree.pack_sequence_as(dataset, [column[part] for column in columns]) for part in chosen)  # type: ignore[return-value]


def _sizes(left: float | int | None, right: float | int | None, total: int) -> tuple[int, int]:
    """Return both sizes in samples."""
    if left is None and right is None:
        raise ValueError("split_dataset: give `left_size`, `right_size` or both; received neither.")
    for name, size in (("left_size", left), ("right_size", right)):
        if size is None:
            continue
        if isinstance(size, bool) or not isinstance(size, (int, float, np.integer)):
            raise TypeError(f"split_dataset: `{name}` must be an int or a float, received {size!r}.")
        limit = 1.0 if isinstance(size, float) else total
        if not 0 <= size <= limit or size == 0:
            raise ValueError(f"split_dataset: `{name}` must lie between 0 and {limit}, received {size!r}.")
    left = round(left * total) if isinstance(left, float) else left
    right = math.floor(right * total) if isinstance(right, float) else right
    left = total - right if left is None else left  # type: ignore[operator]
    right = total - left if right is None else right
    if left + right > total:
        raise ValueError(f"split_dataset: the parts of {left} and {right} samples exceed the {total} there are.")
    if left == 0 or right == 0:
        raise ValueError(
            f"split_dataset: with {total} samples the parts would have {left} and {right}; adjust the sizes."
        )
    return left, right
