"""ArraySource: batches out of arrays, in order or shuffled."""

import functools
import math
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from kerasish.core import tree
from kerasish.layers.host import as_array, as_arrays
from kerasish.training.class_weight import class_weight_to_sample_weights
from kerasish.training.columns import Column, to_columns
from kerasish.training.source import Source, warn_ran_out_of_data

DEFAULT_BATCH_SIZE = 32
# Where the device does not say how much memory it has (a CPU), data up to this size is kept there.
_HOST_LIMIT = 2 << 30


class EpochPlan(NamedTuple):
    """The part of the data that one epoch reads: batches `first` to `last` (exclusive) of the samples in `order`.

    Attributes:
        order: int32 indices of all samples, None: as they lie.
        first: the first batch.
        last: one past the last batch.
    """

    order: np.ndarray | None
    first: int
    last: int


class ArraySource(Source):
    """Batches of samples that can be indexed.

    Args:
        x: inputs: an array-like, or a list, tuple or dict of them.
        y: targets, in the same way.
        sample_weight: one weight per sample, or one array of weights for each array of `y`.
        batch_size: samples per batch; None: 32, or what `steps_per_epoch` asks for.
        steps_per_epoch: number of batches that make an epoch; the next epoch then goes on where this one ended.
        shuffle: True for a new order every epoch, `"batch"` to shuffle within each batch only.
        class_weight: dict from class index to weight, in place of `sample_weight`.
        max_steps: upper limit on the batches of an epoch.

    Attributes:
        num_samples: number of samples.
        partial_batch_size: samples in the last batch if it is short, else 0.
        columns: the tuple `(x,)`, `(x, y)` or `(x, y, sample_weight)` with a Column for every array.

    Raises:
        ValueError: if arrays are missing, empty, of different length or hold no numbers.
    """

    is_array = True
    batch_size: int

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int | None = None,
        steps_per_epoch: int | None = None,
        shuffle: bool | str = False,
        class_weight: dict[int, float] | None = None,
        max_steps: int | None = None,
    ) -> None:
        if y is None and (sample_weight is not None or class_weight is not None):
            given = "sample_weight" if sample_weight is not None else "class_weight"
            raise ValueError(f"`{given}` was passed without targets; pass `y` too.")
        x = to_columns(x, "x")
        y = None if y is None else to_columns(y, "y")
        if sample_weight is not None and class_weight is not None:
            raise ValueError("`sample_weight` and `class_weight` cannot both be passed; multiply them into one.")
        if sample_weight is not None:
            weights = _match_weights(to_columns(sample_weight, "sample_weight"), y)
        elif class_weight is not None:
            if tree.is_nested(y):
                raise ValueError("`class_weight` works for one target array only; pass `sample_weight` instead.")
            weights = Column(class_weight_to_sample_weights(y, class_weight), "sample_weight")
        else:
            weights = None
        self.columns = tuple(part for part in (x, y, weights) if part is not None)
        self.num_samples = _common_length(self.columns)
        if batch_size is None:
            batch_size = math.ceil(self.num_samples / steps_per_epoch) if steps_per_epoch else DEFAULT_BATCH_SIZE
        self.batch_size = int(batch_size)
        self.partial_batch_size = self.num_samples % self.batch_size
        self.shuffle = shuffle
        self._steps_per_epoch = steps_per_epoch
        if max_steps is not None and max_steps < (steps_per_epoch or self.num_batches):
            self._steps_per_epoch = max_steps

    # Sizes.

    @property
    def num_batches(self) -> int:
        """Number of batches in one pass over the data, a short last one included."""
        return math.ceil(self.num_samples / self.batch_size)

    @property
    def num_steps(self) -> int:
        """Number of batches in one epoch."""
        return self._steps_per_epoch or self.num_batches

    @property
    def total_bytes(self) -> int:
        """Bytes that all arrays take on the device."""
        return sum(column.nbytes for column in tree.flatten(self.columns) if column is not None)

    @property
    def fits_device(self) -> bool:
        """Whether the arrays may live on the device, with room left for a model."""
        return self.total_bytes <= device_budget()

    def batch_spec(self, size: int | None = None) -> tuple:
        """Return the nest of `jax.ShapeDtypeStruct` of a batch of `size` samples (`batch_size` if None)."""
        size = min(self.batch_size, self.num_samples) if size is None else size
        return self._map(lambda column: jax.ShapeDtypeStruct((size, *column.shape[1:]), column.dtype))

    # Data.

    def _map(self, function: Any) -> tuple:
        return tree.map_structure(lambda column: None if column is None else function(column), self.columns)

    @functools.cached_property
    def arrays(self) -> tuple:
        """The whole data as the nest `(x,)`, `(x, y)` or `(x, y, sample_weight)`, cast; reads what lies on disk."""
        return self._map(lambda column: column.whole())

    def order(self, epoch: int, seed: int) -> np.ndarray | None:
        """Return the order of the samples in a pass over the data.

        Args:
            epoch: which pass; each has its own order.
            seed: the orders follow from it and `epoch` alone.

        Returns:
            int32 array of shape `(num_samples,)`, or None if `shuffle` is off.
        """
        if not self.shuffle:
            return None
        generator = np.random.default_rng([seed % (1 << 64), epoch])
        dtype = np.int32 if self.num_samples <= np.iinfo(np.int32).max else np.int64
        indices = np.arange(self.num_samples, dtype=dtype)
        if isinstance(self.shuffle, str):
            for start in range(0, self.num_samples, self.batch_size):
                generator.shuffle(indices[start : start + self.batch_size])
        else:
            generator.shuffle(indices)
        return indices

    def plan(self, epoch: int, seed: int) -> EpochPlan:
        """Return what `epoch` reads; with `steps_per_epoch` a pass over the data may take several epochs.

        Warns if the data ends before the epoch does.
        """
        steps, total = self.num_steps, self.num_batches
        if steps >= total:
            current, first = epoch, 0
        else:
            epochs_in_a_pass = math.ceil(total / steps)
            current, first = epoch // epochs_in_a_pass, epoch % epochs_in_a_pass * steps
        last = min(first + steps, total)
        if last - first < steps:
            warn_ran_out_of_data(last - first, steps)
        return EpochPlan(self.order(current, seed), first, last)

    def host_batch(self, index: int, order: np.ndarray | None = None) -> tuple:
        """Return batch number `index` of a pass in `order`, as a nest of NumPy arrays."""
        start, stop = index * self.batch_size, min((index + 1) * self.batch_size, self.num_samples)
        if order is None:
            return self._map(lambda column: column.rows(start, stop))
        return self._map(lambda column: column.take(order[start:stop]))

    def batches(self, order: np.ndarray | None = None, first: int = 0, last: int | None = None) -> Iterator[tuple]:
        """Iterate over the host batches `first` to `last` (exclusive; None: to the end) of a pass in `order`."""
        for index in range(first, self.num_batches if last is None else last):
            yield self.host_batch(index, order)

    def first_batch(self) -> tuple:
        return self.host_batch(0)

    def epoch_batches(self, epoch: int = 0, seed: int = 0) -> Iterator[tuple]:
        return self.batches(*self.plan(epoch, seed))


