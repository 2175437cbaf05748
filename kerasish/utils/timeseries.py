"""timeseries_dataset_from_array: sliding windows over a series as batches."""

from typing import Any

import numpy as np

from kerasish.training.py_dataset import PyDataset


class TimeseriesDataset(PyDataset):
    """Batches of windows over a series; indexable, iterable, and a source for `fit`.

    Args:
        data: array of shape `(time, ...)`.
        targets: array whose item `i` belongs to the window that starts at `i`; or None.
        starts: first positions of the windows.
        offset: position that `starts` count from.
        length: steps of a window.
        sampling_rate: distance between two steps.
        batch_size: windows per batch; None: single windows.
        generator: shuffles the windows before each epoch; None keeps their order.
    """

    def __init__(
        self,
        data: np.ndarray,
        targets: np.ndarray | None,
        starts: np.ndarray,
        offset: int,
        length: int,
        sampling_rate: int,
        batch_size: int | None,
        generator: np.random.Generator | None,
    ) -> None:
        super().__init__()
        self._data, self._targets, self._starts, self._offset = data, targets, starts, offset
        self._steps = np.arange(length) * sampling_rate
        self._batch_size, self._generator = batch_size, generator
        self.on_epoch_end()

    def __len__(self) -> int:
        size = self._batch_size or 1
        return -(-len(self._starts) // size)

    def __getitem__(self, index: int) -> Any:
        """Return batch number `index`: windows, or `(windows, targets)`."""
        if not 0 <= index < len(self):
            raise IndexError(f"Batch {index} of a dataset of {len(self)} batches.")
        if self._batch_size is None:
            starts = self._starts[index]
            windows = self._data[self._offset + starts + self._steps]
        else:
            starts = self._starts[index * self._batch_size : (index + 1) * self._batch_size]
            windows = self._data[self._offset + starts[:, None] + self._steps]
        return windows if self._targets is None else (windows, self._targets[self._offset + starts])

    def on_epoch_end(self) -> None:
        """Put the windows in a new order, if they are shuffled."""
        if self._generator is not None:
            self._starts = self._generator.permutation(self._starts)


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str | None = None,
) -> TimeseriesDataset:
    """Return sliding windows over a series as a dataset of batches.

    Args:
        data: array of shape `(time, ...)`.
        targets: array whose item `i` is the target of the window that starts at `i`; None for windows alone.
        sequence_length: steps of a window.
        sequence_stride: distance between the starts of two windows.
        sampling_rate: distance between two steps of a window.
        batch_size: windows per batch; None for single windows.
        shuffle: whether windows come in random order, a new one each epoch.
        seed: for shuffling.
        start_index: data before it is not used.
        end_index: data from it on is not used.
        format: no effect; kept for compatibility.

    Returns:
        A PyDataset, to iterate over or to give to `fit`.

    Raises:
        ValueError: naming the argument that is out of range.

    Example:
        >>> windows = timeseries_dataset_from_array(series[:-10], series[10:], sequence_length=10)
    """
    data = np.asarray(data)
    targets = None if targets is None else np.asarray(targets)
    total = len(data)
    if start_index is not None and not 0 <= start_index < total:
        raise ValueError(f"`start_index` must lie between 0 and {total - 1}, received start_index={start_index}.")
    if end_index is not None and not (start_index or 0) < end_index < total:
        raise ValueError(f"`end_index` must be above `start_index` and below {total}, received end_index={end_index}.")
    for name, value in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride)):
        if not 0 < value < total:
            raise ValueError(f"`{name}` must lie between 1 and {total - 1}, received {name}={value}.")
    if sequence_length < 1:
        raise ValueError(f"`sequence_length` must be at least 1, received sequence_length={sequence_length}.")
    start, end = start_index or 0, total if end_index is None else end_index
    count = end - start - (sequence_length - 1) * sampling_rate
    if targets is not None:
        count = min(count, len(targets) - start)
    if count < 1:
        raise ValueError(
            f"No window of sequence_length={sequence_length} steps with sampling_rate={sampling_rate} fits between "
            f"{start} and {end}."
        )
    generator = np.random.default_rng(seed) if shuffle else None
    starts = np.arange(0, count, sequence_stride)
    return TimeseriesDataset(data, targets, starts, start, sequence_length, sampling_rate, batch_size, generator)
