"""HDF5 files of variables: written group by group, and read with every declaration checked before any data."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from kerasish.core.variable import Variable

# Limits on what a file may declare; changed here for files that are larger for a reason.
MAX_MEMBERS = 1_000_000
MAX_DEPTH = 100
# A dataset that is compared with no variable may be as large as this, or this many times what it takes on the disk.
MAX_FREE_BYTES = 64 * 2**20
MAX_EXPANSION = 100

_FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 4: "szip", 6: "scaleoffset", 32000: "lzf"}


class RefusedFileError(ValueError):
    """A file is damaged, or holds something that files of variables have no need of."""


class Header(NamedTuple):
    """What a file declares about a dataset."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}"


class _Stream:
    """A binary file that can be given up: HDF5 insists on finishing its file even after writing has failed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.read = file.seek, file.tell, file.read
        self.readinto, self.flush, self.truncate = file.readinto, file.flush, file.truncate  # type: ignore[attr-defined]
        self.write: Any = file.write

    def give_up(self) -> None:
        """Ignore what is still to be written."""
        self.write = len
        self.flush = lambda: None
        self.truncate = lambda size=None: size or 0


class VariablesWriter:
    """Writes groups of arrays in Keras's layout: `<path>/vars/<key>`; a context that ends with the complete file.

    Args:
        file: binary file open for reading and writing.
    """

    def __init__(self, file: IO[bytes]) -> None:
        import h5py

        self._stream = _Stream(file)
        self._file = h5py.File(self._stream, "w")

    def __enter__(self) -> "VariablesWriter":
        return self

    def __exit__(self, kind: Any, *exception: object) -> None:
        if kind is not None:
            self._stream.give_up()
        try:
            self._file.close()
        except BaseException:
            self._stream.give_up()
            self._file.close()
            raise

    def write(self, path: str, name: Any, values: dict[str, Any]) -> None:
        """Write the arrays of one object.

        Args:
            path: the object's path; empty for the root.
            name: the object's name, kept as an attribute; without name and values nothing is written.
            values: arrays by key.

        Raises:
            TypeError: if a value is no array of numbers.
        """
        named = isinstance(name, str) and name != ""
        if not named and not values:
            return
        group = self._file.require_group(f"{path}/vars" if path else "vars")
        if named:
            group.attrs["name"] = name
        for key, value in values.items():
            array = np.asarray(value._stored() if isinstance(value, Variable) else value)
            is_bfloat16 = array.dtype == jnp.bfloat16
            if array.dtype.kind not in "biufc" and not is_bfloat16:
                raise TypeError(f"Cannot write {path}/vars/{key}: expected numbers, received dtype {array.dtype}.")
            dataset = group.create_dataset(key, data=array)
            if is_bfloat16:
                dataset.attrs["dtype"] = "bfloat16"  # HDF5 holds two opaque bytes


class VariablesReader:
    """Reads datasets of a file, whose declarations were all checked when it was opened.

    Args:
        file: path or binary file.
        label: what error messages call it.

    Attributes:
        headers: shape and dtype of each dataset by path.

    Raises:
        RefusedFileError: if it is no HDF5 file, is damaged, or has anything but groups and plain datasets of numbers.
    """

    def __init__(self, file: str | os.PathLike | IO[bytes], label: str) -> None:
        import h5py

        self._h5py = h5py
        self._label = label
        with self._damage_is_named():
            self._file = h5py.File(file, "r")
        try:
            with self._damage_is_named():
                self.headers = dict(self._declared())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> "VariablesReader":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @contextmanager
    def _damage_is_named(self) -> Iterator[None]:
        try:
            yield
        except (RefusedFileError, FileNotFoundError, PermissionError, IsADirectoryError):
            raise
        except (OSError, RuntimeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise RefusedFileError(f"{self._label} is damaged or no HDF5 file: {error}") from error

    def _refuse(self, path: str, what: str) -> RefusedFileError:
        return RefusedFileError(f"{self._label} is refused: {path!r} {what}.")

    def _declared(self) -> Iterator[tuple[str, Header]]:
        """Yield path and header of each dataset."""
        stack = [("", self._file["/"], 0)]
        seen: set[Any] = set()
        members = 0
        while stack:
            prefix, group, depth = stack.pop()
            identity = self._h5py.h5o.get_info(group.id)
            if (identity.fileno, identity.addr) in seen:
                raise self._refuse(prefix, "is a group with several places in the file")
            seen.add((identity.fileno, identity.addr))
            for name in group:
                members += 1
                path = f"{prefix}/{name}" if prefix else name
                if members > MAX_MEMBERS or depth > MAX_DEPTH:
                    raise self._refuse(path, f"is past {MAX_MEMBERS} members or {MAX_DEPTH} levels of groups")
                if group.get(name, getlink=True, getclass=True) is not self._h5py.HardLink:
                    raise self._refuse(path, "is a link; groups and datasets must be in their own place")
                member = group[name]
                if isinstance(member, self._h5py.Group):
                    stack.append((path, member, depth + 1))
                elif isinstance(member, self._h5py.Dataset):
                    yield path, self._checked_header(path, member)
                else:
                    raise self._refuse(path, f"is a {type(member).__name__}; expected a group or a dataset")

    def _checked_header(self, path: str, dataset: Any) -> Header:
        """Return what a dataset declares, after looking for everything that is no plain array of numbers."""
        if dataset.external or dataset.is_virtual:
            raise self._refuse(path, "keeps its data in other files or datasets")
        dtype = dataset.dtype
        if dtype.kind == "V" and dtype.itemsize == 2 and dtype.names is None and dtype.subdtype is None:
            dtype = np.dtype(jnp.bfloat16)
        elif dtype.kind not in "biufc" or dtype.itemsize > 16:
            raise self._refuse(path, f"has dtype {dtype}; expected numbers")
        if dataset.shape is None:
            raise self._refuse(path, "is an empty dataset without a shape")
        size = math.prod(dataset.shape) * dtype.itemsize
        if dataset.chunks is not None:
            if math.prod(dataset.chunks) * dtype.itemsize > max(size, MAX_FREE_BYTES):
                raise self._refuse(path, f"has chunks of shape {dataset.chunks}, larger than itself")
            if dataset.id.get_storage_size() > 2 * size + MAX_FREE_BYTES:
                raise self._refuse(path, "takes more room in the file than its shape accounts for")
        properties = dataset.id.get_create_plist()
        for index in range(properties.get_nfilters()):
            if properties.get_filter(index)[0] not in _FILTERS:
                raise self._refuse(path, f"needs a filter other than {sorted(_FILTERS.values())}")
        return Header(tuple(dataset.shape), dtype)

    def is_bounded(self, path: str) -> bool:
        """Return whether a dataset is small enough to be read without a variable of its shape."""
        header = self.headers[path]
        size = math.prod(header.shape) * header.dtype.itemsize
        return size <= max(MAX_FREE_BYTES, MAX_EXPANSION * self._file[path].id.get_storage_size())

    def read(self, path: str) -> np.ndarray:
        """Return the data of one dataset; its header says how much that is."""
        header = self.headers[path]
        with self._damage_is_named():
            data = self._file[path][()]
        return np.asarray(data).view(header.dtype) if header.dtype == jnp.bfloat16 else np.asarray(data)
