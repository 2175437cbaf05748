"""ReduceLROnPlateau: lower the learning rate when a metric no longer gets better."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasish.callbacks.learning_rate_scheduler import learning_rate_of, log_learning_rates, optimizers_by_log_name
from kerasish.callbacks.monitor import MonitorCallback
from kerasish.core.console import print_message


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` after `patience` epochs without improvement.

    Args:
        monitor: name of the metric in the logs.
        factor: below 1.
        patience: number of epochs without improvement to wait for.
        verbose: 1 prints each reduction.
        mode: `"min"`, `"max"` or `"auto"` (ask the metric).
        min_delta: an improvement by less than this is none.
        cooldown: number of epochs after a reduction that do not count.
        min_lr: the learning rate never falls below this.
        **kwargs: accepted for old calls, and ignored.

    Raises:
        ValueError: if `factor` is 1 or more.

    Example:
        >>> callback = ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=5, min_lr=0.001)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: `factor` must be below 1, received factor={factor}.")
        self.factor = factor
        self.min_lr = min_lr
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self.best = None
        self.cooldown_counter = 0
        self.wait = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.monitor_op is None:
            self._set_monitor_op()
        logs = logs if logs is not None else {}
        log_learning_rates(self.model.optimizer, logs)
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(
                f"The learning rate reduction is conditioned on the metric `{self.monitor}`, which is not available. "
                f"Available metrics are: {','.join(logs)}.",
                stacklevel=2,
            )
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce_all(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce_all(self, epoch: int) -> bool:
        """Lower every learning rate that is above the floor; return whether there was one."""
        optimizers = optimizers_by_log_name(self.model.optimizer)
        reduced = [self._reduce(optimizer, name, epoch) for name, optimizer in optimizers.items()]
        return any(reduced)

    def _reduce(self, optimizer: Any, log_name: str, epoch: int) -> bool:
        old = learning_rate_of(optimizer)
        # Learning rates are kept in single precision, so that is where the floor is compared.
        if old <= np.float32(self.min_lr):
            return False
        new = max(old * self.factor, self.min_lr)
        optimizer.learning_rate = new
        if self.verbose > 0:
            whose = log_name.removeprefix("learning_rate").replace("_", " ", 1)
            print_message(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing{whose} learning rate to {new}.")
        return True

    def in_cooldown(self) -> bool:
        """Return whether a reduction is too recent for epochs to count."""
        return self.cooldown_counter > 0
