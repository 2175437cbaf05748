"""Padding and truncation of ragged sequences to one length."""

from collections.abc import Sequence
from typing import Any

import numpy as np

_SIDES = ("pre", "post")


def pad_sequences(
    sequences: Sequence,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Bring sequences to the same length and stack them.

    Args:
        sequences: sequences of numbers, strings, or equally shaped arrays, of any lengths.
        maxlen: the common length; by default that of the longest sequence.
        dtype: type of the result; `object` for strings of varying length.
        padding: `"pre"` puts the padding before a sequence that is too short, `"post"` after it.
        truncating: `"pre"` cuts the beginning of a sequence that is too long, `"post"` its end.
        value: the padding.

    Returns:
        An array of shape `(len(sequences), maxlen, ...)`.

    Raises:
        ValueError: if an entry is not a sequence, entries differ in the shape of their elements, or a string `value`
            meets a numeric `dtype`.

    Example:
        >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
        array([[0, 1],
               [2, 3],
               [5, 6]], dtype=int32)
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in _SIDES:
            raise ValueError(f"pad_sequences: `{name}` must be 'pre' or 'post', received {name}={side!r}.")
    if not hasattr(sequences, "__len__"):
        raise ValueError(f"pad_sequences: `sequences` must be a list of sequences, received {type(sequences)}.")
    holds_text = np.issubdtype(dtype, np.str_) or np.issubdtype(dtype, np.bytes_)
    if isinstance(value, str) and dtype is not object and not holds_text:
        raise ValueError(f"pad_sequences: value={value!r} does not fit dtype={dtype!r}; pass dtype=object for strings.")
    lengths = [_length(sequence, index) for index, sequence in enumerate(sequences)]
    first = next((sequence for sequence, length in zip(sequences, lengths) if length), ())
    element_shape = np.asarray(first).shape[1:]
    if maxlen is None:
        maxlen = max(lengths, default=0)
    result = np.full((len(lengths), maxlen, *element_shape), value, dtype=dtype)
    for index, sequence in enumerate(sequences):
        # sequence[-0:] would be all of it.
        start = max(lengths[index] - maxlen, 0) if truncating == "pre" else 0
        kept = np.asarray(sequence[start : start + maxlen], dtype=dtype)
        if not len(kept):
            continue
        if kept.shape[1:] != element_shape:
            raise ValueError(
                f"pad_sequences: the elements of sequences[{index}] have shape {kept.shape[1:]}, those of the first "
                f"sequence {element_shape}; all must agree."
            )
        if padding == "pre":
            result[index, maxlen - len(kept) :] = kept
        else:
            result[index, : len(kept)] = kept
    return result


def _length(sequence: Any, index: int) -> int:
    try:
        return len(sequence)
    except TypeError:
        raise ValueError(
            f"pad_sequences: `sequences` must be a list of sequences, but sequences[{index}] is {sequence!r}."
        ) from None
