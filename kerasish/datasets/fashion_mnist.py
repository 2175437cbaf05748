"""Fashion-MNIST: 70,000 pictures of clothing, 28x28, in grey."""

import gzip
import hashlib
import os
import struct

import numpy as np

from kerasish.datasets.sources import fetch
from kerasish.datasets.splits import Split

class_names = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

# sha256 of the decompressed IDX files. They were taken from the Debian package dataset-fashion-mnist, whose files have
# the deflate streams of the originals (MD5s published in zalandoresearch/fashion-mnist) under another gzip header.
_CONTENT = {
    "train_images": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train_labels": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "test_images": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "test_labels": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def load_data() -> Split:
    """Load Fashion-MNIST, downloading 31 MB on first use.

    The labels mean, in order, `class_names`. Copyright Zalando SE, MIT licence.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(60000, 28, 28)` and `(10000, 28, 28)` with values
        0 to 255, uint8 labels 0 to 9.

    Raises:
        ConnectionError: not in the cache, and no network.
        ValueError: a file does not have the content that was published.
    """
    return (_read("train_images"), _read("train_labels")), (_read("test_images"), _read("test_labels"))


def _read(part: str) -> np.ndarray:
    path = fetch(f"fashion_mnist_{part}", cache_subdir=os.path.join("datasets", "fashion-mnist"))
    try:
        with gzip.open(path, "rb") as file:
            content = file.read()
    except (OSError, EOFError) as error:
        raise ValueError(f"{path} is not a complete gzip file; delete it and load again.") from error
    if hashlib.sha256(content).hexdigest() != _CONTENT[part]:
        raise ValueError(f"{path} does not hold the published Fashion-MNIST data; delete it and load again.")
    # IDX: two zero bytes, type, number of dimensions, then the sizes as big-endian 32-bit integers.
    rank = content[3]
    shape = struct.unpack(f">{rank}I", content[4 : 4 + 4 * rank])
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)
