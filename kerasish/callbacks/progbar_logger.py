"""ProgbarLogger: shows the progress of `fit`, `evaluate` and `predict`."""

from collections.abc import Mapping
from typing import Any

from kerasish.callbacks.callback import Callback
from kerasish.callbacks.progress import ProgressLine, resolve_verbose
from kerasish.core.console import print_message


class ProgbarLogger(Callback):
    """Prints progress and metrics; `fit`, `evaluate` and `predict` add one unless `verbose=0`.

    With `verbose=1` it shows `Epoch 3/10`, then a bar on a terminal, or one line once the epoch is over in a log
    file; with 2 a plain line per epoch. Metrics are read at most ten times a second. Validation inside `fit` is
    silent.
    """

    async_safe = True

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.target: int | None = None
        self.verbose = 1
        self.epochs = 1
        self._line: ProgressLine | None = None
        self._in_fit = False

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        self.verbose = resolve_verbose(params.get("verbose", 1))
        self.epochs = params.get("epochs") or 1
        self.target = params.get("steps")

    def _listens_to(self, hook: str) -> bool:
        if self.verbose == 0 or (hook.startswith("on_test") and self._in_fit):
            return False
        return super()._listens_to(hook)

    def _begin(self) -> None:
        self.seen = 0
        self._line = ProgressLine(self.target, self.verbose)

    def _step(self, batch: int, logs: Mapping[str, Any]) -> None:
        self.seen = batch + 1
        if self._line is not None and self._line.tick(self.seen):
            self._line.show(self.seen, logs)

    def _finish(self, logs: Mapping[str, Any] | None) -> None:
        if self._line is None:
            return
        if self.target is None:
            self.target = self._line.total = self.seen or None
        self._line.finish(self.seen or self.target or 0, logs or {})
        self._line = None

    def _release(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None
        self._in_fit = False

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._in_fit = True

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._release()

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self.verbose and self.epochs > 1:
            print_message(f"Epoch {epoch + 1}/{self.epochs}")
        self._begin()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._step(batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._finish(logs)

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        if not self._in_fit:
            self._begin()

    def on_test_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if not self._in_fit:
            self._step(batch, logs or {})

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        if not self._in_fit:
            self._finish(logs)

    def on_predict_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._begin()

    def on_predict_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._step(batch, {})

    def on_predict_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._finish(None)
