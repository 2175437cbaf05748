"""CIFAR-100: 60,000 small photographs of 100 classes, 32x32, in colour."""

from kerasish.datasets.cifar10 import cifar_batch
from kerasish.datasets.sources import fetch
from kerasish.datasets.splits import Split
from kerasish.utils.archives import read_tar_members


def load_data(label_mode: str = "fine") -> Split:
    """Load CIFAR-100, downloading 170 MB on first use.

    Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.

    Args:
        label_mode: `"fine"` for the 100 classes, `"coarse"` for the 20 groups of them.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)` (channels
        first if that is the default image format) with values 0 to 255, integer labels of shape `(N, 1)`.

    Raises:
        ValueError: for another `label_mode`.
        ConnectionError: not in the cache, and no network.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f"`label_mode` must be 'fine' or 'coarse', received label_mode={label_mode!r}.")
    files = ["cifar-100-python/train", "cifar-100-python/test"]
    train, test = [
        cifar_batch(content, f"{label_mode}_labels") for content in read_tar_members(fetch("cifar100"), files)
    ]
    return train, test
