"""Column: one array-like of samples, read by rows and cast to what JAX computes with."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core import config, tree


def held_dtype(dtype: Any, name: str) -> np.dtype:
    """Return the dtype in which data of `dtype` is handed to a model.

    Floats become `floatx`; 64-bit integers become 32-bit ones, unless JAX has 64-bit types enabled.

    Args:
        dtype: a NumPy dtype.
        name: what the data is called in the error.

    Raises:
        ValueError: for strings, Python objects, dates and records.
    """
    dtype = np.dtype(dtype)
    if jnp.issubdtype(dtype, np.floating):
        return jax.dtypes.canonicalize_dtype(config.floatx())
    if dtype.kind in "biuc":
        return jax.dtypes.canonicalize_dtype(dtype)
    what = {"S": "bytes", "U": "strings", "T": "strings", "O": "Python objects", "M": "dates", "m": "time spans"}
    raise ValueError(
        f"`{name}` holds {what.get(dtype.kind, 'values that are no numbers')} (dtype {dtype}); a model computes with "
        "numbers. Convert the values first, e.g. `.astype('float32')`, or turn categories into integers."
    )


def _cast(rows: np.ndarray, dtype: np.dtype, name: str) -> np.ndarray:
    """Cast to `dtype`, refusing integers that do not fit."""
    if rows.dtype == dtype:
        return rows
    if rows.dtype.kind in "iu" and rows.size and rows.dtype.itemsize > dtype.itemsize:
        limits = np.iinfo(dtype)
        low, high = rows.min(), rows.max()
        if low < limits.min or high > limits.max:
            raise ValueError(
                f"`{name}` holds integers from {low} to {high}, more than {dtype} can hold. Map them to smaller ones, "
                "or enable 64-bit types: jax.config.update('jax_enable_x64', True)."
            )
    return rows.astype(dtype)


class _Reader:
    """Rows of a NumPy array; the base of readers of other things."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.shape = tuple(data.shape)
        self.dtype = np.dtype(data.dtype)

    def rows(self, start: int, stop: int) -> np.ndarray:
        return np.asarray(self.data[start:stop])

    def take(self, indices: np.ndarray) -> np.ndarray:
        return self.data.take(indices, axis=0)


class _JaxReader(_Reader):
    """Rows of a jax.Array, read through the host: indexing it there is faster than a program for every batch."""

    @functools.cached_property
    def _host(self) -> np.ndarray:
        return np.asarray(self.data)

    def rows(self, start: int, stop: int) -> np.ndarray:
        return self._host[start:stop]

    def take(self, indices: np.ndarray) -> np.ndarray:
        return self._host.take(indices, axis=0)


class _StoredReader(_Reader):
    """Rows of a dataset on disk (HDF5, zarr), which wants its indices in order and without repetition."""

    def take(self, indices: np.ndarray) -> np.ndarray:
        sorted_once, back = np.unique(indices, return_inverse=True)
        return np.asarray(self.data[sorted_once])[back.reshape(-1)]


class _SparseReader(_Reader):
    """Dense rows of a SciPy sparse matrix."""

    def __init__(self, data: Any) -> None:
        super().__init__(data.tocsr())

    def rows(self, start: int, stop: int) -> np.ndarray:
        return self.data[start:stop].toarray()

    def take(self, indices: np.ndarray) -> np.ndarray:
        return self.data[indices].toarray()


def _frame_to_numpy(frame: Any, name: str) -> np.ndarray:
    """Return a pandas DataFrame as one array: floats as soon as one column has them."""
    kinds = {str(column): getattr(dtype, "kind", "O") for column, dtype in frame.dtypes.items()}
    bad = [column for column, kind in kinds.items() if kind not in "iufb"]
    if bad:
        raise ValueError(
            f"`{name}` is a DataFrame whose columns {bad} hold no numbers. Turn categories into integers "
            "(`.astype('category').cat.codes`) or leave the columns out."
        )
    # Nullable integers and booleans with gaps become floats with NaN.
    if "f" in kinds.values() or frame.isna().to_numpy().any():
        return frame.to_numpy(dtype="float64" if config.floatx() == "float64" else "float32", na_value=np.nan)
    if set(kinds.values()) <= {"b"}:
        return frame.to_numpy(dtype="bool")
    return frame.to_numpy(dtype="int64")


def _reader(data: Any, name: str) -> _Reader:
    """Return a reader of `data`, whatever library it comes from; none of them is imported for that."""
    if isinstance(data, np.ndarray):
        return _Reader(data)
    if isinstance(data, jax.Array):
        return _JaxReader(data)
    library = type(data).__module__.split(".")[0]
    if library == "pandas" and hasattr(data, "dtypes"):
        if getattr(data, "ndim", 0) == 2:
            return _Reader(_frame_to_numpy(data, name))
        # One column of a table is a feature of its own: (samples,) becomes (samples, 1), as in Keras.
        return _Reader(_frame_to_numpy(data.to_frame(name=str(data.name)), name))
    if hasattr(data, "tocsr") and hasattr(data, "toarray"):
        return _SparseReader(data)
    if library == "torch":
        return _Reader(data.detach().cpu().numpy())
    is_stored = hasattr(data, "shape") and hasattr(data, "dtype") and hasattr(data, "__getitem__")
    if is_stored and (library in ("h5py", "zarr") or not hasattr(data, "__array__")):
        return _StoredReader(data)
    if isinstance(data, np.generic) or not hasattr(data, "__array__"):
        raise ValueError(f"`{name}` must be an array of samples, received {data!r} of type {type(data).__name__}.")
    return _Reader(np.asarray(data))


