"""Reuters: 11,228 newswires as word numbers, labelled with one of 46 topics."""

import json

from kerasish.datasets.pickled import read_npz
from kerasish.datasets.sources import fetch
from kerasish.datasets.splits import Split, shuffled_orders, training_count
from kerasish.datasets.word_numbers import drop_long, limit_vocabulary, shift_words

_TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass "
    "crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi "
    "iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"
).split()


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Split:
    """Load the newswires, downloading 2 MB on first use.

    Words are numbered by frequency, so limits on the numbers keep common words. Made from the Reuters-21578
    collection.

    Args:
        path: file name in the cache (`~/.kerasish/datasets`, or below `$KERASISH_HOME`).
        num_words: numbers from here on become `oov_char`; None keeps all but the largest number.
        skip_top: numbers below become `oov_char`.
        maxlen: leave out newswires with this many words or more.
        test_split: the part of the data that is for testing, at least 0 and less than 1.
        seed: seed of the shuffle.
        start_char: number put before every newswire, None for none.
        oov_char: number in place of words left out; None drops them.
        index_from: added to every word number.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of lists of integers, and int64 topics 0 to 45 (see
        `get_label_names`).

    Raises:
        ValueError: if `test_split` is out of range or `maxlen` leaves nothing.
        ConnectionError: not in the cache, and no network.
    """
    training_count(0, test_split)
    arrays = read_npz(fetch("reuters", path))
    (order,) = shuffled_orders(seed, len(arrays["x"]))
    sequences, labels = shift_words(arrays["x"][order], start_char, index_from), arrays["y"][order]
    if maxlen:
        sequences, labels = drop_long(maxlen, sequences, labels)
    words = limit_vocabulary(sequences, num_words, skip_top, oov_char)
    count = training_count(len(words), test_split)
    return (words[:count], labels[:count]), (words[count:], labels[count:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """Return the number of every word, before `index_from` is added.

    Args:
        path: file name in the cache.
    """
    with open(fetch("reuters_word_index", path), encoding="utf-8") as file:
        return json.load(file)


def get_label_names() -> tuple[str, ...]:
    """Return the names of the 46 topics, in the order of the labels."""
    return tuple(_TOPICS)
