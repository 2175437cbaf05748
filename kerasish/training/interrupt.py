"""Ctrl-C during training: held back for the moment in which a step's results are not yet stored."""

import signal
import threading
from types import FrameType
from typing import Any


class _Held(threading.local):
    """A block that an interrupt cannot cut in two; one that arrives inside is raised at its end."""

    active = False
    pending = False

    def __enter__(self) -> None:
        self.active = True

    def __exit__(self, *exception: object) -> None:
        self.active = False
        if self.pending:
            self.pending = False
            raise KeyboardInterrupt


class Interrupt:
    """While open, lets `Interrupt.held` blocks finish before Ctrl-C is raised as KeyboardInterrupt.

    Only the main thread receives signals, and a handler that is not Python's own is left alone; elsewhere this does
    nothing.
    """

    held = _Held()

    def __enter__(self) -> "Interrupt":
        main = threading.current_thread() is threading.main_thread()
        self._installed = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._installed:
            signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.held.active:
            self.held.pending = True
        else:
            raise KeyboardInterrupt
