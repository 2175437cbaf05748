"""Reads the pickled arrays of a few classic datasets without letting the file call or import anything.

IMDB and Reuters store ragged arrays, which NumPy can only write as pickles, and CIFAR batches are pickled
dictionaries. Unpickling an untrusted file means running it as a program, so this reader resolves names in a closed
table of three stand-ins that only note what they are given. No function of NumPy, or of anything else, is called by
the file; the arrays are made here afterwards from checked shapes, types and bytes.
"""

import io
import math
import pickle
import re
import zipfile
from typing import Any

import numpy as np


class _Type:
    """Stands for `numpy.dtype`: notes the type code and the byte order."""

    def __init__(self, code: str | bytes, *options: Any) -> None:
        self.code = _text(code)
        self.order = "|"

    def __setstate__(self, state: tuple) -> None:
        self.order = _text(state[1])

    def resolve(self) -> np.dtype:
        if re.fullmatch(r"O8?", self.code):
            return np.dtype(object)
        if not re.fullmatch(r"b1|[iu][1248]|f[248]", self.code) or self.order not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError(f"The file holds an array of unexpected type {self.order}{self.code}.")
        return np.dtype(self.order + self.code)


class _Array:
    """Stands for an array being rebuilt: notes shape, type and content."""

    value: np.ndarray

    def __setstate__(self, state: tuple) -> None:
        shape, kind, fortran, content = state[-4:]
        if not isinstance(kind, _Type) or not isinstance(shape, tuple):
            raise pickle.UnpicklingError("The file holds an array without a shape or a type.")
        dtype = kind.resolve()
        if not isinstance(content, list if dtype.hasobject else bytes):
            raise pickle.UnpicklingError(f"The file holds an array whose content is {type(content)}.")
        if len(content) != math.prod(shape) * (1 if dtype.hasobject else dtype.itemsize):
            raise pickle.UnpicklingError(f"The file holds an array of shape {shape} with content of another size.")
        if dtype.hasobject:
            flat = np.empty(len(content), dtype=object)
            for index, entry in enumerate(content):
                flat[index] = _finished(entry)
        else:
            flat = np.frombuffer(content, dtype=dtype)
        self.value = flat.reshape(shape, order="F" if fortran else "C")


class _ArrayClass:
    """Stands for `numpy.ndarray`, which pickles only mention as an argument."""


def _rebuild(*arguments: Any) -> _Array:
    return _Array()


_NAMES = {
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): _ArrayClass,
    ("numpy.core.multiarray", "_reconstruct"): _rebuild,
    ("numpy._core.multiarray", "_reconstruct"): _rebuild,
}


class _ArrayReader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _NAMES[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"The file asks for {module}.{name}, which a dataset has no use for; it is damaged or malicious."
            ) from None


def _text(value: str | bytes) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value


def _finished(value: Any) -> Any:
    if not isinstance(value, _Array):
        return value
    if not hasattr(value, "value"):
        raise pickle.UnpicklingError("The file holds an array without content.")
    return value.value


def read_pickled_dict(content: bytes) -> dict[str, Any]:
    """Return a pickled dictionary of arrays, lists, strings and numbers, as in the CIFAR batches.

    Raises:
        pickle.UnpicklingError: the file names anything but the parts of an array.
    """
    loaded = _ArrayReader(io.BytesIO(content), encoding="bytes").load()
    if not isinstance(loaded, dict):
        raise pickle.UnpicklingError(f"The file holds a {type(loaded)} where a dictionary is expected.")
    return {_text(key): _finished(value) for key, value in loaded.items()}


def read_npz(path: str) -> dict[str, np.ndarray]:
    """Return the arrays of an `.npz` file, ragged (object) arrays of numbers included.

    Raises:
        pickle.UnpicklingError: a ragged array names anything but the parts of an array.
    """
    with zipfile.ZipFile(path) as archive:
        return {name.removesuffix(".npy"): _read_npy(archive.read(name)) for name in archive.namelist()}


def _read_npy(content: bytes) -> np.ndarray:
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    # A header of version 3 differs from one of version 2 in nothing but the encoding of field names.
    read_header = np.lib.format.read_array_header_1_0 if version[0] == 1 else np.lib.format.read_array_header_2_0
    _, _, dtype = read_header(file)
    if not dtype.hasobject:
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)
    array = _finished(_ArrayReader(file).load())
    if not isinstance(array, np.ndarray):
        raise pickle.UnpicklingError(f"The file holds a {type(array)} where an array is expected.")
    return array
