"""Where the downloadable datasets come from, and the hashes their files must have."""

from typing import NamedTuple

from kerasish.utils.data_files import get_file


class Source(NamedTuple):
    """One file of a dataset: its name in the cache, its URL, and its sha256 or md5 (None where none is published)."""

    name: str
    url: str
    file_hash: str | None


_BUCKET = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"

# URLs and hashes are those that Keras 3 checks. The word indexes have an md5 only. Keras publishes no hash of the
# Fashion-MNIST files, so `fashion_mnist` checks their decompressed content instead.
SOURCES: dict[str, Source] = {
    "boston_housing": Source(
        "boston_housing.npz",
        _BUCKET + "boston_housing.npz",
        "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
    ),
    "california_housing": Source(
        "california_housing.npz",
        _BUCKET + "california_housing.npz",
        "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
    ),
    "cifar10": Source(
        "cifar-10-python.tar.gz",
        _CIFAR + "cifar-10-python.tar.gz",
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ),
    "cifar100": Source(
        "cifar-100-python.tar.gz",
        _CIFAR + "cifar-100-python.tar.gz",
        "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    ),
    "fashion_mnist_train_images": Source("train-images-idx3-ubyte.gz", _BUCKET + "train-images-idx3-ubyte.gz", None),
    "fashion_mnist_train_labels": Source("train-labels-idx1-ubyte.gz", _BUCKET + "train-labels-idx1-ubyte.gz", None),
    "fashion_mnist_test_images": Source("t10k-images-idx3-ubyte.gz", _BUCKET + "t10k-images-idx3-ubyte.gz", None),
    "fashion_mnist_test_labels": Source("t10k-labels-idx1-ubyte.gz", _BUCKET + "t10k-labels-idx1-ubyte.gz", None),
    "imdb": Source(
        "imdb.npz", _BUCKET + "imdb.npz", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
    ),
    "imdb_word_index": Source(
        "imdb_word_index.json", _BUCKET + "imdb_word_index.json", "bfafd718b763782e994055a2d397834f"
    ),
    "mnist": Source(
        "mnist.npz", _BUCKET + "mnist.npz", "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
    ),
    "reuters": Source(
        "reuters.npz", _BUCKET + "reuters.npz", "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
    ),
    "reuters_word_index": Source(
        "reuters_word_index.json", _BUCKET + "reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921"
    ),
}


def fetch(key: str, name: str | None = None, cache_subdir: str = "datasets") -> str:
    """Return the verified local path of a dataset file, downloading it once.

    Args:
        key: key in `SOURCES`.
        name: file name in the cache, by default the one in the table.
        cache_subdir: folder under the cache.
    """
    source = SOURCES[key]
    return get_file(name or source.name, source.url, file_hash=source.file_hash, cache_subdir=cache_subdir)