class HostArraySource(ArraySource):
    """Batches for a model that starts on the host: what its host part makes of the samples.

    Args:
        host: computes the host part on the inputs of a batch.
        x: inputs, strings among them: an array-like, or a list, tuple or dict of them.
        *args: further arguments of ArraySource.
    """

    fits_device = False  # each batch is computed when it is needed

    def __init__(self, host: Callable[[Any], Any], x: Any, *args: Any) -> None:
        self._host = host
        self._x = tree.map_structure(lambda leaf: as_array(leaf, "x"), as_arrays(x, "x"))
        lengths = {len(leaf) if leaf.ndim else 0 for leaf in tree.flatten(self._x)}
        if len(lengths) != 1 or 0 in lengths:
            raise ValueError(f"All arrays of `x` must have the same number of samples, received {sorted(lengths)}.")
        super().__init__(np.arange(lengths.pop(), dtype="int32"), *args)

    def _computed(self, batch: tuple) -> tuple:
        rows = batch[0]
        return (self._host(tree.map_structure(lambda leaf: leaf[rows], self._x)), *batch[1:])

    @functools.cached_property
    def arrays(self) -> tuple:
        """The whole data as one batch."""
        return self._computed(self._map(lambda column: column.whole()))

    def host_batch(self, index: int, order: np.ndarray | None = None) -> tuple:
        """Return batch number `index` of a pass in `order`, computed by the host part."""
        return self._computed(super().host_batch(index, order))


def _match_weights(weights: Any, y: Any) -> Any:
    """Return sample weights in the structure of the targets."""
    if not tree.is_nested(y):
        if tree.is_nested(weights):
            raise ValueError("`sample_weight` must be one array, since `y` is one array.")
        return weights
    if tree.is_nested(weights):
        try:
            tree.assert_same_structure(y, weights)
        except ValueError:
            shapes = [tree.map_structure(lambda column: getattr(column, "shape", None), part) for part in (y, weights)]
            raise ValueError(
                "`sample_weight` must be one array, or nested like `y`. "
                f"Shapes in y: {shapes[0]}; in sample_weight: {shapes[1]}."
            ) from None
        return weights
    if weights.shape[1:] not in ((), (1,)):
        raise ValueError(
            "With several targets, a single `sample_weight` must have one value per sample; its shape is "
            f"{weights.shape}. Otherwise pass one array per target."
        )
    return tree.map_structure(lambda _: weights, y)


def _common_length(columns: tuple) -> int:
    """Return the number of samples that all columns share."""
    present = [column for column in tree.flatten(columns) if column is not None]
    if not any(column is not None for column in tree.flatten(columns[0])):
        raise ValueError("`x` holds no array.")
    lengths = {len(column) for column in present}
    if len(lengths) > 1:
        sizes = ", ".join(f"{column.name}: {len(column)}" for column in present)
        raise ValueError(f"All arrays must have the same number of samples; received {sizes}.")
    return lengths.pop()


def device_budget() -> int:
    """Return how many bytes of data may be kept on the device: a quarter of the memory it has left."""
    try:
        statistics = jax.local_devices()[0].memory_stats()
    except (RuntimeError, NotImplementedError):
        statistics = None
    if statistics and "bytes_limit" in statistics:
        return (statistics["bytes_limit"] - statistics.get("bytes_in_use", 0)) // 4
    try:
        available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):  # Not every system tells.
        available = _HOST_LIMIT
    return min(_HOST_LIMIT, available // 4)
