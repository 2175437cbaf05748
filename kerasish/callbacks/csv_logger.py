"""CSVLogger: write the metrics of every epoch to a CSV file."""

import csv
import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import IO, Any

import numpy as np

from kerasish.callbacks.callback import Callback


def _cell(value: Any) -> Any:
    """Return `value` as it is written: sequences in brackets, everything else as it is."""
    if isinstance(value, str) or not isinstance(value, Iterable) or (isinstance(value, np.ndarray) and not value.ndim):
        return value
    return f'"[{", ".join(map(str, value))}]"'


class CSVLogger(Callback):
    """Writes one row of metrics per epoch to a CSV file, columns in alphabetical order after `epoch`.

    Args:
        filename: path of the file.
        separator: text between the columns.
        append: whether to go on at the end of an existing file (whose header is kept).

    Example:
        >>> model.fit(x, y, epochs=2, callbacks=[CSVLogger("training.csv")])
    """

    def __init__(self, filename: str | os.PathLike, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.sep = separator
        self.filename = os.fspath(filename)
        self.append = append
        self.writer: csv.DictWriter | None = None
        self.keys: list[str] | None = None
        self.append_header = True
        self.csv_file: IO[str] | None = None

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._release()
        if self.append:
            existing = pathlib.Path(self.filename)
            self.append_header = not existing.exists() or existing.stat().st_size == 0
        # The csv module writes its own line ends.
        self.csv_file = open(self.filename, "a" if self.append else "w", newline="")
        self.writer = None
        self.keys = None

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            # Validation may come later than the first epoch; its columns have to be there from the start.
            if not any(key.startswith("val_") for key in self.keys):
                self.keys += [f"val_{key}" for key in self.keys]
        if self.writer is None:
            self.writer = csv.DictWriter(self.csv_file, ["epoch", *self.keys], dialect=csv.excel, delimiter=self.sep)
            if self.append_header:
                self.writer.writeheader()
        self.writer.writerow({"epoch": epoch, **{key: _cell(logs.get(key, "NA")) for key in self.keys}})
        self.csv_file.flush()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._release()

    def _release(self) -> None:
        if self.csv_file is not None and not self.csv_file.closed:
            self.csv_file.close()
        self.writer = None
