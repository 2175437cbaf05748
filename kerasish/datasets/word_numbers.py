"""The conventions that IMDB and Reuters share for turning ranked words into integers."""

from collections.abc import Iterable, Sequence

import numpy as np


def shift_words(sequences: Iterable[Sequence[int]], start_char: int | None, index_from: int) -> list[list[int]]:
    """Add `index_from` to every word number and put `start_char`, where there is one, in front."""
    start = [] if start_char is None else [start_char]
    return [start + [word + index_from for word in words] for words in sequences]


def drop_long(maxlen: int, sequences: list[list[int]], labels: np.ndarray) -> tuple[list[list[int]], np.ndarray]:
    """Keep the sequences with fewer than `maxlen` entries, and their labels."""
    kept = [index for index, words in enumerate(sequences) if len(words) < maxlen]
    if not kept:
        raise ValueError(f"No sequence has fewer than maxlen={maxlen} entries; increase `maxlen`.")
    return [sequences[index] for index in kept], labels[kept]


def limit_vocabulary(
    sequences: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None
) -> np.ndarray:
    """Replace word numbers outside `[skip_top, num_words)` by `oov_char`, or drop them where that is None.

    Without `num_words` the largest number that occurs is the limit, which it does not reach itself: so in Keras.

    Returns:
        An array of lists.
    """
    limit = num_words or max(max(words, default=0) for words in sequences)
    result = np.empty(len(sequences), dtype=object)
    for index, words in enumerate(sequences):
        if oov_char is None:
            result[index] = [word for word in words if skip_top <= word < limit]
        else:
            result[index] = [word if skip_top <= word < limit else oov_char for word in words]
    return result
