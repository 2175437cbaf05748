"""Boston housing: 506 districts, 13 numbers each, and the median price of a house there."""

import numpy as np

from kerasish.datasets.sources import fetch
from kerasish.datasets.splits import Split, shuffled_split


def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> Split:
    """Load the Boston housing data, downloading 57 kB on first use.

    One of its columns, B, rests on the assumption that the share of Black residents sets prices. It is here so that
    existing scripts run; `california_housing` with `version="small"` is the better choice for new ones. Source:
    Harrison and Rubinfeld 1978, from StatLib.

    Args:
        path: file name in the cache (`~/.kerasish/datasets`, or below `$KERASISH_HOME`).
        test_split: the part of the data that is for testing, at least 0 and less than 1.
        seed: seed of the shuffle before the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: float64 rows `(N, 13)` and prices `(N,)` in thousands of dollars.

    Raises:
        ValueError: if `test_split` is out of range.
        ConnectionError: not in the cache, and no network.
    """
    with np.load(fetch("boston_housing", path), allow_pickle=False) as arrays:
        return shuffled_split(arrays["x"], arrays["y"], test_split, seed)
