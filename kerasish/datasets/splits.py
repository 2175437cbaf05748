"""Shuffled splits into a training and a test part."""

import numpy as np

Split = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def shuffled_orders(seed: int, *lengths: int) -> list[np.ndarray]:
    """Return a permutation of `range(length)` per length, drawn one after the other as Keras's datasets do."""
    generator = np.random.RandomState(seed)
    orders = [np.arange(length) for length in lengths]
    for order in orders:
        generator.shuffle(order)
    return orders


def training_count(length: int, test_split: float) -> int:
    """Return how many of `length` rows are for training.

    Raises:
        ValueError: unless 0 <= test_split < 1.
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"`test_split` must be at least 0 and less than 1, received test_split={test_split}.")
    return int(length * (1 - test_split))


def shuffled_split(x: np.ndarray, y: np.ndarray, test_split: float, seed: int) -> Split:
    """Shuffle the rows of `x` and `y` together and cut the last `test_split` of them off."""
    count = training_count(len(x), test_split)
    (order,) = shuffled_orders(seed, len(x))
    x, y = x[order], y[order]
    return (x[:count], y[:count]), (x[count:], y[count:])
