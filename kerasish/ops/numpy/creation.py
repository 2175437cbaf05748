"""New tensors: filled, ranges, windows, and matrices of a form."""

from typing import Any

import jax.numpy as jnp

from kerasish.core.config import floatx
from kerasish.core.dtypes import dtype_of, is_float_dtype, result_type, standardize_dtype
from kerasish.core.symbolic import is_symbolic, op
from kerasish.ops._tensors import Array, Ints, TensorLike, tensor

# Short functions stand close together.
# fmt: off

def _window(name: str, x: Any, *parameters: float) -> Array:
    """Return `jnp.<name>(x)` in `floatx`; the number of points must be known."""
    if is_symbolic(x):
        raise TypeError(f"{name}: the number of points `x` must be an integer, received a symbolic tensor {x}.")
    return getattr(jnp, name)(int(x), *parameters).astype(floatx())

@op(tensors=("start", "stop", "step"))
def arange(
    start: TensorLike, stop: TensorLike | None = None, step: TensorLike | None = None, dtype: str | None = None
) -> Array:
    """Return the numbers from `start` (0 if alone) up to, not including, `stop`, `step` apart."""
    if dtype is None:
        dtype = result_type(*(dtype_of(bound) for bound in (start, stop, step) if bound is not None))
    return jnp.arange(start, stop, step=step, dtype=standardize_dtype(dtype))

@op
def array(x: TensorLike, dtype: str | None = None) -> Array:
    """Return a new array with the elements of `x`."""
    return jnp.array(x, dtype=dtype and standardize_dtype(dtype))

def bartlett(x: int) -> Array:
    """Return the Bartlett (triangular) window of `x` points."""
    return _window("bartlett", x)

def blackman(x: int) -> Array:
    """Return the Blackman window of `x` points."""
    return _window("blackman", x)

def empty(shape: Ints, dtype: str | None = None) -> Array:
    """Return a tensor of unspecified elements (zeros)."""
    return jnp.empty(shape, dtype=standardize_dtype(dtype))

@op
def empty_like(x: TensorLike, dtype: str | None = None) -> Array:
    """Return a tensor of the shape and dtype of `x` with unspecified elements (zeros)."""
    return jnp.empty_like(tensor(x), dtype=dtype and standardize_dtype(dtype))

def eye(N: int, M: int | None = None, k: int = 0, dtype: str | None = None) -> Array:
    """Return an `N` by `M` matrix with ones on the `k`-th diagonal, `floatx` by default."""
    for name, size in (("N", N), ("M", M)):
        if isinstance(size, float) or (hasattr(size, "dtype") and is_float_dtype(size.dtype)):
            raise TypeError(f"eye: `{name}` must be an integer, received {name}={size!r}.")
    return jnp.eye(N, M=M, k=k, dtype=standardize_dtype(dtype))

@op(tensors=("fill_value",))
def full(shape: Ints, fill_value: TensorLike, dtype: str | None = None) -> Array:
    """Return a tensor filled with `fill_value`, `floatx` by default."""
    return jnp.full(shape, fill_value, dtype=standardize_dtype(dtype))

@op
def full_like(x: TensorLike, fill_value: TensorLike, dtype: str | None = None) -> Array:
    """Return a tensor of the shape and dtype of `x` filled with `fill_value`."""
    return jnp.full_like(tensor(x), fill_value, dtype=dtype and standardize_dtype(dtype))

@op
def geomspace(
    start: TensorLike, stop: TensorLike, num: int = 50, endpoint: bool = True, dtype: str | None = None, axis: int = 0
) -> Array:
    """Return `num` numbers from `start` to `stop` at equal ratios."""
    return jnp.geomspace(start, stop, num=num, endpoint=endpoint, dtype=dtype and standardize_dtype(dtype), axis=axis)

def hamming(x: int) -> Array:
    """Return the Hamming window of `x` points."""
    return _window("hamming", x)

def hanning(x: int) -> Array:
    """Return the Hann window of `x` points."""
    return _window("hanning", x)

def identity(n: int, dtype: str | None = None) -> Array:
    """Return the identity matrix of size `n`, `floatx` by default."""
    return jnp.identity(n, dtype=standardize_dtype(dtype))

def kaiser(x: int, beta: float) -> Array:
    """Return the Kaiser window of `x` points and shape `beta`."""
    return _window("kaiser", x, beta)

@op
def linspace(
    start: TensorLike, stop: TensorLike, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: str | None = None, axis: int = 0,
) -> Any:
    """Return `num` numbers from `start` to `stop` at equal distance.

    Args:
        start: number or tensor.
        stop: number or tensor that broadcasts with it.
        num: how many.
        endpoint: whether `stop` is the last one.
        retstep: return the distance as well.
        dtype: of the result.
        axis: where the numbers lie in the result.
    """
    dtype = dtype and standardize_dtype(dtype)
    return jnp.linspace(start, stop, num=num, endpoint=endpoint, retstep=retstep, dtype=dtype, axis=axis)

@op
def logspace(
    start: TensorLike, stop: TensorLike, num: int = 50, endpoint: bool = True, base: float = 10,
    dtype: str | None = None, axis: int = 0,
) -> Array:
    """Return `num` numbers from `base**start` to `base**stop` at equal ratios."""
    dtype = dtype and standardize_dtype(dtype)
    return jnp.logspace(start, stop, num=num, endpoint=endpoint, base=base, dtype=dtype, axis=axis)

def ones(shape: Ints, dtype: str | None = None) -> Array:
    """Return a tensor of ones, `floatx` by default."""
    return jnp.ones(shape, dtype=standardize_dtype(dtype))

@op
def ones_like(x: TensorLike, dtype: str | None = None) -> Array:
    """Return ones in the shape and dtype of `x`."""
    return jnp.ones_like(tensor(x), dtype=dtype and standardize_dtype(dtype))

def tri(N: int, M: int | None = None, k: int = 0, dtype: str | None = None) -> Array:
    """Return an `N` by `M` matrix of ones on and below the `k`-th diagonal, zeros above."""
    return jnp.tri(N, M=M, k=k, dtype=standardize_dtype(dtype))

@op
def vander(x: TensorLike, N: int | None = None, increasing: bool = False) -> Array:
    """Return the matrix of powers of a vector, `N` columns, highest power first unless `increasing`."""
    x = tensor(x)
    if x.ndim != 1:
        raise ValueError(f"vander: `x` must be 1-dimensional, received shape {x.shape}.")
    if N is not None and not isinstance(N, int):
        raise TypeError(f"vander: `N` must be an integer, received N={N!r}.")
    if N is not None and N < 0:
        raise ValueError(f"vander: `N` must not be negative, received N={N}.")
    if not isinstance(increasing, bool):
        raise TypeError(f"vander: `increasing` must be True or False, received increasing={increasing!r}.")
    return jnp.vander(x, N=N, increasing=increasing)

def zeros(shape: Ints, dtype: str | None = None) -> Array:
    """Return a tensor of zeros, `floatx` by default."""
    return jnp.zeros(shape, dtype=standardize_dtype(dtype))

@op
def zeros_like(x: TensorLike, dtype: str | None = None) -> Array:
    """Return zeros in the shape and dtype of `x`."""
    return jnp.zeros_like(tensor(x), dtype=dtype and standardize_dtype(dtype))
