"""Conversion, dtypes, control flow, and reading and writing parts of tensors."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kerasish.core import tree
from kerasish.core.dtypes import standardize_dtype
from kerasish.core.symbolic import op
from kerasish.core.variable import Variable
from kerasish.ops._tensors import Array, TensorLike, as_saved, tensor


@op
def convert_to_tensor(
    x: TensorLike, dtype: str | None = None, sparse: bool | None = None, ragged: bool | None = None
) -> Array:
    """Return `x` (array, Variable, list, number, sparse matrix) as a tensor.

    Args:
        x: what to convert; float64 and int64 become 32-bit, as everywhere in JAX.
        dtype: of the result; by default that of `x`.
        sparse: False makes sparse matrices dense; they stay sparse otherwise.
        ragged: kept for compatibility; True raises ValueError.
    """
    if ragged:
        raise ValueError("convert_to_tensor: ragged tensors do not exist in JAX, received ragged=True.")
    dtype = dtype and standardize_dtype(dtype)
    if hasattr(x, "todense") and sparse is not False:
        return x if dtype is None or x.dtype == dtype else x.astype(dtype)
    return tensor(x, dtype)


def convert_to_numpy(x: TensorLike) -> np.ndarray:
    """Return `x` as a NumPy array of its own memory."""
    if isinstance(x, Variable):
        x = x.value
    return np.array(x.todense() if hasattr(x, "todense") else x)


def is_tensor(x: Any) -> bool:
    """Return whether `x` is a JAX array (a tracer included) or a JAX sparse matrix."""
    return isinstance(x, jax.Array) or isinstance(getattr(x, "data", None), jax.Array)


@op(tensors=("x",))
def cast(x: TensorLike, dtype: str) -> Array:
    """Return `x` converted to `dtype`."""
    return tensor(x, standardize_dtype(dtype))


@op(tensors=("x",))
def saturate_cast(x: TensorLike, dtype: str) -> Array:
    """Return `x` converted to `dtype`, values beyond its range cut to its ends instead of wrapping round."""
    x, dtype = tensor(x), standardize_dtype(dtype)
    (low, high), (new_low, new_high) = _range(standardize_dtype(x.dtype)), _range(dtype)
    result = x.astype(dtype)
    if new_low > low:
        result = jnp.where(x <= new_low, jnp.asarray(new_low, dtype), result)
    if new_high < high:
        result = jnp.where(x >= new_high, jnp.asarray(new_high, dtype), result)
    return result


def _range(dtype: str) -> tuple[Any, Any]:
    """Return the smallest and largest value of a dtype."""
    if dtype == "bool":
        return 0, 1
    info = jnp.iinfo(dtype) if "int" in dtype else jnp.finfo(dtype)
    return (int(info.min), int(info.max)) if "int" in dtype else (float(info.min), float(info.max))


def shape(x: TensorLike) -> tuple[int | None, ...]:
    """Return the shape as a tuple; None stands for unknown sizes of symbolic tensors."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def dtype(x: TensorLike) -> str:
    """Return the name of the dtype of a tensor, Variable or symbolic tensor."""
    return standardize_dtype(x.dtype)


@op
def stop_gradient(variable: TensorLike) -> Array:
    """Return the tensor (or Variable's value) as a constant for derivatives."""
    return lax.stop_gradient(tensor(variable))


@op(tensors=("inputs", "start_indices"))
def slice(inputs: TensorLike, start_indices: Sequence[Any], shape: Sequence[int]) -> Array:
    """Cut a block out of a tensor.

    Args:
        inputs: a tensor.
        start_indices: where the block starts on each axis; may be tensors.
        shape: size of the block; -1 takes what remains of an axis.
    """
    inputs = tensor(inputs)
    sizes = [inputs.shape[axis] - start_indices[axis] if size == -1 else size for axis, size in enumerate(shape)]
    return lax.dynamic_slice(inputs, start_indices, sizes)


@op
def slice_update(inputs: TensorLike, start_indices: Sequence[Any], updates: TensorLike) -> Array:
    """Return `inputs` with the block that starts at `start_indices` replaced by `updates`."""
    return lax.dynamic_update_slice(tensor(inputs), tensor(updates), start_indices)


@op(tensors=("indices", "values"))
def scatter(indices: TensorLike, values: TensorLike, shape: Sequence[int]) -> Array:
    """Return zeros of `shape` with `values` added at `indices`.

    Args:
        indices: integers of shape `(..., n)`; each vector is an index into the first `n` axes.
        values: tensor of shape `(..., *shape[n:])`.
        shape: shape of the result.
    """
    values = tensor(values)
    return jnp.zeros(shape, values.dtype).at[tuple(jnp.moveaxis(tensor(indices), -1, 0))].add(values)


