"""How long an import takes, the interpreter's own start not counted."""

import importlib
import time


def _timed(*names: str) -> dict[str, float]:
    start = time.perf_counter()
    for name in names:
        importlib.import_module(name)
    return {"seconds": time.perf_counter() - start}


def jax() -> dict[str, float]:
    return _timed("jax")


def kerasish() -> dict[str, float]:
    """Measure it with what a training script uses: names of the package are loaded when they are first used."""
    return _timed("kerasish", "kerasish.layers", "kerasish.models", "kerasish.training.loop")


def kerasish_bare() -> dict[str, float]:
    return _timed("kerasish")


def keras() -> dict[str, float]:
    return _timed("keras")


def torch() -> dict[str, float]:
    return _timed("torch")


def flax() -> dict[str, float]:
    return _timed("flax.nnx", "optax")
