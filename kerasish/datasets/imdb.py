"""IMDB: 50,000 film reviews as word numbers, labelled good or bad."""

import json

from kerasish.datasets.pickled import read_npz
from kerasish.datasets.sources import fetch
from kerasish.datasets.splits import Split, shuffled_orders
from kerasish.datasets.word_numbers import drop_long, limit_vocabulary, shift_words


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Split:
    """Load the reviews, downloading 17 MB on first use.

    Words are numbered by frequency, so limits on the numbers keep common words. 0 is left for padding. Source: Maas
    et al., Learning Word Vectors for Sentiment Analysis, ACL 2011.

    Args:
        path: file name in the cache (`~/.kerasish/datasets`, or below `$KERASISH_HOME`).
        num_words: numbers from here on become `oov_char`; None keeps all but the largest number.
        skip_top: numbers below become `oov_char`.
        maxlen: leave out reviews with this many words or more.
        seed: seed of the shuffle.
        start_char: number put before every review, None for none.
        oov_char: number in place of words left out; None drops them.
        index_from: added to every word number.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of 25,000 lists of integers, and int64 labels 0 (bad) and 1.

    Raises:
        ValueError: if `maxlen` leaves no review.
        ConnectionError: not in the cache, and no network.
    """
    arrays = read_npz(fetch("imdb", path))
    orders = shuffled_orders(seed, len(arrays["x_train"]), len(arrays["x_test"]))
    sequences, labels = [], []
    for part, order in zip(("train", "test"), orders):
        words = shift_words(arrays[f"x_{part}"][order], start_char, index_from)
        targets = arrays[f"y_{part}"][order]
        if maxlen:
            words, targets = drop_long(maxlen, words, targets)
        sequences.append(words)
        labels.append(targets)
    everything = limit_vocabulary(sequences[0] + sequences[1], num_words, skip_top, oov_char)
    count = len(sequences[0])
    return (everything[:count], labels[0]), (everything[count:], labels[1])


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Return the number of every word, before `index_from` is added.

    Args:
        path: file name in the cache.

    Example:
        `words = {number + 3: word for word, number in get_word_index().items()}` maps the numbers of `load_data()`
        back to words.
    """
    with open(fetch("imdb_word_index", path), encoding="utf-8") as file:
        return json.load(file)
