"""The classic datasets: the same arrays as Keras from the same files, which small imitations stand in for here."""

import gzip
import hashlib
import importlib
import inspect
import io
import json
import pickle
import tarfile

import numpy as np
import pytest

from kerasish.core import config
from kerasish.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
    sources,
)


@pytest.fixture
def both(tmp_path, monkeypatch):
    """`both(module, **arguments)` loads in kerasish and in Keras, from the files that lie in `tmp_path`."""
    monkeypatch.setattr(sources, "get_file", lambda fname, origin, **kwargs: str(tmp_path / fname))

    def load(module, **arguments):
        keras_module = pytest.importorskip(f"keras.src.datasets.{module.__name__.split('.')[-1]}")
        monkeypatch.setattr(keras_module, "get_file", lambda fname=None, origin=None, **kw: str(tmp_path / fname))
        return module.load_data(**arguments), keras_module.load_data(**arguments)

    return load


def assert_same(pair):
    for ours, theirs in zip(*pair):
        for a, b in zip(ours, theirs):
            assert a.shape == b.shape
            assert a.dtype == b.dtype
            assert a.tolist() == b.tolist()


def ragged(rng, count):
    array = np.empty(count, dtype=object)
    for index in range(count):
        array[index] = rng.integers(1, 40, size=rng.integers(2, 9)).tolist()
    return array


def test_mnist(both, tmp_path, rng):
    parts = {"x_train": (6, 28, 28), "y_train": 6, "x_test": (2, 28, 28), "y_test": 2}
    np.savez(tmp_path / "mnist.npz", **{name: rng.integers(0, 255, s).astype("uint8") for name, s in parts.items()})
    assert_same(both(mnist))


WORD_ARGUMENTS = [
    {},
    {"num_words": 20},
    {"num_words": 20, "skip_top": 5, "oov_char": None},
    {"maxlen": 7},
    {"start_char": None},
    {"start_char": None, "index_from": 0, "seed": 3},
    {"oov_char": 99, "num_words": 10},
]


@pytest.mark.parametrize("arguments", WORD_ARGUMENTS, ids=str)
def test_imdb(both, tmp_path, rng, arguments):
    labels = {"y_train": rng.integers(0, 2, 30), "y_test": rng.integers(0, 2, 30)}
    np.savez(tmp_path / "imdb.npz", x_train=ragged(rng, 30), x_test=ragged(rng, 30), **labels)
    assert_same(both(imdb, **arguments))


@pytest.mark.parametrize("arguments", [*WORD_ARGUMENTS, {"test_split": 0.5}], ids=str)
def test_reuters(both, tmp_path, rng, arguments):
    np.savez(tmp_path / "reuters.npz", x=ragged(rng, 41), y=rng.integers(0, 46, 41))
    assert_same(both(reuters, **arguments))


def test_reuters_names(tmp_path):
    keras_reuters = pytest.importorskip("keras.src.datasets.reuters")
    assert reuters.get_label_names() == keras_reuters.get_label_names()


@pytest.mark.parametrize("module", [imdb, reuters])
def test_nothing_short_enough(both, tmp_path, rng, module):
    np.savez(
        tmp_path / "imdb.npz", x_train=ragged(rng, 5), x_test=ragged(rng, 5), y_train=np.ones(5), y_test=np.ones(5)
    )
    np.savez(tmp_path / "reuters.npz", x=ragged(rng, 5), y=np.ones(5))
    with pytest.raises(ValueError, match="maxlen=2"):
        module.load_data(maxlen=2)


@pytest.mark.parametrize("module", [imdb, reuters])
def test_word_index(tmp_path, monkeypatch, module):
    monkeypatch.setattr(sources, "get_file", lambda fname, origin, **kwargs: str(tmp_path / fname))
    name = f"{module.__name__.split('.')[-1]}_word_index.json"
    (tmp_path / name).write_text(json.dumps({"the": 1, "café": 2}), encoding="utf-8")
    assert module.get_word_index() == {"the": 1, "café": 2}


@pytest.mark.parametrize("arguments", [{}, {"test_split": 0.3, "seed": 7}, {"test_split": 0}], ids=str)
def test_housing(both, tmp_path, rng, arguments):
    np.savez(tmp_path / "boston_housing.npz", x=rng.normal(size=(50, 13)), y=rng.normal(size=50))
    np.savez(tmp_path / "california_housing.npz", x=rng.normal(size=(700, 8)), y=rng.normal(size=700).astype("f4"))
    assert_same(both(boston_housing, **arguments))
    assert_same(both(california_housing, **arguments))
    assert_same(both(california_housing, version="small", **arguments))


def test_housing_bad_arguments(both, tmp_path):
    np.savez(tmp_path / "boston_housing.npz", x=np.ones((5, 13)), y=np.ones(5))
    with pytest.raises(ValueError, match="test_split"):
        boston_housing.load_data(test_split=1)
    with pytest.raises(ValueError, match="version"):
        california_housing.load_data(version="medium")


def write_cifar(path, batches):
    """A tar.gz as the authors of CIFAR publish it, with NumPy's old module name in the pickles."""
    with tarfile.open(path, "w:gz") as archive:
        for name, batch in batches.items():
            content = pickle.dumps(batch, protocol=3).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def cifar_batch(rng, count, *label_keys, classes=10):
    labels = {key: rng.integers(0, classes, count).tolist() for key in label_keys}
    return {b"data": rng.integers(0, 256, (count, 3072)).astype("uint8"), b"batch_label": b"a batch", **labels}


@pytest.fixture(params=["channels_last", "channels_first"])
def data_format(request):
    before = config.image_data_format()
    config.set_image_data_format(request.param)
    yield request.param
    config.set_image_data_format(before)


