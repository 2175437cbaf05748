"""Each platform form against lax's own, alone and inside a loop: shows when a newer jaxlib makes a form needless.

Run `python -m benchmarks.platform_forms [words of a case]`. Times are medians of interleaved runs, in milliseconds; the
last column says how many times faster the form is. Inside the loop the same work is done several times in one program.
Forms are compiled with the compiler's options of training; with `--no-options` without, which shows what these give.
"""

import functools
import math
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kerasish.core.platform_forms.argmax import argmax
from kerasish.core.platform_forms.compiler import compiler_options, lowering_steps
from kerasish.core.platform_forms.convolution import convolution
from kerasish.core.platform_forms.pooling import reduce_windows

REPETITIONS, IN_LOOP = 7, 3


def plain_reduce(x: Any, initial: Any, combine: Any, window: tuple, strides: tuple, padding: str) -> Any:
    return lax.reduce_window(x, initial, combine, window, strides, padding)


def conv(shape: tuple, kernel: tuple, stride: int = 1, groups: int = 1, stretch: int = 1) -> tuple:
    rank = len(shape) - 2
    spatial = "DHW"[3 - rank :]
    options = {
        "window_strides": (stride,) * rank,
        "padding": ((kernel[0] // 2,) * 2,) * rank,
        "lhs_dilation": (stretch,) * rank,
        "dimension_numbers": (f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"),
        "feature_group_count": groups,
    }
    functions = (functools.partial(function, **options) for function in (lax.conv_general_dilated, convolution))
    return *functions, (shape, kernel), ("forward", "gradient of input", "gradient of kernel")


def pool(shape: tuple, window: int, stride: int, combine: Any) -> tuple:
    sizes = [(1, *(size,) * (len(shape) - 2), 1) for size in (window, stride)]
    initial = -math.inf if combine is lax.max else 0.0
    functions = (lambda x, f=f: f(x, initial, combine, *sizes, "VALID") for f in (plain_reduce, reduce_windows))
    return *functions, (shape,), ("forward", "gradient of input")


CASES = {
    "3x3": conv((8, 14, 14, 64), (3, 3, 64, 64)),
    "3x3 of one channel": conv((16, 28, 28, 1), (3, 3, 1, 32)),
    "3x3 by 2": conv((8, 28, 28, 32), (3, 3, 32, 32), 2),
    "7x7 by 2": conv((2, 48, 48, 3), (7, 7, 3, 32), 2),
    "1x1": conv((8, 24, 24, 96), (1, 1, 96, 24)),
    "1x1 by 2": conv((8, 28, 28, 64), (1, 1, 64, 128), 2),
    "depthwise 3x3": conv((8, 24, 24, 96), (3, 3, 1, 96), groups=96),
    "depthwise 5x5 by 2": conv((8, 24, 24, 48), (5, 5, 1, 48), 2, 48),
    "depthwise 7x7": conv((4, 14, 14, 96), (7, 7, 1, 96), groups=96),
    "8 groups 3x3": conv((4, 14, 14, 64), (3, 3, 8, 64), groups=8),
    "transposed 3x3 by 2": conv((8, 14, 14, 32), (3, 3, 32, 32), stretch=2),
    "one axis, 5": conv((16, 100, 32), (5, 32, 32)),
    "one axis, 3, small": conv((8, 32, 16), (3, 16, 64)),
    "three axes, 3x3x3": conv((4, 16, 16, 16, 16), (3, 3, 3, 16, 16)),
    "three axes, 3x3x3 by 2": conv((2, 12, 12, 12, 8), (3, 3, 3, 8, 16), 2),
    "maximum 2x2 by 2": pool((64, 26, 26, 32), 2, 2, lax.max),
    "maximum 3x3 by 2": pool((8, 28, 28, 64), 3, 2, lax.max),
    "mean 2x2 by 2": pool((64, 26, 26, 32), 2, 2, lax.add),
    "mean 3x3 by 2": pool((8, 28, 28, 64), 3, 2, lax.add),
    "argmax of 1,000": (*(functools.partial(f, axis=-1) for f in (jnp.argmax, argmax)), ((128, 1000),), ("forward",)),
    "argmax of 5,000": (*(functools.partial(f, axis=-1) for f in (jnp.argmax, argmax)), ((2048, 5000),), ("forward",)),
}


def parts(function: Callable, count: int) -> list[Callable]:
    """The function itself, and the gradient by each argument as function of the cotangent and all arguments."""

    def gradient(position: int) -> Callable:
        def compute(cotangent: Any, *args: Any) -> Any:
            def of(x: Any) -> Any:
                return function(*args[:position], x, *args[position + 1 :])

            return jax.vjp(of, args[position])[1](cotangent)[0]

        return compute

    return [function, *map(gradient, range(count))]


def in_loop(function: Callable) -> Callable:
    """Do the work several times, each time with arguments that depend on the time before."""

    def looped(first: Any, *others: Any) -> Any:
        def body(_: Any, carry: Any) -> Any:
            return lax.optimization_barrier((carry[0], function(*carry[0])))

        args = (first, *others)
        empty = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(function, *args))

        def step(index: Any, carry: Any) -> Any:
            (start, *rest), _ = carry
            return body(index, ((start + carry[1].ravel()[0] * 1e-30, *rest), carry[1]))

        return lax.fori_loop(0, IN_LOOP, step, (args, empty))[1]

    return looped


def compare(functions: list[Callable], args: tuple) -> list[float]:
    """Return the median milliseconds of each function, run in turns."""
    options = None if "--no-options" in sys.argv else compiler_options()
    compiled = [jax.jit(functions[0]), jax.jit(functions[1], compiler_options=options)]
    with lowering_steps:
        results = [jax.block_until_ready(function(*args)) for function in compiled]
    scale = float(jnp.abs(results[0]).max())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-3, atol=1e-4 * scale)
    times: list[list[float]] = [[] for _ in compiled]
    started = time.perf_counter()
    while len(times[0]) < REPETITIONS and (len(times[0]) < 3 or time.perf_counter() - started < 2):
        for function, taken in zip(compiled, times):
            start = time.perf_counter()
            jax.block_until_ready(function(*args))
            taken.append((time.perf_counter() - start) * 1e3)
    return [statistics.median(taken) for taken in times]


def main() -> None:
    rng, words = np.random.default_rng(0), [word for word in sys.argv[1:] if word != "--no-options"]
    print(f"jax {jax.__version__}, {jax.default_backend()}; milliseconds")
    print(f"{'case':46}{'lax':>8}{'form':>8}{'ratio':>7}   in a loop{'lax':>8}{'form':>8}{'ratio':>7}")
    for name, (theirs, ours, shapes, names) in CASES.items():
        if not all(word in name for word in words):
            continue
        args = tuple(jnp.asarray(rng.normal(size=shape), "float32") for shape in shapes)
        cotangent = jnp.asarray(rng.normal(size=jax.eval_shape(theirs, *args).shape), "float32")
        both = zip(names, parts(theirs, len(shapes)), parts(ours, len(shapes)))
        for part, *pair in both:
            given = args if part == "forward" else (cotangent, *args)
            lax_time, form_time = compare(pair, given)
            looped = [taken / IN_LOOP for taken in compare([in_loop(function) for function in pair], given)]
            print(
                f"{name + ', ' + part:46}{lax_time:8.2f}{form_time:8.2f}{lax_time / form_time:7.1f}"
                f"{looped[0]:20.2f}{looped[1]:8.2f}{looped[0] / looped[1]:7.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
