"""California housing: 20,640 census block groups, 8 numbers each, and the median price of a house there."""

import numpy as np

from kerasish.datasets.sources import fetch
from kerasish.datasets.splits import Split, shuffled_split


def load_data(
    version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2, seed: int = 113
) -> Split:
    """Load the California housing data, downloading 743 kB on first use.

    Columns: median income, median age of a house, rooms per household, bedrooms per household, population, members
    per household, latitude, longitude. Source: US census 1990, from StatLib.

    Args:
        version: `"large"` for all 20,640 rows, `"small"` for the first 600.
        path: file name in the cache (`~/.kerasish/datasets`, or below `$KERASISH_HOME`).
        test_split: the part of the data that is for testing, at least 0 and less than 1.
        seed: seed of the shuffle before the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: rows `(N, 8)` and prices `(N,)` in dollars.

    Raises:
        ValueError: for another `version`, or if `test_split` is out of range.
        ConnectionError: not in the cache, and no network.
    """
    if version not in ("small", "large"):
        raise ValueError(f"`version` must be 'small' or 'large', received version={version!r}.")
    rows = 600 if version == "small" else None
    with np.load(fetch("california_housing", path), allow_pickle=False) as arrays:
        return shuffled_split(arrays["x"][:rows], arrays["y"][:rows], test_split, seed)
