"""Source: what a training loop reads batches from."""

import warnings
from collections.abc import Iterator


class Source:
    """Base class of sources of batches.

    A batch is a tuple `(x,)`, `(x, y)` or `(x, y, sample_weight)` of (nested) arrays.

    Attributes:
        is_array: whether the samples can be indexed (ArraySource) or only come one batch after the other.
        batch_size: samples per batch, None if it is up to the data.
    """

    is_array = False
    batch_size: int | None = None

    @property
    def num_batches(self) -> int | None:
        """Number of batches in one pass over the data, None if unknown or without end."""
        raise NotImplementedError

    @property
    def num_steps(self) -> int | None:
        """Number of batches in one epoch, None if unknown."""
        raise NotImplementedError

    def first_batch(self) -> tuple:
        """Return the first batch without using it up, to build a model with."""
        raise NotImplementedError

    def epoch_batches(self, epoch: int = 0, seed: int = 0) -> Iterator[tuple]:
        """Iterate over the host batches of one epoch."""
        raise NotImplementedError

    def on_epoch_begin(self) -> None:
        """Called before the batches of an epoch are read."""

    def on_epoch_end(self) -> None:
        """Called after the last batch of an epoch was used."""

    def close(self) -> None:
        """Stop background work; harmless if there is none."""


def warn_ran_out_of_data(got: int, wanted: int) -> None:
    """Warn that an epoch ended after `got` of `wanted` steps."""
    warnings.warn(
        f"The input ran out of data after {got} of {wanted} steps of the epoch. Make sure that it has at least "
        "`steps_per_epoch * epochs` batches, or repeats itself.",
        stacklevel=3,
    )
