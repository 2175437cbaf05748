"""IteratorSource: batches from generators, PyDataset, data loaders and other things that are iterated over."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from kerasish.core import tree
from kerasish.training.class_weight import class_weight_to_sample_weights
from kerasish.training.columns import lists_to_arrays, to_host_array
from kerasish.training.py_dataset import PyDataset, ordered_batches
from kerasish.training.source import Source, warn_ran_out_of_data


class Feed(NamedTuple):
    """What an IteratorSource needs to know about the thing it iterates over.

    Attributes:
        kind: what errors call it.
        start: returns a new iterator over raw batches for an epoch and a seed.
        length: returns the number of batches in a pass, None if unknown or without end.
        one_shot: whether the data is gone once it was read.
        owned: whether iterators are made here, and so may be closed here.
        lists_are_batches: whether a list is a batch `[x, y]`, as data loaders make them.
        takes_class_weight: whether Keras applies class weights to it.
    """

    kind: str
    start: Callable[[int, int], Iterator]
    length: Callable[[], int | None]
    one_shot: bool = False
    owned: bool = False
    lists_are_batches: bool = True
    takes_class_weight: bool = True


def describe(data: Any, shuffle: bool | str = False) -> Feed | None:
    """Return the Feed of something iterable, or None if it is not."""
    if isinstance(data, PyDataset):
        return Feed(
            "PyDataset", lambda epoch, seed: _dataset_pass(data, shuffle, epoch, seed), _length(data), owned=True
        )
    if hasattr(data, "as_numpy_iterator"):
        return Feed("tf.data.Dataset", lambda *_: iter(data.as_numpy_iterator()), lambda: _cardinality(data))
    if hasattr(data, "__next__"):
        return Feed(
            "generator", lambda *_: data, lambda: None, one_shot=True, lists_are_batches=False, takes_class_weight=False
        )
    if hasattr(type(data), "__iter__"):
        library = type(data).__module__.split(".")[0]
        is_loader = library in ("torch", "grain")
        kind = f"{library} {type(data).__name__}" if is_loader else type(data).__name__
        return Feed(kind, lambda *_: iter(data), _length(data), takes_class_weight=not is_loader)
    return None


def _dataset_pass(dataset: PyDataset, shuffle: bool | str, epoch: int, seed: int) -> Iterator:
    """Iterate over one pass of a PyDataset, its batches in an order that follows from seed and epoch."""
    count = dataset.num_batches
    if count is None:
        return ordered_batches(dataset, itertools.count())
    indices = np.arange(count)
    if shuffle:
        np.random.default_rng([seed % (1 << 64), epoch]).shuffle(indices)
    return ordered_batches(dataset, indices.tolist())


def _length(data: Any) -> Callable[[], int | None]:
    def length() -> int | None:
        if isinstance(data, PyDataset):
            return data.num_batches
        try:
            return len(data)
        except TypeError:  # Loaders of streams define `__len__` and raise in it.
            return None

    return length


def _cardinality(data: Any) -> int | None:
    count = int(data.cardinality()) if hasattr(data, "cardinality") else -1
    return count if count >= 0 else None


class IteratorSource(Source):
    """Batches that come one after the other.

    Args:
        data: a generator or other iterator, a PyDataset, or anything that can be iterated over again and again.
        steps_per_epoch: number of batches that make an epoch; the next epoch then goes on where this one ended.
        shuffle: for a PyDataset whether its batches come in a new order every epoch; everything else orders itself.
        class_weight: dict from class index to weight, turned into sample weights.
        max_steps: upper limit on the batches of an epoch.
        host: computes the host part of a model on the inputs of a batch.

    Raises:
        ValueError: if `data` cannot be iterated over, or `class_weight` is not supported for it.
    """

    def __init__(
        self,
        data: Any,
        steps_per_epoch: int | None = None,
        shuffle: bool | str = False,
        class_weight: Mapping[int, float] | None = None,
        max_steps: int | None = None,
        host: Callable[[Any], Any] | None = None,
    ) -> None:
        feed = describe(data, shuffle)
        if feed is None:
            raise ValueError(f"`x` cannot be iterated over: {data!r} of type {type(data).__name__}.")
        if class_weight is not None and not feed.takes_class_weight:
            raise ValueError(
                f"`class_weight` is not supported for a {feed.kind}; let it yield (x, y, sample_weight) instead."
            )
        self._data = data
        self._feed = feed
        self._class_weight = class_weight
        self._steps_per_epoch = steps_per_epoch
        self._max_steps = max_steps
        self._host = host
        self._iterator: Iterator | None = None
        # Batches taken from the present iterator, and the length of a pass once one came to its end.
        self._taken = 0
        self._seen_length: int | None = None

    @property
    def num_batches(self) -> int | None:
        length = self._feed.length()
        return self._seen_length if length is None else length

    @property
    def num_steps(self) -> int | None:
        steps = self._steps_per_epoch or self.num_batches
        if self._max_steps is not None:
            return min(steps or self._max_steps, self._max_steps)
        return steps

    @property
    def _goes_on(self) -> bool:
        """Whether an epoch starts where the last one ended."""
        return self._steps_per_epoch is not None or self._max_steps is not None or self._feed.one_shot

    def first_batch(self) -> tuple:
        if isinstance(self._data, PyDataset):
            return self._standardize(self._data[0])
        iterator = self._iterator or self._feed.start(0, 0)
        try:
            batch = next(iterator)
        except StopIteration:
            raise ValueError(f"`x` is a {self._feed.kind} without a single batch.") from None
        self._iterator = itertools.chain([batch], iterator)
        return self._standardize(batch)

    def epoch_batches(self, epoch: int = 0, seed: int = 0) -> Iterator[tuple]:
        """Iterate over the batches of one epoch as nests of host arrays.

        Warns if the data ends before the epoch does; an epoch without any batch means that nothing is left.
        """
        limit = self.num_steps
        count = 0
        for batch in self._raw_batches(limit, epoch, seed):
            count += 1
            yield self._standardize(batch)
        wanted = limit if self._steps_per_epoch or self._feed.one_shot else None
        if count < (wanted or min(self._feed.one_shot, 1)):
            warn_ran_out_of_data(count, wanted or 1)

    batches = epoch_batches

    def _raw_batches(self, limit: int | None, epoch: int, seed: int) -> Iterator[Any]:
        count = 0
        while limit is None or count < limit:
            if self._iterator is None:
                self._iterator, self._taken = self._feed.start(epoch, seed), 0
            try:
                batch = next(self._iterator)
            except StopIteration:
                used, self._taken = self._taken, 0
                self._drop_iterator()
                if count == 0 and used and not self._feed.one_shot:
                    continue  # The last epoch ended exactly where the data does: begin the next pass.
                if limit is None:
                    self._seen_length = count or None
                return
            count += 1
            self._taken += 1
            yield batch
        if not self._goes_on or self._taken == self._feed.length():
            self._drop_iterator()

    def _drop_iterator(self) -> None:
        if self._feed.owned and hasattr(self._iterator, "close"):
            self._iterator.close()
        self._iterator = None

    def on_epoch_begin(self) -> None:
        if isinstance(self._data, PyDataset):
            self._data.on_epoch_begin()

    def on_epoch_end(self) -> None:
        if isinstance(self._data, PyDataset):
            self._data.on_epoch_end()

    def close(self) -> None:
        """Stop the workers of a PyDataset; what is left of other iterators stays usable."""
        if self._feed.owned:
            self._drop_iterator()

    # Batches.

    def _standardize(self, batch: Any) -> tuple:
        parts = self._parts(batch)
        if self._class_weight is not None:
            if len(parts) != 2:
                what = "already has sample weights" if len(parts) == 3 else "has no targets"
                raise ValueError(f"`class_weight` was passed, but the batch of the {self._feed.kind} {what}.")
            parts = (*parts, class_weight_to_sample_weights(parts[1], self._class_weight))
        self._check_lengths(parts)
        return parts

    def _parts(self, batch: Any) -> tuple:
        """Return a batch as a tuple of one to three nests of arrays."""
        if isinstance(batch, list) and self._feed.lists_are_batches:
            batch = tuple(batch)
        if isinstance(batch, dict) or not isinstance(batch, (list, tuple)):
            batch = (batch,)
        if isinstance(batch, list) or not 1 <= len(batch) <= 3:
            raise ValueError(
                f"Each batch of a {self._feed.kind} must be a tuple (inputs,), (inputs, targets) or (inputs, targets, "
                f"sample_weights); received a {type(batch).__name__} of {len(batch)}."
            )
        while len(batch) > 1 and batch[-1] is None:
            batch = batch[:-1]
        rest = tuple(_to_host(part, name) for part, name in zip(batch[1:], ("y", "sample_weight")))
        return (_to_host(batch[0], "x") if self._host is None else self._host(batch[0]), *rest)

    def _check_lengths(self, parts: tuple) -> None:
        shapes = [leaf.shape for leaf in tree.flatten(parts) if leaf is not None]
        if not shapes or any(not shape or not shape[0] for shape in shapes) or len({shape[0] for shape in shapes}) > 1:
            named = {
                name: tree.map_structure(lambda leaf: getattr(leaf, "shape", None), part)
                for name, part in zip(("x", "y", "sample_weight"), parts)
            }
            raise ValueError(
                f"All arrays of a batch must have the same number of samples, at least one; a {self._feed.kind} gave "
                f"the shapes {named}."
            )


def _to_host(part: Any, name: str) -> Any:
    if isinstance(part, np.ndarray):
        return to_host_array(part, name)
    return tree.map_structure(lambda leaf: to_host_array(leaf, name), lists_to_arrays(part, name))
