"""The NumPy generator against jax.random, bit for bit where no logarithm is involved."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kerasish.core import host_random

KEY = np.array([1234567, 89], np.uint32)


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


def ulps(actual, expected):
    spacing = np.spacing(np.abs(expected)).astype(np.float64)
    return np.max(np.abs(actual.astype(np.float64) - expected.astype(np.float64)) / spacing)


@pytest.mark.parametrize("width", [8, 16, 32])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (7, 3), (70_001,)])
def test_bits_equal_jax(width, shape):
    bits = host_random.random_bits(KEY, shape, width)
    expected = np.asarray(jax.random.bits(KEY, shape, f"uint{width}"))
    assert bits.dtype == expected.dtype
    np.testing.assert_array_equal(bits, expected)


@pytest.mark.parametrize("seed", [0, 5, -3, 2**31 + 5])
def test_key_and_split_equal_jax(seed):
    key = host_random.key_from_seed(seed)
    np.testing.assert_array_equal(key, jax.random.PRNGKey(seed))
    np.testing.assert_array_equal(host_random.split(key, 5), jax.random.split(key, 5))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("bounds", [(0, 1), (-1, 1), (-0.05, 0.05), (3.3, 7.7), (-2.0, 1.0)])
def test_uniform_equals_jax(dtype, bounds):
    values = host_random.uniform(KEY, (3001, 2), dtype, *bounds)
    expected = np.asarray(jax.random.uniform(KEY, (3001, 2), dtype, *bounds))
    assert values.dtype == expected.dtype
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_normal_close_to_jax(dtype):
    shape = (100_003,)
    for values, expected in [
        (host_random.normal(KEY, shape, dtype), jax.random.normal(KEY, shape, dtype)),
        (host_random.truncated_normal(KEY, shape, dtype), jax.random.truncated_normal(KEY, -2, 2, shape, dtype)),
    ]:
        assert values.dtype == expected.dtype
        if dtype == "float32":
            assert ulps(values, np.asarray(expected)) <= 4
        else:  # computed in float32, so rounding hides the differences
            np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("draw", [host_random.normal, host_random.truncated_normal])
def test_mean_and_stddev_round_as_in_jax(draw, dtype):
    expected = jnp.asarray(draw(KEY, (50,), dtype)) * 0.3 + 2.0
    np.testing.assert_array_equal(draw(KEY, (50,), dtype, mean=2.0, stddev=0.3), expected)


def test_truncated_normal_stays_inside():
    for dtype in ("float32", "float16", "bfloat16"):
        values = host_random.truncated_normal(KEY, (200_000,), dtype).astype(np.float32)
        assert np.abs(values).max() < 2


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int8", "uint8", "int16"])
@pytest.mark.parametrize("bounds", [(0, 10), (3, 200), (0, 256), (3, 3), (5, 2)])
def test_randint_equals_jax(dtype, bounds):
    values = host_random.randint(KEY, (1001,), *bounds, dtype)
    expected = jax.random.randint(KEY, (1001,), *bounds, dtype)
    assert values.dtype == expected.dtype
    np.testing.assert_array_equal(values, expected)


def test_many_values_in_threads_are_prefix_stable():
    size = host_random._THREAD_SIZE + 70_001
    values = host_random.uniform(KEY, (size,))
    expected = np.asarray(jax.random.uniform(KEY, (size,)))
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(values[:1000], host_random.uniform(KEY, (1000,)))


def test_error_in_a_thread_is_raised():
    def finish(high, low, out):
        raise RuntimeError("chunk failed")

    with pytest.raises(RuntimeError, match="chunk failed"):
        host_random._generate(KEY, np.empty(3 << 20), 3 << 20, finish)


def test_float64_needs_64_bit_mode():
    assert host_random.uniform(KEY, (3,), "float64").dtype == np.float32


def test_double_precision(x64):
    shape = (2001,)
    np.testing.assert_array_equal(host_random.key_from_seed(2**40 + 3), jax.random.PRNGKey(2**40 + 3))
    np.testing.assert_array_equal(host_random.random_bits(KEY, shape, 64), jax.random.bits(KEY, shape, "uint64"))
    uniform = host_random.uniform(KEY, shape, "float64", -0.3, 0.7)
    np.testing.assert_array_equal(uniform, jax.random.uniform(KEY, shape, "float64", -0.3, 0.7))
    normal = host_random.normal(KEY, shape, "float64")
    np.testing.assert_allclose(normal, jax.random.normal(KEY, shape, "float64"), rtol=1e-9, atol=1e-12)
    for bounds in [(-5, 10**12), (0, 2**63 - 1)]:
        integers = host_random.randint(KEY, shape, *bounds, "int64")
        np.testing.assert_array_equal(integers, jax.random.randint(KEY, shape, *bounds, "int64"))


def test_double_precision_quantiles_against_scipy():
    special = pytest.importorskip("scipy.special")
    x = np.concatenate([np.linspace(-0.9999, 0.9999, 1001), 1 - np.logspace(-15, -3, 50), [0.0]])
    np.testing.assert_allclose(host_random._erfinv_64(x), special.erfinv(x), rtol=1e-12, atol=1e-15)


def test_unknown_dtype_is_refused():
    with pytest.raises(ValueError, match="float32"):
        host_random.normal(KEY, (3,), "int32")


def test_bfloat16_is_jax_type():
    assert host_random.normal(KEY, (2,), "bfloat16").dtype == jnp.bfloat16
