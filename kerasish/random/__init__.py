"""Random arrays: draws from distributions, dropout and shuffling, with explicit or global seeds."""

from kerasish.core import registry
from kerasish.core.random import SeedGenerator
from kerasish.random.functions import (
    beta,
    binomial,
    categorical,
    dropout,
    gamma,
    normal,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]

registry.builtins("keras.random", {name: globals()[name] for name in __all__})
