"""Linear algebra on matrices in the last two axes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core.symbolic import op
from kerasish.ops._tensors import Array, Axis, TensorLike, as_axis, as_float, tensor

# Short functions stand close together.
# fmt: off

def _matrix(x: Any, name: str, square: bool = True) -> Array:
    """Return `x` as an array; raises ValueError unless it holds (square) matrices."""
    x = tensor(x)
    if x.ndim < 2 or (square and x.shape[-1] != x.shape[-2]):
        what = "square matrices" if square else "matrices"
        raise ValueError(f"{name}: expected {what} in the last two axes, received shape {x.shape}.")
    return x

@op
def cholesky(x: TensorLike, upper: bool = False) -> Array:
    """Return the triangular `L` with `x = L L^H`, or its conjugate transpose for `upper`.

    Raises:
        ValueError: outside `jit`, if `x` is not positive definite.
    """
    result = jnp.linalg.cholesky(_matrix(x, "cholesky"), upper=upper)
    if not isinstance(result, jax.core.Tracer) and bool(jnp.isnan(result).any()):
        raise ValueError("cholesky: the decomposition failed; `x` must be symmetric and positive definite.")
    return result

@op
def cholesky_inverse(x: TensorLike, upper: bool = False) -> Array:
    """Return the inverse of the matrix whose Cholesky factor is `x`."""
    x = _matrix(x, "cholesky_inverse")
    inverse = jax.scipy.linalg.solve_triangular(
        x, jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape), lower=not upper
    )
    transposed = jnp.swapaxes(inverse, -1, -2)
    return inverse @ transposed if upper else transposed @ inverse

@op
def det(x: TensorLike) -> Array:
    """Return the determinants."""
    return jnp.linalg.det(_matrix(x, "det"))

@op
def eig(x: TensorLike) -> tuple[Array, Array]:
    """Return complex eigenvalues and, as columns, eigenvectors (on CPU only)."""
    return tuple(jnp.linalg.eig(_matrix(x, "eig")))

@op
def eigh(x: TensorLike) -> tuple[Array, Array]:
    """Return eigenvalues in ascending order and, as columns, eigenvectors of symmetric matrices."""
    return tuple(jnp.linalg.eigh(_matrix(x, "eigh")))

@op
def inv(x: TensorLike) -> Array:
    """Return the inverse matrices."""
    return jnp.linalg.inv(_matrix(x, "inv"))

@op(tensors=("fun", "primals", "tangents"), keras_class="JVP")
def jvp(fun: Callable, primals: Any, tangents: Any, has_aux: bool = False) -> tuple:
    """Return `fun(*primals)` and its derivative in the direction `tangents`.

    Args:
        fun: a function of tensors.
        primals: tuple or list of arguments.
        tangents: their directions, of the same structure.
        has_aux: whether `fun` returns a pair whose second part is passed through as a third result.
    """
    return jax.jvp(fun, primals, tangents, has_aux=has_aux)

@op
def lstsq(a: TensorLike, b: TensorLike, rcond: float | None = None) -> Array:
    """Return the `x` that minimizes `|a x - b|`; singular values below `rcond` times the largest count as 0."""
    return jnp.linalg.lstsq(tensor(a), tensor(b), rcond=rcond)[0]

@op
def lu_factor(x: TensorLike) -> tuple[Array, Array]:
    """Return the LU decomposition, both factors in one matrix, and the rows that were exchanged."""
    x = _matrix(x, "lu_factor", square=False)
    factor = jax.scipy.linalg.lu_factor
    for _ in range(x.ndim - 2):
        factor = jax.vmap(factor)
    return tuple(factor(x))

@op
def matrix_rank(x: TensorLike, tol: float | None = None) -> Array:
    """Return the number of singular values above `tol`, as int32."""
    return jnp.linalg.matrix_rank(_matrix(x, "matrix_rank", square=False), tol).astype("int32")

@op
def norm(x: TensorLike, ord: int | float | str | None = None, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the norm of vectors (one axis) or matrices (two axes).

    Args:
        x: a tensor.
        ord: a number or infinity; `"fro"` and `"nuc"` for matrices; None for the root of the sum of squares.
        axis: the axis of the vectors, or the two of the matrices; None for all.
        keepdims: keep the reduced axes with size 1.
    """
    return jnp.linalg.norm(as_float(x), ord=ord, axis=as_axis(axis), keepdims=keepdims)

@op
def pinv(x: TensorLike, rcond: float | None = None) -> Array:
    """Return the pseudo-inverse; singular values below `rcond` times the largest count as 0."""
    return jnp.linalg.pinv(_matrix(x, "pinv", square=False), rcond)

@op
def qr(x: TensorLike, mode: str = "reduced") -> tuple[Array, Array]:
    """Return orthonormal columns `q` and an upper triangular `r` with `x = q r`; `mode` may be `"complete"`."""
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: `mode` must be 'reduced' or 'complete', received mode={mode!r}.")
    return tuple(jnp.linalg.qr(_matrix(x, "qr", square=False), mode=mode))

def _system(a: Any, b: Any, name: str) -> tuple[Array, Array]:
    """Return matrix and right-hand side; raises ValueError where they do not fit."""
    a, b = _matrix(a, name), tensor(b)
    if b.ndim < 1 or (b.ndim in (a.ndim, a.ndim - 1) and a.shape[-2] != b.shape[-1 if b.ndim < a.ndim else -2]):
        raise ValueError(
            f"{name}: `a` and `b` must have the same number of rows, received shapes {a.shape}, {b.shape}."
        )
    return a, b

@op
def solve(a: TensorLike, b: TensorLike) -> Array:
    """Return the `x` with `a x = b`, for vectors or matrices `b`."""
    return jnp.linalg.solve(*_system(a, b, "solve"))

@op
def solve_triangular(a: TensorLike, b: TensorLike, lower: bool = False) -> Array:
    """Return the `x` with `a x = b`, reading only the upper (or `lower`) triangle of `a`."""
    return jax.scipy.linalg.solve_triangular(*_system(a, b, "solve_triangular"), lower=lower)

@op(keras_class="SVD")
def svd(x: TensorLike, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return the singular value decomposition `x = u diag(s) v`, as `(u, s, v)`, or `s` alone.

    Args:
        x: tensor of shape `(..., m, n)`.
        full_matrices: whether `u` and `v` are square.
        compute_uv: whether to return `u` and `v`.
    """
    x = _matrix(x, "svd", square=False)
    result = jnp.linalg.svd(x, full_matrices=full_matrices, compute_uv=compute_uv)
    return tuple(result) if compute_uv else result
