"""Products and sums over products of tensors: matmul, einsum and their kin."""

from typing import Any

import jax.numpy as jnp

from kerasish.core.symbolic import op
from kerasish.ops._tensors import Array, TensorLike, tensor

# Short functions stand close together.
# fmt: off

def _wide_type(*arrays: Array) -> str | None:
    """Return the accumulator type of a product: int32 where all operands are int8, None for JAX's own choice."""
    return "int32" if all(array.dtype == "int8" for array in arrays) else None

@op
def corrcoef(x: TensorLike) -> Array:
    """Return the Pearson correlation coefficients of the rows of `x`."""
    return jnp.corrcoef(tensor(x))

@op
def correlate(x1: TensorLike, x2: TensorLike, mode: str = "valid") -> Array:
    """Return the cross-correlation of two vectors; `mode` is `"valid"`, `"same"` or `"full"`."""
    return jnp.correlate(tensor(x1), tensor(x2), mode)

@op
def cross(
    x1: TensorLike, x2: TensorLike, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Array:
    """Return the cross product of vectors of 2 or 3 components.

    Args:
        x1: tensor of vectors along `axisa`.
        x2: tensor of vectors along `axisb`.
        axisa: axis of the vectors in `x1`.
        axisb: axis of the vectors in `x2`.
        axisc: axis of the vectors in the result.
        axis: if given, overrides the other three.
    """
    return jnp.cross(tensor(x1), tensor(x2), axisa=axisa, axisb=axisb, axisc=axisc, axis=axis)

@op
def dot(x1: TensorLike, x2: TensorLike) -> Array:
    """Sum products over the last axis of `x1` and the second last (or only) axis of `x2`."""
    return jnp.dot(tensor(x1), tensor(x2))

@op(tensors=("operands",))
def einsum(subscripts: str, *operands: TensorLike, **kwargs: Any) -> Array:
    """Evaluate Einstein's summation, as in `einsum("bij,bjk->bik", x, y)`.

    Args:
        subscripts: the axes of each operand, and after `->` those of the result.
        *operands: the tensors; products of int8 tensors are summed in int32.
        **kwargs: further options of `jax.numpy.einsum`.
    """
    arrays = [tensor(operand) for operand in operands]
    return jnp.einsum(subscripts, *arrays, **{"preferred_element_type": _wide_type(*arrays), **kwargs})

@op
def inner(x1: TensorLike, x2: TensorLike) -> Array:
    """Sum products over the last axes of both."""
    return jnp.inner(tensor(x1), tensor(x2))

@op
def kron(x1: TensorLike, x2: TensorLike) -> Array:
    """Return the Kronecker product."""
    return jnp.kron(tensor(x1), tensor(x2))

@op
def matmul(x1: TensorLike, x2: TensorLike) -> Array:
    """Return the matrix product over the last two axes; the others broadcast. int8 products are summed in int32."""
    if hasattr(x1, "todense") or hasattr(x2, "todense"):
        return x1 @ x2
    x1, x2 = tensor(x1), tensor(x2)
    return jnp.matmul(x1, x2, preferred_element_type=_wide_type(x1, x2))

@op
def outer(x1: TensorLike, x2: TensorLike) -> Array:
    """Return all products of an element of `x1` with one of `x2`, both flattened."""
    return jnp.outer(tensor(x1), tensor(x2))

@op
def slogdet(x: TensorLike) -> tuple[Array, Array]:
    """Return sign and natural logarithm of the absolute value of the determinant of square matrices."""
    return tuple(jnp.linalg.slogdet(tensor(x)))

@op
def tensordot(x1: TensorLike, x2: TensorLike, axes: Any = 2) -> Array:
    """Sum products over `axes`: a number of last and first axes, or two lists of axes."""
    return jnp.tensordot(tensor(x1), tensor(x2), axes=axes)

@op
def trace(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Sum the diagonal `offset` places above the main one of the matrices in `axis1`, `axis2`."""
    return jnp.trace(tensor(x), offset=offset, axis1=axis1, axis2=axis2)

@op
def trapezoid(y: TensorLike, x: TensorLike | None = None, dx: float = 1.0, axis: int = -1) -> Array:
    """Integrate `y` along `axis` by the trapezoidal rule, sampled at `x` or every `dx`."""
    return jnp.trapezoid(tensor(y), None if x is None else tensor(x), dx=dx, axis=axis)

@op
def vdot(x1: TensorLike, x2: TensorLike) -> Array:
    """Return the dot product of the flattened tensors, `x1` conjugated."""
    return jnp.vdot(tensor(x1), tensor(x2))
