"""Shape and order of elements: joining, splitting, reshaping, flipping, padding."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from kerasish.core.dtypes import standardize_dtype
from kerasish.core.symbolic import op
from kerasish.ops._tensors import Array, Axis, Ints, TensorLike, as_axis, canonical_axis, tensor

# Short functions stand close together.
# fmt: off

@op
def append(x1: TensorLike, x2: TensorLike, axis: int | None = None) -> Array:
    """Join two tensors along `axis`; both flattened for None."""
    return jnp.append(tensor(x1), tensor(x2), axis=axis)

@op(tensors=("x",))
def array_split(x: TensorLike, indices_or_sections: int, axis: int = 0) -> list[Array]:
    """Split into `indices_or_sections` parts of nearly equal size; the first ones are larger by one."""
    if not isinstance(indices_or_sections, int) or not isinstance(axis, int):
        raise TypeError(
            "array_split: `indices_or_sections` and `axis` must be integers, received "
            f"indices_or_sections={indices_or_sections!r}, axis={axis!r}."
        )
    if indices_or_sections <= 0:
        raise ValueError(
            f"array_split: `indices_or_sections` must be positive, received indices_or_sections={indices_or_sections}."
        )
    return jnp.array_split(tensor(x), indices_or_sections, axis=axis)

@op(tensors=("x",))
def broadcast_to(x: TensorLike, shape: Sequence[int]) -> Array:
    """Repeat axes of size 1 (and add axes in front) until the shape is `shape`."""
    return jnp.broadcast_to(tensor(x), shape)

@op
def concatenate(xs: Sequence[TensorLike], axis: int = 0) -> Array:
    """Join tensors along an existing axis."""
    return jnp.concatenate([tensor(x) for x in xs], axis=axis)

@op
def diag(x: TensorLike, k: int = 0) -> Array:
    """Return the `k`-th diagonal of a matrix, or the matrix with the vector `x` on it."""
    return jnp.diag(tensor(x), k=k)

@op
def diagflat(x: TensorLike, k: int = 0) -> Array:
    """Return the matrix with the flattened `x` on its `k`-th diagonal."""
    return jnp.diagflat(tensor(x), k=k)

@op
def diagonal(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Return the diagonals, `offset` places above the main one, of the matrices in `axis1`, `axis2`."""
    x = tensor(x)
    if canonical_axis(axis1, x.ndim) == canonical_axis(axis2, x.ndim):
        raise ValueError(f"diagonal: `axis1` and `axis2` must differ, received axis1={axis1}, axis2={axis2}.")
    return jnp.diagonal(x, offset=offset, axis1=axis1, axis2=axis2)

@op
def diff(a: TensorLike, n: int = 1, axis: int = -1) -> Array:
    """Return the `n`-th differences of neighbours along `axis`."""
    return jnp.diff(tensor(a), n=n, axis=axis)

@op(tensors=("x",))
def dsplit(x: TensorLike, indices_or_sections: Any) -> list[Array]:
    """Split along axis 2; see `split`."""
    return jnp.dsplit(tensor(x), indices_or_sections)

@op
def dstack(xs: Sequence[TensorLike]) -> Array:
    """Join tensors along the third axis."""
    return jnp.dstack([tensor(x) for x in xs])

@op(tensors=("x",))
def expand_dims(x: TensorLike, axis: Ints) -> Array:
    """Insert axes of size 1 at the positions `axis` of the result."""
    return jnp.expand_dims(tensor(x), as_axis(axis))

@op
def flip(x: TensorLike, axis: Axis = None) -> Array:
    """Reverse the order of elements along `axis` (None: along all axes)."""
    return jnp.flip(tensor(x), axis=as_axis(axis))

@op
def fliplr(x: TensorLike) -> Array:
    """Reverse the second axis."""
    return jnp.fliplr(tensor(x))

@op
def flipud(x: TensorLike) -> Array:
    """Reverse the first axis."""
    return jnp.flipud(tensor(x))

@op(tensors=("x",))
def hsplit(x: TensorLike, indices_or_sections: Any) -> list[Array]:
    """Split along axis 1 (axis 0 of vectors); see `split`."""
    return jnp.hsplit(tensor(x), indices_or_sections)

@op
def hstack(xs: Sequence[TensorLike]) -> Array:
    """Join tensors along the second axis (vectors along the first)."""
    return jnp.hstack([tensor(x) for x in xs])

@op
def meshgrid(*x: TensorLike, indexing: str = "xy") -> list[Array]:
    """Return coordinate tensors of the grid spanned by vectors; `"xy"` swaps the first two axes, `"ij"` does not."""
    return list(jnp.meshgrid(*(tensor(vector) for vector in x), indexing=indexing))

@op(tensors=("x",))
def moveaxis(x: TensorLike, source: Ints, destination: Ints) -> Array:
    """Move axes from positions `source` to `destination`; the others keep their order."""
    return jnp.moveaxis(tensor(x), source, destination)

@op
def ndim(x: TensorLike) -> int:
    """Return the number of axes."""
    return tensor(x).ndim

