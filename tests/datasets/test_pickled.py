"""The reader of pickled arrays: right on the files it is for, and deaf to everything else."""

import io
import os
import pickle
import pickletools
import zipfile

import numpy as np
import pytest

from kerasish.datasets import pickled


def ragged(*lists):
    array = np.empty(len(lists), dtype=object)
    for index, entry in enumerate(lists):
        array[index] = entry
    return array


def as_python2(content: bytes) -> bytes:
    """The same pickle with the module name that NumPy had before version 2."""
    return content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


@pytest.mark.parametrize("protocol", [3, 4])
def test_npz_with_ragged_arrays(tmp_path, protocol):
    x, y = ragged([1, 2, 3], [4], []), np.array([0, 1, 1])
    path = tmp_path / "data.npz"
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": (3,)})
    pickle.dump(x, file, protocol=protocol)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", file.getvalue())
        plain = io.BytesIO()
        np.save(plain, y)
        archive.writestr("y.npy", plain.getvalue())
    loaded = pickled.read_npz(str(path))
    assert loaded["x"].tolist() == [[1, 2, 3], [4], []]
    np.testing.assert_array_equal(loaded["y"], y)


def test_equal_lengths_stay_an_array_of_lists(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, x=ragged([1, 2], [3, 4]))
    loaded = pickled.read_npz(str(path))["x"]
    assert loaded.shape == (2,) and loaded[1] == [3, 4]


def test_reads_what_keras_reads(tmp_path):
    npz_utils = pytest.importorskip("keras.src.datasets.npz_utils")
    path = tmp_path / "data.npz"
    np.savez(path, x=ragged([1, 2, 3], [4]), y=np.arange(3.0), z=np.ones((2, 2), ">i2"))
    ours, theirs = pickled.read_npz(str(path)), npz_utils.load_npz(str(path))
    assert ours.keys() == theirs.keys()
    assert ours["x"].tolist() == theirs["x"].tolist()
    for name in "yz":
        np.testing.assert_array_equal(ours[name], theirs[name])


def test_cifar_like_dictionary():
    images = np.arange(2 * 12, dtype="uint8").reshape(2, 12)
    content = as_python2(pickle.dumps({b"data": images, b"labels": [3, 1], b"batch_label": b"one"}, protocol=3))
    loaded = pickled.read_pickled_dict(content)
    assert loaded["labels"] == [3, 1] and loaded["batch_label"] == b"one"
    np.testing.assert_array_equal(loaded["data"], images)
    assert loaded["data"].dtype == np.uint8


def test_python2_strings_are_read_as_bytes():
    # SHORT_BINSTRING 'U', as Python 2 wrote the keys and labels of CIFAR.
    content = b"\x80\x02}q\x00(U\x06labelsq\x01]q\x02(K\x03K\x01eu."
    assert pickled.read_pickled_dict(content) == {"labels": [3, 1]}


class Evil:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "evil",
    [
        Evil(os.system, "touch /tmp/kerasish_was_here"),
        Evil(eval, "1 + 1"),
        Evil(np.load, "x.npy"),
        Evil(np.fromfile, "/etc/passwd"),
        Evil(getattr, np, "load"),
    ],
    ids=["os.system", "eval", "np.load", "np.fromfile", "getattr"],
)
def test_calls_are_refused(evil):
    if isinstance(evil.call[1][0], type(np)):
        evil.call = (getattr, ("numpy", "load"))
    with pytest.raises(pickle.UnpicklingError, match="no use for"):
        pickled.read_pickled_dict(pickle.dumps({b"data": evil}))


@pytest.mark.parametrize("name", ["os system", "numpy core", "numpy load", "kerasish.datasets.pickled read_npz"])
def test_names_outside_the_table_are_refused(name):
    module, attribute = name.split()
    with pytest.raises(pickle.UnpicklingError, match=attribute):
        pickled.read_pickled_dict(b"c" + module.encode() + b"\n" + attribute.encode() + b"\n.")


def broken_array(shape=(2,), code="u1", content=b"\0\0"):
    """A pickle of an array with parts of our choice, made by patching a stand-in's state."""

    class Type:
        def __reduce__(self):
            return np.dtype, (code, False, True), (3, "|", None, None, None, -1, -1, 0)

    class Array:
        def __reduce__(self):
            rebuild, arguments, _ = np.zeros(1).__reduce__()
            return rebuild, arguments, (1, shape, Type(), False, content)

    return pickle.dumps({b"data": Array()}, protocol=3)


@pytest.mark.parametrize(
    "parts",
    [
        {"shape": (3,)},
        {"shape": (1 << 40,)},
        {"shape": 2},
        {"code": "V2"},
        {"code": "O8"},
        {"code": "O8", "content": b"\0" * 16},
        {"code": "U4"},
        {"content": [1, 2]},
    ],
    ids=repr,
)
def test_inconsistent_arrays_are_refused(parts):
    with pytest.raises(pickle.UnpicklingError):
        pickled.read_pickled_dict(broken_array(**parts))


def test_consistent_array_is_read():
    assert pickled.read_pickled_dict(broken_array())["data"].tolist() == [0, 0]


def test_other_things_than_dictionaries_and_arrays(tmp_path):
    with pytest.raises(pickle.UnpicklingError, match="dictionary"):
        pickled.read_pickled_dict(pickle.dumps([1, 2]))
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": (3,)})
    pickle.dump([1, 2], file)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", file.getvalue())
    with pytest.raises(pickle.UnpicklingError, match="array is expected"):
        pickled.read_npz(str(tmp_path / "a.npz"))


def test_numpy_pickles_name_only_what_the_table_has():
    names = {
        argument
        for opcode, argument, _ in pickletools.genops(pickle.dumps(ragged([1], [2, 3]), protocol=3))
        if opcode.name == "GLOBAL"
    }
    assert {tuple(name.split()) for name in names} <= set(pickled._NAMES)
