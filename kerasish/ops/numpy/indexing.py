"""Indexing, selection, sorting and counting."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core.symbolic import op, unknown_size
from kerasish.ops._tensors import Array, TensorLike, tensor, to_sparse

# Short functions stand close together.
# fmt: off

@op(tensors=("x",))
def argpartition(x: TensorLike, kth: int, axis: int | None = -1) -> Array:
    """Return indices that put the `kth` smallest element in its sorted place, smaller ones before it."""
    x = tensor(x)
    return jnp.argpartition(x.ravel(), kth, axis=0) if axis is None else jnp.argpartition(x, kth, axis=axis)

@op
def argsort(x: TensorLike, axis: int | None = -1) -> Array:
    """Return the indices that sort `x` along `axis` (stable); the flattened tensor for None."""
    x = tensor(x)
    return jnp.argsort(x, axis=None if x.ndim == 0 else axis)

@op(tensors=("x", "weights"))
def bincount(x: TensorLike, weights: TensorLike | None = None, minlength: int = 0, sparse: bool = False) -> Array:
    """Count how often each of 0, 1, 2, ... occurs in a vector of integers, or in each row of a matrix.

    Args:
        x: non-negative integers, of rank 1 or 2.
        weights: numbers to sum instead of counting ones, of the shape of `x`.
        minlength: smallest length of the result.
        sparse: return a `jax.experimental.sparse.BCOO`.
    """
    x = tensor(x)
    weights = None if weights is None else tensor(weights)
    length = unknown_size() or max(int(x.max()) + 1 if x.size else 0, minlength)
    count = functools.partial(jnp.bincount, minlength=minlength, length=length)
    if x.ndim == 2:
        count = jax.vmap(count)
    counts = count(x) if weights is None else count(x, weights)
    return to_sparse(counts) if sparse else counts

@op
def digitize(x: TensorLike, bins: TensorLike) -> Array:
    """Return for each number the index of the interval between the sorted `bins` it falls in."""
    return jnp.digitize(tensor(x), tensor(bins))

@op
def get_item(x: TensorLike, key: Any) -> Array:
    """Return `x[key]`; a list is taken as a tuple, which files turn into lists."""
    return tensor(x)[tuple(key) if isinstance(key, list) else key]

@op
def histogram(x: TensorLike, bins: int = 10, range: tuple[float, float] | None = None) -> tuple[Array, Array]:
    """Count the elements of a vector in equal intervals; return counts and the `bins + 1` edges.

    Args:
        x: a vector.
        bins: the number of intervals.
        range: lowest and highest edge; by default those of `x`.
    """
    if not isinstance(bins, int):
        raise TypeError(f"histogram: `bins` must be an integer, received bins={bins!r}.")
    if bins < 0:
        raise ValueError(f"histogram: `bins` must not be negative, received bins={bins}.")
    if range and (not isinstance(range, tuple) or len(range) != 2 or range[1] < range[0]):
        raise ValueError(f"histogram: `range` must be a tuple (lowest, highest), received range={range!r}.")
    x = tensor(x)
    if x.ndim > 1:
        raise ValueError(f"histogram: `x` must be 1-dimensional, received shape {x.shape}.")
    return jnp.histogram(x, bins=bins, range=range or None)

@op(keras_class="IsIn")
def isin(x1: TensorLike, x2: TensorLike, assume_unique: bool = False, invert: bool = False) -> Array:
    """Return True where an element of `x1` occurs in `x2` (False, with `invert`)."""
    return jnp.isin(tensor(x1), tensor(x2), assume_unique=assume_unique, invert=invert)

@op
def nonzero(x: TensorLike) -> tuple[Array, ...]:
    """Return the indices of the non-zero elements, one vector per axis."""
    return jnp.nonzero(tensor(x), size=unknown_size())

@op(keras_class="SearchSorted")
def searchsorted(sorted_sequence: TensorLike, values: TensorLike, side: str = "left") -> Array:
    """Return the indices at which `values` keep a sorted vector sorted."""
    sorted_sequence = tensor(sorted_sequence)
    if sorted_sequence.ndim != 1:
        raise ValueError(
            "searchsorted: `sorted_sequence` must be 1-dimensional (map over more axes with `ops.vectorized_map`), "
            f"received shape {sorted_sequence.shape}."
        )
    return jnp.searchsorted(sorted_sequence, tensor(values), side=side)

@op(tensors=("condlist", "choicelist", "default"))
def select(condlist: Sequence[TensorLike], choicelist: Sequence[TensorLike], default: TensorLike = 0) -> Array:
    """Take each element from the first of `choicelist` whose condition holds, else `default`."""
    for name, value in (("condlist", condlist), ("choicelist", choicelist)):
        if not isinstance(value, (list, tuple)) or not value:
            raise ValueError(f"select: `{name}` must be a non-empty list, received {name}={value!r}.")
    return jnp.select([tensor(c) for c in condlist], [tensor(c) for c in choicelist], default=default)

@op
def sort(x: TensorLike, axis: int = -1) -> Array:
    """Sort in ascending order along `axis`."""
    return jnp.sort(tensor(x), axis=axis)

@op
def take(x: TensorLike, indices: TensorLike, axis: int | None = None) -> Array:
    """Return the slices `indices` of `axis`; elements of the flattened tensor for None."""
    return jnp.take(tensor(x), tensor(indices), axis=axis)

@op
def take_along_axis(x: TensorLike, indices: TensorLike, axis: int | None = None) -> Array:
    """Return along `axis` the elements whose indices stand in the matching row of `indices`."""
    return jnp.take_along_axis(tensor(x), tensor(indices), axis=axis)

@op
def unique(
    x: TensorLike, sorted: bool = True, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None, size: int | None = None, fill_value: Any = None,
) -> Any:
    """Return the distinct elements, or the distinct slices along `axis`.

    Args:
        x: a tensor, flattened unless `axis` is given.
        sorted: whether the result must be in ascending order.
        return_index: also return where each first occurs.
        return_inverse: also return the indices that rebuild `x` from the result.
        return_counts: also return how often each occurs.
        axis: the axis of the slices.
        size: fixed length of the result, needed under `jit`; it is cut or filled with `fill_value`.
        fill_value: by default the smallest element.
    """
    flags = {"return_index": return_index, "return_inverse": return_inverse, "return_counts": return_counts}
    return jnp.unique(
        tensor(x),
        **flags,
        axis=axis,
        equal_nan=False,
        size=size or unknown_size(),
        fill_value=fill_value,
        sorted=sorted,
    )

@op(tensors=("indices",))
def unravel_index(indices: TensorLike, shape: Sequence[int]) -> tuple[Array, ...]:
    """Turn indices into the flattened tensor of shape `shape` into one index per axis."""
    return jnp.unravel_index(tensor(indices), shape)

def vectorize(pyfunc: Callable, *, excluded: set | None = None, signature: str | None = None) -> Callable:
    """Return a function that applies `pyfunc` to every element of its arguments, with broadcasting.

    Args:
        pyfunc: a function of scalars, or of tensors with the core dimensions of `signature`.
        excluded: positions and names of arguments passed as they are.
        signature: core dimensions as in NumPy, for example `"(m,n),(n)->(m)"`.
    """
    if not callable(pyfunc):
        raise ValueError(f"vectorize: `pyfunc` must be callable, received pyfunc={pyfunc!r}.")
    return jnp.vectorize(pyfunc, excluded=excluded or set(), signature=signature)

@op(tensors=("condition", "x1", "x2"))
def where(condition: TensorLike, x1: TensorLike | None = None, x2: TensorLike | None = None) -> Any:
    """Take elements from `x1` where `condition` holds, else from `x2`; without them, return `nonzero(condition)`."""
    if (x1 is None) != (x2 is None):
        raise ValueError("where: give both `x1` and `x2` or neither, received only one of them.")
    if x1 is None:
        return jnp.nonzero(tensor(condition), size=unknown_size())
    return jnp.where(tensor(condition), tensor(x1), tensor(x2))
