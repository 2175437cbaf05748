"""Small datasets for examples and tests: three that come with the package, the classic ones by verified download."""

from kerasish.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    digits,
    fashion_mnist,
    fashion_mnist_small,
    imdb,
    mnist,
    penguins,
    reuters,
)

__all__ = [
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "digits",
    "fashion_mnist",
    "fashion_mnist_small",
    "imdb",
    "mnist",
    "penguins",
    "reuters",
]
