"""The form of argmax for CPUs beside numpy's: ties, NaN, infinities, lengths with and without divisors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasish.core.platform_forms import argmax as module
from kerasish.core.platform_forms.argmax import argmax


@pytest.mark.parametrize("length", [64, 100, 101, 128, 1000, 5087])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32"])
def test_first_of_the_largest(length, dtype, rng):
    x = jnp.asarray(rng.integers(-3, 4, (3, 40, length)), dtype)  # full of ties
    expected = np.argmax(np.asarray(x, "float32"), -1)
    np.testing.assert_array_equal(argmax(x, -1), expected)
    np.testing.assert_array_equal(argmax(x, 2, keepdims=True), expected[..., None])


@given(st.lists(st.sampled_from([0.0, -0.0, 1.0, np.inf, -np.inf, np.nan]), min_size=1, max_size=9), st.integers(0, 9))
def test_special_values(values, seed):
    x = np.random.default_rng(seed).choice(values, (64, 64)).astype("float32")
    np.testing.assert_array_equal(argmax(jnp.asarray(x), -1), np.argmax(x, -1))


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_other_axes_are_left_to_jax(axis, rng):
    x = rng.normal(size=(100, 80, 2)).astype("float32")
    np.testing.assert_array_equal(argmax(jnp.asarray(x), axis), np.argmax(x, axis))


def test_in_transformations(rng):
    x = jnp.asarray(rng.normal(size=(3, 64, 100)), "float32")
    np.testing.assert_array_equal(jax.jit(jax.vmap(lambda x: argmax(x, -1)))(x), np.argmax(x, -1))
    gradient = jax.grad(lambda x: jnp.sum(jnp.max(x, -1) + argmax(x, -1)))(x)
    np.testing.assert_array_equal(gradient, jax.grad(lambda x: jnp.sum(jnp.max(x, -1)))(x))


@pytest.mark.parametrize(("length", "count"), [(0, 1), (10, 1), (63, 1), (64, 8), (1000, 25), (101, 1), (50257, 29)])
def test_number_of_blocks(length, count):
    assert module._block_count(length) == count
