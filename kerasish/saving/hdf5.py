"""HDF5 files of variables: written group by group, and read with every declaration checked before any data."""

import math
import os
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from kerasish.core.variable import Variable
from kerasish.saving import limits
from kerasish.saving.global_heap import HeapCheckedFile

# The attribute of datasets, and of the file for all of them, that holds a checksum; Keras takes no notice of it.
CHECKSUM = "crc32"

_FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 4: "szip", 6: "scaleoffset", 32000: "lzf"}


class RefusedFileError(ValueError):
    """A file is damaged, or holds something that files of variables have no need of."""


class Header(NamedTuple):
    """What a file declares about a dataset."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}"


def dataset_checksum(array: np.ndarray) -> int:
    """Return the CRC-32 of dtype, shape and values, so that a change of any of them shows."""
    head = f"{array.dtype.str if array.dtype != jnp.bfloat16 else 'bfloat16'}{array.shape}".encode()
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8), zlib.crc32(head))


def table_checksum(checksums: dict[str, int]) -> int:
    """Return the CRC-32 of all datasets' paths and checksums: a missing or renamed dataset shows."""
    return zlib.crc32("".join(f"{path}:{checksums[path]}\n" for path in sorted(checksums)).encode())


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

        self._h5py = h5py
        self._stream = _Stream(file)
        self._file = h5py.File(self._stream, "w")
        self._groups: dict[str, Any] = {"": self._file}
        self._checksums: dict[str, int] = {}

    @property
    def checksum(self) -> int:
        """The checksum of all that was written."""
        return table_checksum(self._checksums)

    def __enter__(self) -> "VariablesWriter":
        return self

    def __exit__(self, kind: Any, *exception: object) -> None:
        if kind is not None:
            self._stream.give_up()
        try:
            self._write_checksum(self._file.id, self.checksum)
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
        place = f"{path}/vars" if path else "vars"
        group = self._group(place)
        if named:
            group.attrs["name"] = name
        for key, value in values.items():
            self.write_dataset(f"{place}/{key}", value)

    def write_dataset(self, path: str, value: Any) -> None:
        """Write one array.

        Args:
            path: where in the file.
            value: array of numbers or variable.

        Raises:
            TypeError: if it is no array of numbers.
        """
        array = np.asarray(value._stored() if isinstance(value, Variable) else value)
        is_bfloat16 = array.dtype == jnp.bfloat16
        if array.dtype.kind not in "biufc" and not is_bfloat16:
            raise TypeError(f"Cannot write {path!r}: expected numbers, received dtype {array.dtype}.")
        # h5py's lower level takes half the time of `create_dataset`, which matters for hundreds of small arrays.
        h5, contiguous = self._h5py, np.require(array, requirements="C")
        kind = h5.h5t.py_create(np.dtype("V2") if is_bfloat16 else array.dtype, logical=True)
        space = h5.h5s.create_simple(array.shape) if array.shape else h5.h5s.create(h5.h5s.SCALAR)
        owner, _, key = path.rpartition("/")
        dataset = h5.h5d.create(self._group(owner).id, key.encode(), kind, space)
        if array.size:
            dataset.write(h5.h5s.ALL, h5.h5s.ALL, contiguous.view("V2") if is_bfloat16 else contiguous)
        if is_bfloat16:
            h5.Dataset(dataset).attrs["dtype"] = "bfloat16"  # HDF5 holds two opaque bytes
        self._checksums[path] = dataset_checksum(array)
        self._write_checksum(dataset, self._checksums[path])

    def write_attributes(self, path: str, attributes: dict[str, Any]) -> None:
        """Give a group, which is made if there is none, attributes: strings or lists of strings."""
        group = self._group(path)
        for name, value in attributes.items():
            group.attrs[name] = value

    def _group(self, path: str) -> Any:
        """Return a group, which is made if there is none."""
        if path not in self._groups:
            owner, _, key = path.rpartition("/")
            self._groups[path] = self._group(owner).require_group(key)
        return self._groups[path]

    def _write_checksum(self, item: Any, value: int) -> None:
        # Several times faster than `item.attrs[CHECKSUM] = value`.
        h5 = self._h5py
        attribute = h5.h5a.create(item, CHECKSUM.encode(), h5.h5t.STD_U32LE, h5.h5s.create(h5.h5s.SCALAR))
        attribute.write(np.array(value, "<u4"))


