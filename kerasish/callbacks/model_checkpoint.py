"""ModelCheckpoint: save the model, or its weights, while it trains."""

import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasish.callbacks.monitor import MonitorCallback
from kerasish.core.console import print_message


class ModelCheckpoint(MonitorCallback):
    """Saves the model after every epoch, or every so many batches, or only when it is better than before.

    Args:
        filepath: where to save. It may hold `{epoch}` and `{batch}` (counted from 1) and names from the logs, with
            formats: `"{epoch:02d}-{val_loss:.2f}.keras"`. Ends in `.weights.h5` for weights, else in `.keras` or `.h5`.
        monitor: name of the metric in the logs.
        verbose: 1 prints what is saved and why.
        save_best_only: whether to save only when `monitor` is better than ever.
        save_weights_only: whether to call `model.save_weights` instead of `model.save`.
        mode: `"min"`, `"max"` or `"auto"` (ask the metric).
        save_freq: `"epoch"`, or a number of batches.
        initial_value_threshold: the value that the first save has to beat.

    Raises:
        ValueError: if `filepath` has the wrong ending or `save_freq` is neither `"epoch"` nor a positive integer.

    Example:
        >>> best = ModelCheckpoint("best.weights.h5", monitor="val_accuracy", save_best_only=True,
        ...                        save_weights_only=True)
    """

    def __init__(
        self,
        filepath: str | os.PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.verbose = verbose
        self.filepath = os.fspath(filepath)
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self._current_epoch = 0
        self._batches_seen_since_last_saving = 0
        self._last_batch_seen: int | None = None
        is_count = isinstance(save_freq, (int, np.integer)) and not isinstance(save_freq, bool) and save_freq > 0
        if save_freq != "epoch" and not is_count:
            raise ValueError(
                f"ModelCheckpoint: `save_freq` must be 'epoch' or a positive number of batches, received {save_freq!r}."
            )
        endings = (".weights.h5",) if save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith(endings):
            raise ValueError(
                f"ModelCheckpoint: with save_weights_only={save_weights_only} `filepath` must end in "
                f"{' or '.join(endings)}, received filepath={self.filepath!r}."
            )

    def _listens_to(self, hook: str) -> bool:
        if hook == "on_train_batch_end" and type(self).on_train_batch_end is ModelCheckpoint.on_train_batch_end:
            return self.save_freq != "epoch"
        return super()._listens_to(hook)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._current_epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self._should_save_on_batch(batch):
            self._save_model(self._current_epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self.save_freq == "epoch":
            self._save_model(epoch, None, logs)

    def _should_save_on_batch(self, batch: int) -> bool:
        """Count batches, also where several of them end in one call, and return whether it is time."""
        if self.save_freq == "epoch":
            return False
        new_epoch = self._last_batch_seen is None or batch <= self._last_batch_seen
        self._batches_seen_since_last_saving += batch + 1 if new_epoch else batch - self._last_batch_seen
        self._last_batch_seen = batch
        if self._batches_seen_since_last_saving >= self.save_freq:
            self._batches_seen_since_last_saving = 0
            return True
        return False

    def _should_save_model(self, epoch: int, logs: Mapping[str, Any], filepath: str) -> bool:
        if not self.save_best_only:
            self._say(f"Epoch {epoch + 1}: saving model to {filepath}")
            return True
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(
                f"ModelCheckpoint can save the best model only where `{self.monitor}` is available; this one is saved. "
                f"Available metrics are: {','.join(logs)}",
                stacklevel=2,
            )
            return True
        if np.ndim(current) > 0:
            warnings.warn(
                f"ModelCheckpoint can save the best model only by a single number, received {self.monitor}={current}; "
                "this one is saved.",
                stacklevel=2,
            )
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(current, self.best):
            self._say(f"Epoch {epoch + 1}: {self.monitor} did not improve from {best}")
            return False
        self._say(
            f"Epoch {epoch + 1}: {self.monitor} improved from {best} to {current:.5f}, saving model to {filepath}"
        )
        self.best = current
        return True

    def _say(self, message: str) -> None:
        if self.verbose > 0:
            print_message(message)

    def _save_model(self, epoch: int, batch: int | None, logs: Mapping[str, Any] | None) -> None:
        logs = logs if logs is not None else {}
        filepath = self._get_file_path(epoch, batch, logs)
        if not self._should_save_model(epoch, logs, filepath):
            return
        if os.path.isdir(filepath):
            raise OSError(f"ModelCheckpoint: filepath={filepath!r} is an existing directory; name a file.")
        folder = os.path.dirname(filepath)
        if folder:
            os.makedirs(folder, exist_ok=True)
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(filepath, overwrite=True)
        self._say(f"Epoch {epoch + 1}: finished saving model to {filepath}")

    def _get_file_path(self, epoch: int, batch: int | None, logs: Mapping[str, Any]) -> str:
        names = {**logs, "epoch": epoch + 1}
        if batch is not None:
            names.setdefault("batch", batch + 1)
        try:
            return self.filepath.format(**names)
        except KeyError as error:
            raise KeyError(
                f"ModelCheckpoint: filepath={self.filepath!r} asks for {error}, which is not available here. "
                f"Available names are: {', '.join(sorted(names))}."
            ) from error