@op(saved=as_saved)
def scatter_update(inputs: TensorLike, indices: TensorLike, updates: TensorLike, reduction: str | None = None) -> Array:
    """Return `inputs` changed at `indices`.

    Args:
        inputs: a tensor.
        indices: integers of shape `(count, n)`; each row is an index into the first `n` axes.
        updates: the new values, of shape `(count, *inputs.shape[n:])`.
        reduction: None sets values; `"add"`, `"max"`, `"min"` and `"mul"` combine them with the old ones.
    """
    name = "set" if reduction is None else reduction.lower()
    if name not in ("set", "add", "max", "min", "mul"):
        raise ValueError(
            f"scatter_update: `reduction` must be None, 'add', 'max', 'min' or 'mul', received reduction={reduction!r}."
        )
    place = tensor(inputs).at[tuple(tensor(indices).T)]
    return getattr(place, name)(tensor(updates))


@op
def unstack(x: TensorLike, num: int | None = None, axis: int = 0) -> list[Array]:
    """Return the slices of `axis` as a list; `num` is their number, where it must be stated."""
    x = tensor(x)
    return [lax.index_in_dim(x, index, axis, keepdims=False) for index in range(num or x.shape[axis])]


@op
def cond(pred: TensorLike, true_fn: Callable, false_fn: Callable) -> Any:
    """Return `true_fn()` if the boolean scalar `pred` holds, else `false_fn()`; both must return alike nests."""
    return lax.cond(tensor(pred), true_fn, false_fn)


@op
def switch(index: TensorLike, branches: Sequence[Callable], *operands: TensorLike) -> Any:
    """Return `branches[index](*operands)`; `index` is a scalar tensor, clamped to the list."""
    return lax.switch(tensor(index), branches, *operands)


@op
def map(f: Callable, xs: Any) -> Any:
    """Apply `f` to the slices of axis 0 of the tensors in `xs` one after the other, and stack the results."""
    return lax.map(f, xs)


@op(tensors=("elements",))
def vectorized_map(function: Callable, elements: Any) -> Any:
    """Apply `function` to the slices of axis 0 of the tensors in `elements` at once, and stack the results."""
    return jax.vmap(function)(elements)


@op(tensors=("f", "init", "xs"))
def scan(
    f: Callable, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False, unroll: int | bool = 1
) -> tuple[Any, Any]:
    """Carry a state through the slices of axis 0 of `xs`, as `carry, y = f(carry, x)` step by step.

    Args:
        f: function of state and slice that returns the new state and an output.
        init: the first state, a nest of tensors.
        xs: nest of tensors with a common axis 0, or None.
        length: the number of steps, needed without `xs`.
        reverse: go through the slices from the end.
        unroll: how many steps are compiled as one; True for all of them.

    Returns:
        The last state and the stacked outputs.
    """
    if not isinstance(unroll, (bool, int)) or (not isinstance(unroll, bool) and unroll < 1):
        raise ValueError(f"scan: `unroll` must be a positive integer or boolean, received unroll={unroll!r}.")
    return lax.scan(f, init, xs, length=length, reverse=reverse, unroll=unroll)


@op
def associative_scan(f: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Return all partial results of combining the slices of `axis` by the associative function `f(a, b)`."""
    return lax.associative_scan(f, elems, reverse, axis)


@op(tensors=("loop_vars",))
def while_loop(cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None) -> Any:
    """Apply `loop_vars = body(*loop_vars)` while `cond(*loop_vars)` holds.

    Args:
        cond: returns a boolean scalar.
        body: returns new loop variables of the same shapes and dtypes.
        loop_vars: tuple or list of nests of tensors, or one tensor.
        maximum_iterations: stop after so many steps.

    Returns:
        The last loop variables, as a tuple where a tuple or list came in.
    """
    several = isinstance(loop_vars, (tuple, list))

    def proceed(state: tuple) -> Any:
        values, count = state
        goes_on = cond(*values)
        return goes_on if maximum_iterations is None else jnp.logical_and(goes_on, count < maximum_iterations)

    def step(state: tuple) -> tuple:
        values, count = state
        values = body(*values)
        return (tuple(values) if several else (values,)), count + 1

    values, _ = lax.while_loop(proceed, step, (tuple(loop_vars) if several else (loop_vars,), 0))
    return values if several else values[0]


@op(tensors=("init_val",))
def fori_loop(lower: TensorLike, upper: TensorLike, body_fun: Callable, init_val: Any) -> Any:
    """Return the last of `value = body_fun(i, value)` for `i` from `lower` up to, not including, `upper`."""
    return lax.fori_loop(lower, upper, body_fun, init_val)


def custom_gradient(f: Callable) -> Callable:
    """Return `f` with a gradient of its own.

    Args:
        f: function that returns its result and a function from the gradient of the result (argument or keyword
            `upstream`) to those of its arguments.

    Example:
        >>> @custom_gradient
        ... def log1pexp(x):
        ...     e = ops.exp(x)
        ...     return ops.log(1 + e), lambda upstream: upstream * (1 - 1 / (1 + e))
    """
    function = jax.custom_gradient(f)

    @functools.wraps(f)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        def value(leaf: Any) -> Any:
            return leaf.value if isinstance(leaf, Variable) else leaf

        args, kwargs = tree.map_structure(value, (args, kwargs))
        return function(*args, **kwargs)

    return wrapper
