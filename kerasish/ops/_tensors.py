"""Conversion of arguments to arrays and of axes and sizes to canonical form, shared by all ops."""

import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core.config import floatx, standardize_data_format
from kerasish.core.dtypes import result_type, standardize_dtype
from kerasish.core.symbolic import KerasTensor
from kerasish.core.variable import Variable

Array: TypeAlias = jax.Array
TensorLike: TypeAlias = jax.typing.ArrayLike | Sequence[Any] | Variable | KerasTensor
Ints: TypeAlias = int | Sequence[int]
Axis: TypeAlias = Ints | None


def tensor(x: Any, dtype: str | None = None) -> Array:
    """Return `x` as an array, sparse matrices made dense; Python scalars stay weakly typed unless `dtype` is given."""
    if isinstance(x, jax.Array):
        return x if dtype is None or x.dtype == dtype else x.astype(dtype)
    if hasattr(x, "todense"):
        x = x.todense()
    if dtype == "bfloat16":
        # HDF5 datasets and other array-likes cannot be read as bfloat16 directly.
        return jnp.asarray(x).astype(dtype)
    return jnp.asarray(x, dtype=dtype)


def as_float(x: Any) -> Array:
    """Return `x` as an array of a floating or complex type; integers and booleans become `floatx`."""
    x = tensor(x)
    return x if jnp.issubdtype(x.dtype, np.inexact) else x.astype(floatx())


def as_common_float(*operands: Any) -> tuple[Array, ...]:
    """Return the operands as arrays of the one floating type they promote to."""
    arrays = [tensor(operand) for operand in operands]
    dtype = result_type(*(array.dtype for array in arrays), float)
    return tuple(tensor(array, dtype) for array in arrays)


def as_axis(axis: Axis) -> Any:
    """Return `axis` with lists turned into tuples, which JAX takes as static arguments."""
    return tuple(axis) if isinstance(axis, list) else axis


def canonical_axis(axis: int, ndim: int) -> int:
    """Return `axis` counted from the front.

    Raises:
        ValueError: if it lies outside `ndim` dimensions.
    """
    index = operator.index(axis)
    if not -ndim <= index < ndim:
        raise ValueError(f"axis {axis} is out of bounds for an array of {ndim} dimensions.")
    return index % ndim


def canonical_axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """Return one axis, several, or None for all of them as a tuple counted from the front."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(canonical_axis(a, ndim) for a in (axis if isinstance(axis, (list, tuple)) else (axis,)))


def as_tuple(value: Ints, count: int, name: str) -> tuple[int, ...]:
    """Return an integer repeated `count` times, or a sequence of that length as a tuple.

    Raises:
        ValueError: if the length is another one; the text calls the argument `name`.
    """
    if isinstance(value, (int, np.integer)):
        return (int(value),) * count
    value = tuple(value)
    if len(value) != count:
        raise ValueError(f"`{name}` must be an integer or {count} integers, received {name}={value}.")
    return value


def as_saved(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of an op as configs hold it: global defaults filled in, names in lower case."""
    settled = {name: value.lower() if isinstance(value, str) else value for name, value in settings.items()}
    if "data_format" in settled:
        settled["data_format"] = standardize_data_format(settled["data_format"])
    if "dtype" in settled:
        settled["dtype"] = standardize_dtype(settled["dtype"])
    return settled


def to_sparse(x: Array) -> Any:
    """Return a dense array as a `jax.experimental.sparse.BCOO`."""
    # The module takes 0.2 s to import, and sparse matrices are rare.
    from jax.experimental.sparse import BCOO

    return BCOO.fromdense(x)