def test_cifar10(tmp_path, monkeypatch, rng, data_format):
    monkeypatch.setattr(sources, "get_file", lambda fname, origin, **kwargs: str(tmp_path / fname))
    names = [f"cifar-10-batches-py/data_batch_{number}" for number in range(1, 6)] + ["cifar-10-batches-py/test_batch"]
    batches = {name: cifar_batch(rng, 3, b"labels") for name in names}
    write_cifar(tmp_path / "cifar-10-python.tar.gz", batches)
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    last = data_format == "channels_last"
    assert x_train.shape == ((15, 32, 32, 3) if last else (15, 3, 32, 32)) and x_train.dtype == np.uint8
    assert y_train.shape == (15, 1) and y_test.shape == (3, 1) and y_train.dtype == y_test.dtype == np.uint8
    pixels = np.concatenate([batches[name][b"data"] for name in names[:5]]).reshape(15, 3, 32, 32)
    np.testing.assert_array_equal(x_train, pixels.transpose(0, 2, 3, 1) if last else pixels)
    assert y_test[:, 0].tolist() == batches[names[5]][b"labels"]


@pytest.mark.parametrize("label_mode", ["fine", "coarse"])
def test_cifar100(both, tmp_path, rng, label_mode):
    batches = {
        f"cifar-100-python/{part}": cifar_batch(rng, count, b"fine_labels", b"coarse_labels", classes=20)
        for part, count in (("train", 7), ("test", 3))
    }
    write_cifar(tmp_path / "cifar-100-python.tar.gz", batches)
    # Keras reads the extracted folder.
    with tarfile.open(tmp_path / "cifar-100-python.tar.gz") as archive:
        archive.extractall(tmp_path / "cifar-100-python-target", filter="data")
    assert_same(both(cifar100, label_mode=label_mode))


def test_cifar_bad_arguments_and_files(tmp_path, monkeypatch, rng):
    monkeypatch.setattr(sources, "get_file", lambda fname, origin, **kwargs: str(tmp_path / fname))
    with pytest.raises(ValueError, match="label_mode"):
        cifar100.load_data(label_mode="medium")
    write_cifar(tmp_path / "cifar-100-python.tar.gz", {"cifar-100-python/train": cifar_batch(rng, 2, b"fine_labels")})
    with pytest.raises(ValueError, match="cifar-100-python/test"):
        cifar100.load_data()


def idx(array):
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def test_fashion_mnist(both, tmp_path, monkeypatch, rng):
    images, labels = rng.integers(0, 255, (5, 28, 28)).astype("uint8"), np.arange(5, dtype="uint8")
    for file in ("train-images-idx3", "t10k-images-idx3", "train-labels-idx1", "t10k-labels-idx1"):
        content = idx(images if "images" in file else labels)
        (tmp_path / f"{file}-ubyte.gz").write_bytes(gzip.compress(content))
        part = file.split("-idx")[0].replace("t10k", "test").replace("-", "_")
        monkeypatch.setitem(fashion_mnist._CONTENT, part, hashlib.sha256(content).hexdigest())
    assert_same(both(fashion_mnist))


@pytest.mark.parametrize(
    "damage",
    [b"no gzip", gzip.compress(idx(np.zeros(5, "uint8"))), gzip.compress(b"\0" * 99)[:-9]],
    ids=["no gzip", "other", "cut off"],
)
def test_fashion_mnist_with_other_content_is_refused(tmp_path, monkeypatch, damage):
    monkeypatch.setattr(sources, "get_file", lambda fname, origin, **kwargs: str(tmp_path / fname))
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(damage)
    with pytest.raises(ValueError, match="delete it and load again"):
        fashion_mnist.load_data()


def test_all_sources_are_https_and_have_the_hashes_of_keras():
    pytest.importorskip("keras")
    for key, source in sources.SOURCES.items():
        assert source.url.startswith("https://")
        assert source.url.endswith(source.name)
        module = importlib.import_module(f"keras.src.datasets.{key.split('_word_index')[0].split('_t')[0]}")
        text = open(module.__file__, encoding="utf-8").read()
        assert source.file_hash is None or source.file_hash in text
        assert source.url.rsplit("/", 1)[0] in text


def test_without_network_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASISH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(ConnectionError) as caught:
        mnist.load_data()
    text = str(caught.value)
    assert sources.SOURCES["mnist"].url in text
    assert str(tmp_path / "datasets" / "mnist.npz") in text
    assert "KERASISH_HOME" in text


def test_a_file_in_place_is_used_without_network(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASISH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    path = tmp_path / "datasets" / "reuters_word_index.json"
    path.parent.mkdir()
    path.write_text('{"the": 1}')
    source = sources.SOURCES["reuters_word_index"]
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setitem(sources.SOURCES, "reuters_word_index", source._replace(file_hash=digest))
    assert reuters.get_word_index() == {"the": 1}
    path.write_text('{"the": 2}')
    with pytest.raises(ConnectionError, match="expected hash"):
        reuters.get_word_index()


@pytest.mark.parametrize(
    "module",
    [boston_housing, california_housing, cifar10, cifar100, fashion_mnist, imdb, mnist, reuters],
    ids=lambda module: module.__name__.split(".")[-1],
)
def test_signature_of_keras(module):
    keras = pytest.importorskip("keras")
    theirs = inspect.signature(getattr(keras.datasets, module.__name__.split(".")[-1]).load_data).parameters
    ours = inspect.signature(module.load_data).parameters
    wanted = {name: p.default for name, p in theirs.items() if p.kind is not p.VAR_KEYWORD}
    assert {name: p.default for name, p in ours.items()} == wanted and list(ours) == list(wanted)
