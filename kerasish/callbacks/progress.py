"""ProgressLine: one run's progress as a bar on a terminal (tqdm) and as a single line in a log file."""

import functools
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasish.core import config, console

# A person reads no faster, and every reading of metrics waits for the device.
READING_INTERVAL = 0.1


def resolve_verbose(verbose: int | str) -> int:
    """Return 0, 1 or 2 for the `verbose` argument of `fit`: "auto" is 1, or 2 where interactive logging is disabled.

    Raises:
        ValueError: for anything else.
    """
    if verbose == "auto":
        return 1 if config.is_interactive_logging_enabled() else 2
    if isinstance(verbose, (bool, int, np.integer)) and int(verbose) in (0, 1, 2):
        return int(verbose)
    raise ValueError(f"`verbose` must be 0 (silent), 1 (bar), 2 (a line per epoch) or 'auto', received {verbose!r}.")


def format_duration(seconds: float) -> str:
    """Return seconds as `"7s"`, `"1:05"` or `"2:03:04"`."""
    minutes, rest = divmod(int(seconds), 60)
    if not minutes:
        return f"{rest}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def format_pace(seconds: float, unit_name: str = "step") -> str:
    """Return the time one step takes, in the unit that keeps it short: `"15ms/step"`."""
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s/{unit_name}"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.0f}ms/{unit_name}"
    return f"{seconds * 1e6:.0f}us/{unit_name}"


def format_metrics(metrics: Mapping[str, Any]) -> str:
    """Return `" - loss: 0.1234 - ..."`; values below a thousandth in scientific form, arrays by their mean."""
    parts = []
    for name, value in metrics.items():
        number = value if isinstance(value, float) else _mean(value)
        if number is None:
            parts.append(f" - {name}: {value}")
        else:
            parts.append(f" - {name}: {number:.4f}" if abs(number) > 1e-3 else f" - {name}: {number:.4e}")
    return "".join(parts)


def _mean(value: Any) -> float | None:
    try:
        return float(np.mean(np.asarray(value, dtype="float64")))
    except (TypeError, ValueError):
        return None


@functools.cache
def _bar_class() -> type:
    """Return tqdm's bar without its watching thread, which would redraw between our own updates."""
    from tqdm import tqdm

    return type("_Bar", (tqdm,), {"monitor_interval": 0})


class ProgressLine:
    """The progress of one epoch, evaluation or prediction.

    Args:
        total: number of steps, None if unknown.
        verbose: 0 shows nothing, 1 a bar and its final state, 2 the final state as a plain line.
        unit_name: what a step is called.
        width: length of the bar.
        interval: least seconds between two updates.
    """

    def __init__(
        self,
        total: int | None,
        verbose: int = 1,
        unit_name: str = "step",
        width: int = 20,
        interval: float = READING_INTERVAL,
    ) -> None:
        self.total = total or None
        self.verbose = verbose
        self.unit_name = unit_name
        self.width = width
        self.interval = interval
        self.is_live = verbose == 1 and console.can_rewrite_lines()
        self._full, self._empty = ("━", "─") if console.can_show("━─") else ("#", "-")
        self._start = time.perf_counter()
        self._last_update = float("-inf")
        self._first: tuple[int, float] | None = None
        self._bar: Any = None

    def tick(self, current: int) -> bool:
        """Note that `current` steps are done; return whether it is time to `show` them."""
        now = time.perf_counter()
        if self._first is None and current > 0:
            self._first = (current, now)
        if not self.is_live or now - self._last_update < self.interval:
            return False
        self._last_update = now
        return True

    def seconds_per_step(self, current: int) -> float:
        """Return the time a step takes, leaving out the first, which compiles, as soon as there are others."""
        now = time.perf_counter()
        if self._first is not None and current > self._first[0]:
            return (now - self._first[1]) / (current - self._first[0])
        return (now - self._start) / current if current else 0.0

    def show(self, current: int, metrics: Mapping[str, Any]) -> None:
        """Update the bar, where there is a terminal to show it on."""
        if not self.is_live:
            return
        pace = self.seconds_per_step(current)
        seconds = pace * (self.total - current) if self.total else time.perf_counter() - self._start
        text = f"{format_duration(max(seconds, 0))} {format_pace(pace, self.unit_name)}{format_metrics(metrics)}"
        if self._bar is None:
            self._open_bar()
        self._bar.n = current
        self._bar.set_description_str(text, refresh=False)
        self._bar.refresh()

    def _open_bar(self) -> None:
        count = f"{{n:>{len(str(self.total))}}}/{{total}} {{bar:{self.width}}}" if self.total else "{n:>7}/Unknown"
        self._bar = _bar_class()(
            total=self.total,
            file=sys.stdout,
            leave=False,
            dynamic_ncols=True,
            ascii=self._empty + self._full,
            bar_format=f"{count} {{desc}}",
        )
        console.show_live(self._bar)

    def finish(self, current: int, metrics: Mapping[str, Any]) -> None:
        """Replace the bar by its final line."""
        if self.verbose == 0:
            return
        # Reading the metrics waits for the last step, which belongs to the time shown.
        numbers = format_metrics(metrics)
        total = self.total or current
        elapsed = format_duration(time.perf_counter() - self._start)
        pace = format_pace(self.seconds_per_step(current), self.unit_name)
        count = f"{current:>{len(str(total))}}/{total}"
        self._close_bar(leave=False)
        if self.verbose == 1:
            filled = int(self.width * current / total) if total else self.width
            bar = self._full * filled + self._empty * (self.width - filled)
            console.print_message(f"{count} {bar} {elapsed} {pace}{numbers}")
        else:
            console.print_message(f"{count} - {elapsed} - {pace}{numbers}")

    def close(self) -> None:
        """Leave the bar as it stands, for a run that was interrupted."""
        self._close_bar(leave=True)

    def _close_bar(self, leave: bool) -> None:
        if self._bar is not None:
            console.hide_live(self._bar)
            self._bar.leave = leave
            self._bar.close()
            self._bar = None
