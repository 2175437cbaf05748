"""Masks of eager arrays and of tracers."""

import jax
import jax.numpy as jnp

from kerasish.core.masks import get_mask, mask_frame, set_mask


def test_an_eager_array_keeps_its_mask_after_the_call_that_set_it():
    x, mask = jnp.ones((2, 3)), jnp.ones((2,), bool)
    with mask_frame():
        set_mask(x, mask)
        assert get_mask(x) is mask
    assert get_mask(x) is mask
    with mask_frame():
        set_mask(x, None)
        assert get_mask(x) is None


def test_a_traced_mask_does_not_outlive_its_frame():
    x = jnp.ones((2, 3))

    def traced(flag):
        with mask_frame():
            set_mask(x, flag)
            doubled = x * flag[:, None]
            set_mask(doubled, flag)
            assert get_mask(x) is flag and get_mask(doubled) is flag
        return doubled

    jax.jit(traced)(jnp.ones((2,)))
    assert get_mask(x) is None
