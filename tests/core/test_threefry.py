"""Random numbers from the unrolled Threefry are those of jax.random, bit for bit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kerasish.core.threefry import fast_key

SEED = np.array([3, 7], "uint32")

DRAWS = {
    "uniform": lambda key: jax.random.uniform(key, (5, 7)),
    "scalar": lambda key: jax.random.uniform(key, ()),
    "empty": lambda key: jax.random.uniform(key, (0, 3)),
    "normal": lambda key: jax.random.normal(key, (33,)),
    "half": lambda key: jax.random.normal(key, (9,), jnp.bfloat16),
    "truncated": lambda key: jax.random.truncated_normal(key, -2, 2, (8,)),
    "bytes": lambda key: jax.random.bits(key, (9,), "uint8"),
    "words": lambda key: jax.random.bits(key, (9,), "uint16"),
    "integers": lambda key: jax.random.randint(key, (9,), 0, 100),
    "bernoulli": lambda key: jax.random.bernoulli(key, 0.3, (4, 4)),
    "permutation": lambda key: jax.random.permutation(key, jnp.arange(9)),
    "categorical": lambda key: jax.random.categorical(key, jnp.zeros((3, 4))),
    "gamma": lambda key: jax.random.gamma(key, 2.0, (5,)),
    "split": lambda key: jax.random.uniform(jax.random.split(key, 3)[1], (2,)),
    "fold_in": lambda key: jax.random.uniform(jax.random.fold_in(key, 5), (2,)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_numbers_are_those_of_jax(name):
    draw = DRAWS[name]
    expected = np.asarray(draw(jnp.asarray(SEED)))
    np.testing.assert_array_equal(np.asarray(draw(fast_key(jnp.asarray(SEED)))), expected)
    np.testing.assert_array_equal(np.asarray(jax.jit(lambda seed: draw(fast_key(seed)))(SEED)), expected)


def test_keys_may_be_vectorized():
    keys = jax.random.split(jnp.asarray(SEED), 3)
    result = jax.vmap(lambda key: jax.random.uniform(fast_key(key), (2,)))(keys)
    np.testing.assert_array_equal(result, jax.vmap(lambda key: jax.random.uniform(key, (2,)))(keys))


def test_other_platforms_keep_the_form_of_jax():
    draw = jax.jit(lambda seed: jax.random.uniform(fast_key(seed), (4, 4)))
    lowered = {p: draw.trace(SEED).lower(lowering_platforms=(p,)).as_text() for p in ("cpu", "cuda")}
    assert "threefry" in lowered["cuda"]
    assert "threefry2x32" not in lowered["cpu"].replace("threefry2x32_unrolled", "")
