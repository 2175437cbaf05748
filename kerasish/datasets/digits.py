"""Handwritten digits, 1,797 images of 8x8: small enough to come with the package."""

from importlib import resources

import numpy as np

from kerasish.datasets.splits import Split

_TRAINING_ROWS = 1437


def load_data() -> Split:
    """Load the digits, without network.

    The split is fixed: the first 1,437 rows of the file, in its order, are for training, the last 360 for testing.
    Source: the test part of UCI's "Optical Recognition of Handwritten Digits", Alpaydin and Kaynak 1998, CC BY 4.0.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(1437, 8, 8)` and `(360, 8, 8)` with values 0 to 16,
        uint8 labels 0 to 9.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()
        >>> x_train.shape, x_test.shape
        ((1437, 8, 8), (360, 8, 8))
    """
    with resources.files(__package__).joinpath("digits_8x8.npz").open("rb") as file:
        with np.load(file, allow_pickle=False) as arrays:
            x, y = arrays["x"], arrays["y"]
    return (x[:_TRAINING_ROWS], y[:_TRAINING_ROWS]), (x[_TRAINING_ROWS:], y[_TRAINING_ROWS:])
