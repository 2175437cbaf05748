"""MNIST: 70,000 handwritten digits, 28x28, in grey."""

import numpy as np

from kerasish.datasets.sources import fetch
from kerasish.datasets.splits import Split


def load_data(path: str = "mnist.npz") -> Split:
    """Load MNIST, downloading 11 MB on first use.

    Copyright Yann LeCun and Corinna Cortes, a derivative of NIST's data; licence CC BY-SA 3.0.

    Args:
        path: file name in the cache (`~/.kerasish/datasets`, or below `$KERASISH_HOME`).

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(60000, 28, 28)` and `(10000, 28, 28)` with values
        0 to 255, uint8 labels 0 to 9.

    Raises:
        ConnectionError: not in the cache, and no network.
    """
    with np.load(fetch("mnist", path), allow_pickle=False) as arrays:
        return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
