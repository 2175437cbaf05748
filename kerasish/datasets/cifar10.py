"""CIFAR-10: 60,000 small photographs of 10 classes, 32x32, in colour."""

import numpy as np

from kerasish.core.config import image_data_format
from kerasish.datasets.pickled import read_pickled_dict
from kerasish.datasets.sources import fetch
from kerasish.datasets.splits import Split
from kerasish.utils.archives import read_tar_members

class_names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load_data() -> Split:
    """Load CIFAR-10, downloading 170 MB on first use.

    The labels mean, in order, `class_names`. Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny
    Images, 2009.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)` (channels
        first if that is the default image format) with values 0 to 255, uint8 labels 0 to 9 of shape `(N, 1)`.

    Raises:
        ConnectionError: not in the cache, and no network.
    """
    files = [f"cifar-10-batches-py/data_batch_{number}" for number in range(1, 6)] + ["cifar-10-batches-py/test_batch"]
    *train, test = [cifar_batch(content, "labels") for content in read_tar_members(fetch("cifar10"), files)]
    x_train, y_train = (np.concatenate(parts) for parts in zip(*train))
    return (x_train, y_train.astype("uint8")), (test[0], test[1].astype("uint8"))


def cifar_batch(content: bytes, label_key: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images in the default image format and labels `(N, 1)` of one CIFAR file."""
    batch = read_pickled_dict(content)
    images = batch["data"].reshape(-1, 3, 32, 32)
    if image_data_format() == "channels_last":
        images = images.transpose(0, 2, 3, 1)
    return images, np.reshape(batch[label_key], (-1, 1))
