"""Operands that are stored before a function reads them: the same values, and no fusion on a CPU."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kerasish.core.platform_forms.stored import stored, stored_first


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("first", [0.0, -0.0, 1.5, np.nan, -np.inf])
def test_what_is_stored_first_is_computed_always(dtype, first):
    x = jnp.asarray([[first, 2.0], [3.0, 4.0]], dtype)
    turned = jax.jit(lambda x: stored_first(jnp.transpose, x))(x)
    np.testing.assert_array_equal(turned.astype("float32"), x.T.astype("float32"))
    mapped = jax.vmap(lambda x: stored_first(jnp.negative, x))(x)
    np.testing.assert_array_equal(mapped.astype("float32"), -x.astype("float32"))


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the form is for CPUs")
def test_what_is_stored_first_is_not_fused():
    def function(x, scale):
        shifted = jnp.tanh(x * scale)
        return stored_first(lambda a: a.T * 2.0, shifted) + shifted.T

    text = jax.jit(function).lower(jnp.ones((64, 32)), jnp.ones(32)).compile().as_text()
    assert "conditional(" in text


def test_stored_arrays_are_as_they_were():
    arrays = [jnp.zeros((0, 2)), jnp.asarray([True, False]), jnp.arange(3), jnp.asarray(np.nan)]
    for ours, theirs in zip(jax.jit(stored)(arrays), arrays, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype
    assert stored([]) == []
    mapped = jax.vmap(lambda x: stored([x, 2 * x])[1])(jnp.arange(3.0))
    np.testing.assert_array_equal(mapped, [0, 2, 4])