class Column:
    """One array of samples, of whatever library, read by rows.

    Nothing is read or cast before it is asked for, so that data on disk may be larger than memory.

    Args:
        data: anything with a shape and rows: NumPy, JAX or torch arrays, memory maps, HDF5 datasets, pandas objects,
            SciPy sparse matrices.
        name: what errors call it.
        start: first row of the part looked at.
        stop: end of that part, None: all the rest.

    Raises:
        ValueError: if `data` is no array, has no rows, or holds no numbers.
    """

    def __init__(self, data: Any, name: str = "x", start: int = 0, stop: int | None = None) -> None:
        if isinstance(data, Column):
            offset, self._reader = data._start, data._reader
            stop = data._stop if stop is None else offset + stop
            start += offset
        else:
            self._reader = _reader(data, name)
        shape = self._reader.shape
        if not shape:
            raise ValueError(f"`{name}` must have a first axis that counts samples, received a single value.")
        self.name = name
        self._start = start
        self._stop = shape[0] if stop is None else stop
        self.shape = (self._stop - self._start, *shape[1:])
        if 0 in self.shape:
            raise ValueError(f"`{name}` is empty: its shape is {self.shape}.")
        self.dtype = held_dtype(self._reader.dtype, name)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """Bytes that all rows take once they are cast."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def part(self, start: int, stop: int) -> "Column":
        """Return the rows from `start` to `stop` as a Column."""
        return Column(self, self.name, start, stop)

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Return consecutive rows."""
        stop = min(stop, len(self))
        return _cast(self._reader.rows(self._start + start, self._start + stop), self.dtype, self.name)

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Return the rows at `indices`."""
        return _cast(self._reader.take(indices + self._start if self._start else indices), self.dtype, self.name)

    def whole(self) -> np.ndarray | jax.Array:
        """Return all rows; data that is on a device stays there."""
        data = self._reader.data
        if isinstance(data, jax.Array) and self.shape == data.shape:
            return data if data.dtype == self.dtype else data.astype(self.dtype)
        return self.rows(0, len(self))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.whole(), dtype=dtype)


_SCALARS = (bool, int, float, complex, str, bytes, np.generic)


def _is_list_of_numbers(structure: Any) -> bool:
    """Return whether the first leaf of nested lists is a number (or a string, which is refused with a better error)."""
    while isinstance(structure, (list, tuple)):
        if not structure:
            return False
        structure = structure[0]
    return isinstance(structure, _SCALARS)


def lists_to_arrays(structure: Any, name: str) -> Any:
    """Return `structure` with every (nested) list of plain numbers in it turned into an array.

    Raises:
        ValueError: if the rows of such a list differ in length.
    """
    if isinstance(structure, (list, tuple)):
        if _is_list_of_numbers(structure):
            try:
                return np.asarray(structure)
            except ValueError as error:
                raise ValueError(
                    f"`{name}` is a list whose rows differ in length, which makes no array; pad them first "
                    "(keras.utils.pad_sequences)."
                ) from error
        parts = [lists_to_arrays(part, f"{name}[{index}]") for index, part in enumerate(structure)]
        if hasattr(structure, "_fields"):
            return type(structure)(*parts)
        return tuple(parts) if isinstance(structure, tuple) else parts
    if isinstance(structure, dict):
        return {key: lists_to_arrays(part, f"{name}[{key!r}]") for key, part in structure.items()}
    return structure


def to_columns(structure: Any, name: str) -> Any:
    """Return `structure` with a Column in the place of every array; None stays None.

    Raises:
        ValueError: if a leaf is no array, or has no rows, or holds no numbers, or there is no leaf at all.
    """
    structure = lists_to_arrays(structure, name)
    columns = []
    for path, leaf in tree.flatten_with_path(structure):
        leaf_name = name + "".join(f"[{key!r}]" for key in path)
        columns.append(None if leaf is None else Column(leaf, leaf_name))
    if not columns:
        raise ValueError(f"`{name}` is empty: {structure!r}.")
    return tree.pack_sequence_as(structure, columns)


def to_host_array(leaf: Any, name: str) -> Any:
    """Return one array of a batch, cast as Column casts; a jax.Array of the right type is left on its device."""
    if leaf is None:
        return None
    if isinstance(leaf, (np.ndarray, jax.Array)):
        dtype = held_dtype(leaf.dtype, name)
        if leaf.dtype == dtype:
            return leaf
        return leaf.astype(dtype) if isinstance(leaf, jax.Array) else _cast(leaf, dtype, name)
    reader = _reader(np.asarray(leaf) if isinstance(leaf, _SCALARS) else leaf, name)
    rows = reader.rows(0, reader.shape[0]) if reader.shape else reader.data
    return _cast(rows, held_dtype(rows.dtype, name), name)
