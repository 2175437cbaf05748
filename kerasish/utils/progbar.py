"""Progbar: a progress bar for hand-written loops, drawn like that of `fit`."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from kerasish.callbacks.progress import ProgressLine


class Progbar:
    """Shows the progress of a loop.

    Metrics are averaged over the steps before they are shown, unless they are named in `stateful_metrics` (or, with
    `stateless_metrics`, not named there).

    Args:
        target: number of steps, None if unknown.
        width: length of the bar.
        verbose: 0 shows nothing, 1 a bar, 2 one line at the end.
        interval: least seconds between two updates.
        stateful_metrics: names of metrics shown as they are.
        stateless_metrics: names of metrics that are averaged; all others are then shown as they are.
        unit_name: what a step is called.

    Raises:
        ValueError: if both `stateful_metrics` and `stateless_metrics` are given.

    Example:
        >>> bar = Progbar(3)
        >>> for step in range(3):
        ...     bar.update(step + 1, [("loss", 1 / (step + 1))])
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Progbar: pass `stateful_metrics` or `stateless_metrics`, not both.")
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics = set(stateful_metrics or ()) if stateless_metrics is None else None
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._seen_so_far = 0
        # Name to (sum, weight), in the order of first appearance.
        self._sums: dict[str, tuple[Any, int]] = {}
        self._line = ProgressLine(target, verbose, unit_name, width, interval)

    def _is_averaged(self, name: str) -> bool:
        if self.stateless_metrics is not None:
            return name in self.stateless_metrics
        return name not in self.stateful_metrics

    def _averages(self) -> dict[str, Any]:
        return {name: np.mean(total) / max(1, weight) for name, (total, weight) in self._sums.items()}

    def update(self, current: int, values: list[tuple[str, Any]] | None = None, finalize: bool | None = None) -> None:
        """Show that `current` steps are done.

        Args:
            current: number of steps done.
            values: list of `(name, value)`; the values of the last step.
            finalize: whether this is the last update; None: if `current` has reached `target`.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or []:
            weight = 1 if finalize or not self._is_averaged(name) else max(current - self._seen_so_far, 1)
            total, before = self._sums.get(name, (0.0, 0))
            if finalize or not self._is_averaged(name):
                total, before = 0.0, 0
            self._sums[name] = (total + value * weight, before + weight)
        self._seen_so_far = current
        due = self._line.tick(current)
        self._line.total = self.target or None
        if finalize:
            # With verbose=2 a loop of unknown length says nothing, as there is no end to report.
            if self.verbose == 1 or self.target:
                self._line.finish(current, self._averages())
        elif due:
            self._line.show(current, self._averages())

    def add(self, n: int, values: list[tuple[str, Any]] | None = None) -> None:
        """Show that `n` more steps are done; `values` as in `update`."""
        self.update(self._seen_so_far + n, values)
