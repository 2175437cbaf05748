"""A part of Fashion-MNIST, 3,000 pictures of clothing, 28x28: small enough to come with the package."""

from importlib import resources

import numpy as np

from kerasish.datasets.fashion_mnist import class_names as class_names
from kerasish.datasets.splits import Split


def load_data() -> Split:
    """Load the pictures, without network.

    The first 200 of each class in the training files of Fashion-MNIST and the first 100 of each in its test files, in
    their order. The labels mean, in order, `class_names`. Copyright Zalando SE, MIT licence.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(2000, 28, 28)` and `(1000, 28, 28)` with values 0 to
        255, uint8 labels 0 to 9.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()
        >>> x_train.shape, x_test.shape
        ((2000, 28, 28), (1000, 28, 28))
    """
    with resources.files(__package__).joinpath("fashion_mnist_small.npz").open("rb") as file:
        with np.load(file, allow_pickle=False) as arrays:
            x_train, y_train, x_test, y_test = (arrays[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    return (x_train, y_train), (x_test, y_test)
