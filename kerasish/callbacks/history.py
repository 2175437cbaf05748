"""History: what `fit` returns, the metrics of every epoch."""

from collections.abc import Mapping
from typing import Any

from kerasish.callbacks.callback import Callback


class History(Callback):
    """Records the metrics of every epoch; `fit` adds one by itself and returns it.

    Attributes:
        history: dict from metric name to its list of values, one per epoch.
        epoch: the list of epochs, counted from 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        # Set again each time: a model trained by two runs at once shows the one that spoke last.
        if self.model is not None:
            self.model.history = self
