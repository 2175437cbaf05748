"""Optimizers: how gradients change weights."""

from kerasish.optimizers import legacy, schedules
from kerasish.optimizers.adaptive import Adam, Adamax, AdamW, Lamb, Nadam, ScheduleFreeAdamW
from kerasish.optimizers.descent import SGD, Adadelta, Adagrad, Ftrl, Lion, RMSprop
from kerasish.optimizers.lookup import deserialize, get, serialize
from kerasish.optimizers.loss_scale import LossScaleOptimizer
from kerasish.optimizers.matrices import Adafactor, Muon
from kerasish.optimizers.multi import MultiOptimizer, OptimizerMap
from kerasish.optimizers.optax_adapter import OptaxOptimizer
from kerasish.optimizers.optimizer import Optimizer

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "OptaxOptimizer",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "legacy",
    "schedules",
    "serialize",
]