@op(tensors=("x", "constant_values"), named=("constant_values",))
def pad(x: TensorLike, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Array:
    """Add elements before and after each axis.

    Args:
        x: a tensor.
        pad_width: `(before, after)` for each axis, one such pair for all, or one integer.
        mode: `"constant"`, `"edge"`, `"reflect"`, `"symmetric"`, `"wrap"` or another mode of `numpy.pad`.
        constant_values: the new elements in mode `"constant"`, 0 by default.

    Raises:
        ValueError: if `pad_width` does not fit the rank, or `constant_values` comes with another mode.
    """
    x = tensor(x)
    pairs = [(pad_width, pad_width)] if isinstance(pad_width, (int, np.integer)) else pad_width
    pairs = [pairs] if isinstance(pairs[0], (int, np.integer)) else pairs
    if len(pairs) not in (1, x.ndim) or any(len(pair) not in (1, 2) for pair in pairs):
        raise ValueError(
            "pad: `pad_width` must be an integer, a pair, or one pair per axis, received "
            f"pad_width={pad_width} for x of shape {x.shape}."
        )
    if constant_values is not None and mode != "constant":
        raise ValueError(f"pad: `constant_values` has a meaning only for mode='constant', received mode={mode!r}.")
    kwargs = {} if constant_values is None else {"constant_values": constant_values}
    return jnp.pad(x, [tuple(pair) * (2 // len(pair)) for pair in pairs], mode=mode, **kwargs)

@op
def ravel(x: TensorLike) -> Array:
    """Flatten to one axis."""
    return jnp.ravel(tensor(x))

@op(tensors=("x",))
def repeat(x: TensorLike, repeats: Any, axis: int | None = None) -> Array:
    """Repeat each element `repeats` times along `axis`; of the flattened tensor for None."""
    return jnp.repeat(tensor(x), np.asarray(repeats) if isinstance(repeats, (list, tuple)) else repeats, axis=axis)

def _saved_reshape(settings: dict) -> dict:
    newshape = settings["newshape"]
    return {"newshape": (newshape,) if isinstance(newshape, int) else newshape}

@op(tensors=("x",), saved=_saved_reshape)
def reshape(x: TensorLike, newshape: Ints) -> Array:
    """Give the elements a new shape; one size may be -1 and is worked out."""
    sizes = (newshape,) if np.ndim(newshape) == 0 else tuple(newshape)
    sizes = tuple(-1 if size is None else size for size in sizes)
    if any(size < -1 for size in sizes) or sizes.count(-1) > 1:
        raise ValueError(
            f"reshape: `newshape` must hold sizes not below 0 and at most one -1, received newshape={newshape}."
        )
    return jnp.reshape(tensor(x), sizes)

@op(tensors=("x",))
def roll(x: TensorLike, shift: Ints, axis: Axis = None) -> Array:
    """Move elements `shift` places along `axis`; those beyond the end return at the start."""
    return jnp.roll(tensor(x), shift, axis=as_axis(axis))

@op
def rot90(array: TensorLike, k: int = 1, axes: Sequence[int] = (0, 1)) -> Array:
    """Rotate by 90 degrees `k` times, from the first of `axes` towards the second."""
    array = tensor(array)
    if array.ndim < 2:
        raise ValueError(f"rot90: `array` must have at least 2 dimensions, received shape {array.shape}.")
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ValueError(f"rot90: `axes` must be two different axes, received axes={axes}.")
    return jnp.rot90(array, k=k, axes=tuple(axes))

@op
def size(x: TensorLike) -> int:
    """Return the number of elements."""
    return tensor(x).size

@op(tensors=("x",))
def split(x: TensorLike, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """Split along `axis` into a number of equal parts, or before each of the given indices."""
    return jnp.split(tensor(x), as_axis(indices_or_sections), axis=axis)

@op
def squeeze(x: TensorLike, axis: Axis = None) -> Array:
    """Remove axes of size 1: those in `axis`, or all."""
    return jnp.squeeze(tensor(x), axis=as_axis(axis))

@op
def stack(x: Sequence[TensorLike], axis: int = 0) -> Array:
    """Join tensors of one shape along a new axis."""
    return jnp.stack([tensor(item) for item in x], axis=axis)

@op(tensors=("x",))
def swapaxes(x: TensorLike, axis1: int, axis2: int) -> Array:
    """Exchange two axes."""
    return jnp.swapaxes(tensor(x), axis1, axis2)

@op(tensors=("x",))
def tile(x: TensorLike, repeats: Ints) -> Array:
    """Repeat the whole tensor along each axis."""
    return jnp.tile(tensor(x), repeats)

@op
def transpose(x: TensorLike, axes: Sequence[int] | None = None) -> Array:
    """Reorder the axes to `axes`; reverse them for None."""
    return jnp.transpose(tensor(x), axes=axes)

@op
def tril(x: TensorLike, k: int = 0) -> Array:
    """Set the elements above the `k`-th diagonal to zero."""
    return jnp.tril(tensor(x), k=k)

@op
def triu(x: TensorLike, k: int = 0) -> Array:
    """Set the elements below the `k`-th diagonal to zero."""
    return jnp.triu(tensor(x), k=k)

@op
def view(x: TensorLike, dtype: str | None = None) -> Array:
    """Read the bits of `x` as another dtype; the last axis grows or shrinks with the element size."""
    return tensor(x).view(dtype and standardize_dtype(dtype))

@op(tensors=("x",))
def vsplit(x: TensorLike, indices_or_sections: Any) -> list[Array]:
    """Split along axis 0; see `split`."""
    return jnp.vsplit(tensor(x), indices_or_sections)

@op
def vstack(xs: Sequence[TensorLike]) -> Array:
    """Join tensors along the first axis (vectors become rows)."""
    return jnp.vstack([tensor(x) for x in xs])
