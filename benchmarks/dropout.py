"""Random masks inside a training loop: JAX's Threefry for CPUs against the unrolled one, which draws the same numbers.

Run `python -m benchmarks.dropout`. Times are medians of interleaved runs, in microseconds for one mask; the last column
says how many times faster the unrolled form is, and shows when a newer jaxlib makes it needless.
"""

import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from kerasish.core.threefry import fast_key

REPETITIONS, IN_LOOP = 11, 200


def masks_in_a_loop(make_key: Callable, shape: tuple[int, ...]) -> Callable:
    def body(index: jax.Array, total: jax.Array, seed: jax.Array) -> jax.Array:
        return total + jax.random.bernoulli(make_key(seed + index.astype("uint32")), 0.7, shape).sum()

    return jax.jit(lambda seed: lax.fori_loop(0, IN_LOOP, lambda index, total: body(index, total, seed), 0))


def main() -> None:
    seed = jnp.array([3, 7], "uint32")
    print(f"{'shape':>16} {'jax':>10} {'unrolled':>10} {'ratio':>7}")
    for shape in ((32, 64), (64, 64), (128, 128), (128, 256), (64, 16, 16, 8)):
        functions = [masks_in_a_loop(make_key, shape) for make_key in (lambda key: key, fast_key)]
        assert functions[0](seed) == functions[1](seed)
        times: list[list[float]] = [[], []]
        for _ in range(REPETITIONS):
            for function, record in zip(functions, times, strict=True):
                start = time.perf_counter()
                function(seed).block_until_ready()
                record.append((time.perf_counter() - start) / IN_LOOP * 1e6)
        reference, unrolled = map(statistics.median, times)
        print(f"{shape!s:>16} {reference:10.1f} {unrolled:10.1f} {reference / unrolled:7.2f}")


if __name__ == "__main__":
    main()
