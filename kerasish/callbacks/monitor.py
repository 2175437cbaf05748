"""MonitorCallback: the base of callbacks that act on whether one metric got better."""

import operator
import warnings
from collections.abc import Callable
from typing import Any

from kerasish.callbacks.callback import Callback


class MonitorCallback(Callback):
    """Base class of callbacks that follow one metric.

    Args:
        monitor: name of the metric in the logs.
        mode: `"min"` or `"max"`: which way is better; `"auto"` asks the metric.
        baseline: the value to beat at first; None: the first value counts as the best.
        min_delta: an improvement by less than this is none.

    Attributes:
        best: the best value so far.
        monitor_op: `operator.lt` or `operator.gt` once the direction is known.
    """

    monitor_op: Callable[[Any, Any], bool] | None

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None, min_delta: float = 0
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(
                f"{type(self).__name__}: mode={mode!r} is not 'auto', 'min' or 'max'; 'auto' is used.", stacklevel=3
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self.monitor_op = None

    def _set_monitor_op(self) -> None:
        """Find out which way is better; done late, as a model's metrics come into being with its first batch."""
        direction = {"min": "down", "max": "up"}.get(self.mode) or self._direction_of_monitor()
        if direction is None:
            raise ValueError(
                f"{type(self).__name__}: cannot tell whether monitor={self.monitor!r} should rise or fall, since no "
                "metric of the model with that name knows its direction. Pass mode='max' or mode='min'."
            )
        self.monitor_op = operator.gt if direction == "up" else operator.lt
        if direction == "down":
            self.min_delta = -abs(self.min_delta)

    def _direction_of_monitor(self) -> str | None:
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return "down"
        found: list[Any] = []
        for metric in getattr(self.model, "metrics", None) or []:
            inner = getattr(metric, "metrics", None)
            found.extend(inner if isinstance(inner, (list, tuple)) else [metric])
        directed = {metric.name: metric._direction for metric in found if getattr(metric, "_direction", None)}
        if name in directed:
            return directed[name]
        # With several outputs the logs say "<output>_<metric>".
        endings = {direction for known, direction in directed.items() if name.endswith(f"_{known}")}
        if len(endings) == 1:
            return endings.pop()
        return "down" if name.endswith("_loss") else None

    def _is_improvement(self, monitor_value: Any, reference_value: Any) -> bool:
        if reference_value is None:
            return True
        if self.monitor_op is None:
            self._set_monitor_op()
        assert self.monitor_op is not None
        return bool(self.monitor_op(monitor_value - self.min_delta, reference_value))
