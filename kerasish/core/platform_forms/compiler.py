"""Options for XLA's compiler on CPUs.

jaxlib 0.10 gives float32 convolutions of two axes with more than 16 channels to YNNPACK, which takes 1.5 to 1.8 times
as long for them as Eigen, and 2 to 3.5 times for gradients of kernels (two cores with AVX-512; `python -m
benchmarks.platform_forms` with and without `--no-options` repeats the measurement). Matrix products and sums stay with
YNNPACK.
"""

import functools
import os
import threading

import jax

_LIBRARY = "xla_cpu_experimental_ynn_fusion_type"
_WITHOUT_CONVOLUTIONS = {_LIBRARY: "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"}


class _LoweringSteps(threading.local):
    """Context in which this thread lowers steps of `fit`, `evaluate` or `predict`; for speed not by `contextlib`."""

    active = False

    def __enter__(self) -> None:
        self.active = True

    def __exit__(self, *exception: object) -> None:
        self.active = False


lowering_steps = _LoweringSteps()


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
