"""Learning rate schedules: functions of the training step that an optimizer takes as its learning rate."""

from kerasish.core.registry import builtins as _builtins
from kerasish.optimizers.schedules.decays import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from kerasish.optimizers.schedules.schedule import LearningRateSchedule, deserialize, serialize

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]

_builtins(
    "keras.optimizers.schedules",
    {name: globals()[name] for name in __all__ if name not in ("deserialize", "serialize")},
)
