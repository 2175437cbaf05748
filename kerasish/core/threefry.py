"""Threefry random bits in the form that XLA:CPU compiles well; the numbers are those of `jax.random`.

JAX lowers Threefry for CPUs as a loop over rounds, which is neither fused nor vectorized. Unrolled it takes, inside a
training loop on two cores, 11 instead of 84 microseconds for 4,096 numbers and 46 instead of 159 for 32,768
(jax 0.10.2; `benchmarks/dropout.py` measures both). Elsewhere JAX's own form is used.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend import random as random_extension

# Rotations of the rounds, alternating, and the constant of the key schedule (Salmon et al., 2011, "Parallel random
# numbers: as easy as 1, 2, 3").
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)


def _threefry2x32(key: jax.Array, high: jax.Array, low: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Encrypt pairs of counters with a key of two words, in 20 rounds."""
    words = (key[0], key[1], key[0] ^ key[1] ^ _PARITY)
    high, low = high + words[0], low + words[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            high = high + low
            low = ((low << np.uint32(rotation)) | (low >> np.uint32(32 - rotation))) ^ high
        high, low = high + words[(group + 1) % 3], low + words[(group + 2) % 3] + np.uint32(group + 1)
    return high, low


def _unrolled_bits(key: jax.Array, bit_width: int, shape: tuple[int, ...]) -> jax.Array:
    """Return random bits by flat 64-bit index, as `jax.random.bits` does."""
    count = int(np.prod(shape))
    index = lax.iota(np.uint32, count).reshape(shape)
    high, low = _threefry2x32(key, jnp.zeros_like(index), index)
    if bit_width == 64:
        return (high.astype(np.uint64) << np.uint64(32)) | low.astype(np.uint64)
    return (high ^ low).astype(f"uint{bit_width}")


def _random_bits(key: jax.Array, bit_width: int, shape: tuple[int, ...]) -> jax.Array:
    def reference(key: jax.Array) -> jax.Array:
        return jax.random.bits(key, shape, f"uint{bit_width}")

    if np.prod(shape) >= 2**32:
        return reference(key)
    return lax.platform_dependent(key, cpu=lambda key: _unrolled_bits(key, bit_width, shape), default=reference)


def _raw_split(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jax.random.split(key, shape)


_IMPLEMENTATION = random_extension.define_prng_impl(
    key_shape=(2,),
    seed=jax.random.PRNGKey,
    split=_raw_split,
    random_bits=_random_bits,
    fold_in=jax.random.fold_in,
    name="threefry2x32_unrolled",
    tag="fryu",
)


def fast_key(seed: jax.Array) -> jax.Array:
    """Return the key for the functions of `jax.random` that gives the numbers of the raw key `seed`.

    Args:
        seed: uint32 array of shape (2,).
    """
    return jax.random.wrap_key_data(seed, impl=_IMPLEMENTATION)
