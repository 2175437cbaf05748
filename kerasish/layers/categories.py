"""Encodings of category numbers as one-hot, multi-hot or counted vectors: of JAX arrays, NumPy arrays and shapes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Shape = tuple[int | None, ...]


def encoded_shape(shape: Shape, mode: str, depth: int | None) -> Shape:
    """Return the shape that encoding gives category numbers of a shape.

    Args:
        shape: of the numbers, None for unknown sizes.
        mode: `"int"`, `"one_hot"`, `"multi_hot"` or `"count"`.
        depth: number of categories.
    """
    shape = tuple(shape)
    if mode == "int":
        return shape
    shape = shape or (1,)
    if mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
    return (depth,) if len(shape) == 1 else (shape[0], *shape[2:], depth)


def encode(numbers: jax.Array, mode: str, depth: int, dtype: str, weights: Any = None) -> jax.Array:
    """Encode category numbers; those outside of `0 ... depth - 1` become zeros.

    Args:
        numbers: integers; with `"multi_hot"` and `"count"` of shape `(samples, length, ...)` or `(length,)`.
        mode: `"int"`, `"one_hot"`, `"multi_hot"` or `"count"`.
        depth: number of categories.
        dtype: dtype of the result.
        weights: what each number adds to its count, of the shape of `numbers`; 1 by default.
    """
    if mode == "int":
        return numbers.astype(dtype)
    if numbers.ndim == 0:
        numbers = numbers[None]
    if mode == "one_hot":
        if numbers.ndim > 1 and numbers.shape[-1] == 1:
            numbers = numbers[..., 0]
        return jax.nn.one_hot(numbers, depth, dtype=dtype)
    axis = 1 if numbers.ndim > 1 else 0
    if mode == "multi_hot":
        return jnp.max(jax.nn.one_hot(numbers, depth, dtype=dtype), axis=axis, initial=0)
    vectors = jax.nn.one_hot(numbers, depth, dtype=dtype if weights is None else weights.dtype)
    if weights is not None:
        vectors = vectors * weights.reshape(numbers.shape)[..., None]
    return jnp.sum(vectors, axis=axis, dtype=vectors.dtype)


def encode_on_host(numbers: np.ndarray, mode: str, depth: int, dtype: str) -> np.ndarray:
    """Encode category numbers in NumPy, like `encode`."""
    if mode == "int":
        return numbers.astype(dtype)
    result_shape = encoded_shape(numbers.shape, mode, depth)
    if mode == "one_hot":
        rows = np.arange(numbers.size)
    elif numbers.ndim <= 1:
        rows = np.zeros(numbers.size, np.int64)
    else:
        numbers = np.moveaxis(numbers, 1, -1)
        rows = np.repeat(np.arange(numbers.size // max(numbers.shape[-1], 1)), numbers.shape[-1])
    count = int(np.prod(result_shape[:-1], dtype=np.int64))
    return encode_rows(numbers.reshape(-1), rows, count, mode, depth, dtype).reshape(result_shape)


def encode_rows(numbers: np.ndarray, rows: np.ndarray, count: int, mode: str, depth: int, dtype: str) -> np.ndarray:
    """Return one vector for each row, from category numbers and the rows they belong to.

    Args:
        numbers: flat array of integers; those outside of `0 ... depth - 1` are left out.
        rows: the row of each.
        count: number of rows.
        mode: `"count"`, or anything else to mark what occurs.
        depth: number of categories.
        dtype: dtype of the result.

    Returns:
        Array of shape `(count, depth)`.
    """
    valid = (numbers >= 0) & (numbers < depth)
    if not valid.all():
        numbers, rows = numbers[valid], rows[valid]
    places = rows * depth + numbers
    if mode == "count":
        return np.bincount(places, minlength=count * depth).reshape(count, depth).astype(dtype, copy=False)
    vectors = np.zeros(count * depth, dtype)
    vectors[places] = 1
    return vectors.reshape(count, depth)
