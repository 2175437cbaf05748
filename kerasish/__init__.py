"""kerasish: Keras 3's public API on JAX alone.

Everything is loaded on first use, so that `import kerasish` costs little more than `import jax`.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

# Public name -> the module it lives in. `__init__.pyi` repeats the table for type checkers and editors.
_NAMES = {
    "DTypePolicy": "core.dtypes",
    "FloatDTypePolicy": "core.dtypes",
    "Initializer": "initializers",
    "Input": "layers",
    "InputSpec": "layers",
    "KerasTensor": "core.symbolic",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Operation": "core.symbolic",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    "Sequential": "models",
    "StatelessScope": "core.variable",
    "Variable": "core.variable",
    "grad": "core.lifted",
    "jit": "core.lifted",
    "name_scope": "core.naming",
    "value_and_grad": "core.lifted",
    "vmap": "core.lifted",
}
# Packages whose names a class takes as strings: they have to be known when it is used.
_COMPANIONS = {"Variable": "initializers"}
_PACKAGES = frozenset(
    (
        "activations", "applications", "backend", "callbacks", "config", "constraints", "core", "datasets",
        "dtype_policies", "initializers", "layers", "losses", "metrics", "mixed_precision", "models", "ops",
        "optimizers", "random", "regularizers", "saving", "tree", "utils",
    )
)  # fmt: skip

__all__ = ["__version__", "version", *sorted(_NAMES), *sorted(_PACKAGES - {"core"})]


def version() -> str:
    """Return the version of the package."""
    return __version__


def __getattr__(name: str) -> Any:
    if name in _COMPANIONS:
        importlib.import_module(f"{__name__}.{_COMPANIONS[name]}")
    if name in _NAMES:
        value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    elif name in _PACKAGES:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