class VariablesReader:
    """Reads datasets of a file, whose declarations were all checked when it was opened.

    Files with checksums, as ours are, must have one for every dataset; those of others are read without.

    Args:
        file: path or binary file.
        label: what error messages call it.
        verify: whether data is compared with its checksum when read; False where the bytes were checked already.

    Attributes:
        headers: shape and dtype of each dataset by path.
        groups: the paths of all groups.
        label: what error messages call the file.
        checksums: the checksum of each dataset by path; empty for files without.
        checksum: that of all of them together; None for files without.

    Raises:
        RefusedFileError: if it is no HDF5 file, is damaged, or has anything but groups and plain datasets of numbers.
    """

    def __init__(self, file: str | os.PathLike | IO[bytes], label: str, verify: bool = True) -> None:
        import h5py

        self._h5py = h5py
        self.label = label
        self._verify = verify
        self.checksums: dict[str, int] = {}
        self.groups: set[str] = set()
        self._opened = ExitStack()
        try:
            with self._damage_is_named():
                if isinstance(file, str | os.PathLike):
                    file = self._opened.enter_context(open(file, "rb"))
                self._file = self._opened.enter_context(h5py.File(HeapCheckedFile(file), "r"))
                if self._file.id.get_create_plist().get_sizes() != (8, 8):
                    raise self._refuse("/", "has addresses and sizes of other than 8 bytes")
                self.headers = dict(self._declared())
                self._check_table()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._opened.close()

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
        except (OSError, RuntimeError, KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
            raise RefusedFileError(f"{self.label} is damaged or no HDF5 file: {error}") from error

    def _refuse(self, path: str, what: str) -> RefusedFileError:
        return RefusedFileError(f"{self.label} is refused: {path!r} {what}.")

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
            self.groups.add(prefix)
            for name in group:
                members += 1
                path = f"{prefix}/{name}" if prefix else name
                if members > limits.MEMBERS or depth > limits.DEPTH:
                    raise self._refuse(path, f"is past {limits.MEMBERS} members or {limits.DEPTH} levels of groups")
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
            if math.prod(dataset.chunks) * dtype.itemsize > max(size, limits.FREE_BYTES):
                raise self._refuse(path, f"has chunks of shape {dataset.chunks}, larger than itself")
            if dataset.id.get_storage_size() > 2 * size + limits.FREE_BYTES:
                raise self._refuse(path, "takes more room in the file than its shape accounts for")
        if (checksum := self._checksum(dataset)) is not None:
            self.checksums[path] = checksum
        properties = dataset.id.get_create_plist()
        for index in range(properties.get_nfilters()):
            if properties.get_filter(index)[0] not in _FILTERS:
                raise self._refuse(path, f"needs a filter other than {sorted(_FILTERS.values())}")
        return Header(tuple(dataset.shape), dtype)

    def _checksum(self, item: Any) -> int | None:
        """Return the checksum that a dataset or the file has, if any."""
        if not self._h5py.h5a.exists(item.id, CHECKSUM.encode()):
            return None
        attribute = self._h5py.h5a.open(item.id, CHECKSUM.encode())
        if attribute.shape != () or attribute.dtype != np.dtype("<u4"):
            raise self._refuse(item.name, f"has a damaged attribute {CHECKSUM!r}")
        value = np.zeros((), "<u4")
        attribute.read(value)
        return int(value)

    def _check_table(self) -> None:
        """Look for datasets that went missing, came in or lost their checksums."""
        whole = self.checksum = self._checksum(self._file["/"])
        if whole is None and not self.checksums:
            return
        bare = [path for path in self.headers if path not in self.checksums]
        if bare:
            raise self._refuse(bare[0], "has no checksum, as other datasets do; it was changed or added")
        if whole != table_checksum(self.checksums):
            raise RefusedFileError(
                f"{self.label} is damaged: datasets went missing, were added or renamed, or their checksums changed."
            )

    @property
    def names(self) -> dict[str, str]:
        """The names of objects, as far as the file has them, by the path of their group."""
        found = {}
        for group in self.groups:
            name = self.attributes(group).get("name")
            if isinstance(name, str) and (group == "vars" or group.endswith("/vars")):
                found[group[:-4].rstrip("/")] = name
        return found

    def attributes(self, path: str = "") -> dict[str, Any]:
        """Return the attributes of a group that are strings or lists of strings, by name."""
        h5 = self._h5py
        found: dict[str, Any] = {}
        with self._damage_is_named():
            item = self._file[path] if path else self._file["/"]
            for name in item.attrs:
                attribute = h5.h5a.open(item.id, name.encode())
                shape, dtype = attribute.shape or (), attribute.dtype
                if dtype.kind not in "SO":
                    continue
                if len(shape) > 1 or math.prod(shape) * dtype.itemsize > limits.ATTRIBUTE_BYTES:
                    raise self._refuse(f"{path}@{name}", f"is an attribute of shape {shape}")
                if attribute.get_space().get_simple_extent_type() == h5.h5s.NULL:
                    continue
                if dtype.kind == "O" and h5.check_string_dtype(dtype) is None:
                    raise self._refuse(f"{path}@{name}", "is an attribute of references; expected strings")
                value = item.attrs[name]
                found[name] = [_text(v) for v in value] if shape else _text(value)
        return found

    def is_bounded(self, path: str) -> bool:
        """Return whether a dataset is small enough to be read without a variable of its shape."""
        header = self.headers[path]
        size = math.prod(header.shape) * header.dtype.itemsize
        return size <= max(limits.FREE_BYTES, limits.EXPANSION * self._file[path].id.get_storage_size())

    def read(self, path: str) -> np.ndarray:
        """Return the data of one dataset; its header says how much that is."""
        header = self.headers[path]
        with self._damage_is_named():
            data = self._file[path][()]
        array = np.asarray(data).view(header.dtype) if header.dtype == jnp.bfloat16 else np.asarray(data)
        if self._verify and path in self.checksums and dataset_checksum(array) != self.checksums[path]:
            raise RefusedFileError(f"{self.label} is damaged: the values of {path!r} do not have their checksum.")
        return array


def _text(value: Any) -> str:
    """Return a string that a file holds as text or as bytes."""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
