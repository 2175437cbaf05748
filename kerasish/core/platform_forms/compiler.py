"""Options for XLA's compiler on CPUs.

jaxlib 0.10 gives float32 convolutions of two axes with more than 16 channels to YNNPACK, which takes 1.5 to 1.8 times
as long for them as Eigen, and 2 to 3.5 times for gradients of kernels (two cores with AVX-512; `python -m
benchmarks.platform_forms` with and without `--no-options` repeats the measurement). Matrix products and sums stay with
YNNPACK.
"""

import contextlib
import functools
import os
from collections.abc import Iterator
from contextvars import ContextVar

import jax

_LIBRARY = "xla_cpu_experimental_ynn_fusion_type"
_WITHOUT_CONVOLUTIONS = {_LIBRARY: "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"}

_steps: ContextVar[bool] = ContextVar("steps", default=False)


@contextlib.contextmanager
def lowering_steps() -> Iterator[None]:
    """Let what is lowered be known as steps of `fit`, `evaluate` or `predict`, compiled with `compiler_options`."""
    token = _steps.set(True)
    try:
        yield
    finally:
        _steps.reset(token)


def lowers_steps() -> bool:
    """Return whether what is lowered is known as a step."""
    return _steps.get()


@functools.cache
def compiler_options() -> dict[str, str] | None:
    """Return what `jax.jit` should be given as `compiler_options`: None where they would not be understood.

    What the environment variable `XLA_FLAGS` says about the library goes first.
    """
    if jax.default_backend() != "cpu" or _LIBRARY in os.environ.get("XLA_FLAGS", ""):
        return None
    try:
        jax.jit(lambda x: x, compiler_options=_WITHOUT_CONVOLUTIONS).lower(0).compile()
    except jax.errors.JaxRuntimeError:  # of a jaxlib without this option
        return None
    return _WITHOUT_CONVOLUTIONS
