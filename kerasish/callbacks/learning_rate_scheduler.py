"""LearningRateScheduler: set the learning rate at the start of every epoch."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from kerasish.callbacks.callback import Callback
from kerasish.core.console import print_message


def optimizers_by_log_name(optimizer: Any) -> dict[str, Any]:
    """Return the optimizers with a learning rate of their own, by the name the rate has in the logs."""
    if hasattr(optimizer, "optimizers"):
        return {f"learning_rate_{inner.name}": inner for inner in optimizer.optimizers}
    return {"learning_rate": optimizer}


def learning_rate_of(optimizer: Any) -> float:
    """Return the present learning rate as a float."""
    return float(np.asarray(optimizer.learning_rate))


def log_learning_rates(optimizer: Any, logs: Any) -> None:
    """Write the learning rates into `logs`."""
    for name, inner in optimizers_by_log_name(optimizer).items():
        logs[name] = learning_rate_of(inner)


class LearningRateScheduler(Callback):
    """Asks a function for the learning rate before every epoch.

    Args:
        schedule: called with the epoch (counted from 0) and the present learning rate, or with the epoch alone;
            returns the new learning rate as a float.
        verbose: 1 prints each new learning rate.

    Raises:
        ValueError: during training, if `schedule` returns something other than a float, or the optimizer has no
            `learning_rate`.

    Example:
        >>> halve_after_ten = LearningRateScheduler(lambda epoch, lr: lr if epoch < 10 else lr / 2)
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        if not callable(schedule):
            raise TypeError(
                f"LearningRateScheduler: `schedule` must be a function (epoch, learning_rate), received {schedule!r}."
            )
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        for name, optimizer in optimizers_by_log_name(self.model.optimizer).items():
            rate = self._next_rate(optimizer, epoch)
            optimizer.learning_rate = rate
            if self.verbose > 0:
                whose = name.removeprefix("learning_rate").replace("_", " ", 1)
                print_message(f"Epoch {epoch + 1}: LearningRateScheduler setting{whose} learning rate to {rate}.")

    def _next_rate(self, optimizer: Any, epoch: int) -> float:
        if not hasattr(optimizer, "learning_rate"):
            raise ValueError(f"LearningRateScheduler: the optimizer {optimizer!r} has no `learning_rate`.")
        if _takes_two(self.schedule):
            rate = self.schedule(epoch, learning_rate_of(optimizer))
        else:
            rate = self.schedule(epoch)
        is_scalar_array = isinstance(rate, (np.ndarray, jax.Array)) and rate.ndim == 0
        if not isinstance(rate, (float, np.floating)) and not (is_scalar_array and rate.dtype.kind in "fV"):
            raise ValueError(
                f"LearningRateScheduler: `schedule` must return a float, received {rate!r} of type "
                f"{type(rate).__name__} for epoch {epoch}."
            )
        return float(rate)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        log_learning_rates(self.model.optimizer, logs if logs is not None else {})


def _takes_two(schedule: Callable) -> bool:
    """Return whether `schedule` can be called with two positional arguments."""
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # Some built-in functions have no signature to look at.
        return True
    return True
