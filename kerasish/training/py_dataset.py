"""PyDataset: batches computed by Python code, by several workers if wanted."""

import collections
import itertools
import multiprocessing
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any


class PyDataset:
    """Base class of datasets whose batches are computed one by one.

    A subclass defines `__getitem__(index)`, which returns a complete batch `(x,)`, `(x, y)` or
    `(x, y, sample_weight)`, and `__len__`, the number of batches (or the property `num_batches`, None for a dataset
    without end). `on_epoch_begin` and `on_epoch_end` may change the data between epochs.

    Args:
        workers: number of threads or processes that compute batches; with 1 thread they are computed as needed.
        use_multiprocessing: whether the workers are processes. The dataset is then pickled and sent to fresh Python
            processes, so its class must be importable from a module.
        max_queue_size: number of batches the workers may be ahead.

    Example:
        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 10
        ...     def __getitem__(self, index):
        ...         x = np.full((4, 1), index, "float32")
        ...         return x, x**2
        >>> model.fit(Squares(workers=2), epochs=3)
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self._workers = workers
        self._use_multiprocessing = use_multiprocessing
        self._max_queue_size = max_queue_size

    def _setting(self, name: str, default: Any) -> Any:
        if name not in vars(self):
            warnings.warn(
                f"{type(self).__name__}.__init__ should call super().__init__(**kwargs), which takes `workers`, "
                "`use_multiprocessing` and `max_queue_size`; their defaults are used.",
                stacklevel=3,
            )
            PyDataset.__init__(self)
        return vars(self).get(name, default)

    @property
    def workers(self) -> int:
        """Number of workers."""
        return self._setting("_workers", 1)

    @workers.setter
    def workers(self, value: int) -> None:
        self._workers = value

    @property
    def use_multiprocessing(self) -> bool:
        """Whether workers are processes instead of threads."""
        return self._setting("_use_multiprocessing", False)

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        self._use_multiprocessing = value

    @property
    def max_queue_size(self) -> int:
        """Number of batches the workers may be ahead."""
        return self._setting("_max_queue_size", 10)

    @max_queue_size.setter
    def max_queue_size(self, value: int) -> None:
        self._max_queue_size = value

    def __getitem__(self, index: int) -> Any:
        """Return batch number `index`."""
        raise NotImplementedError(f"{type(self).__name__} must define `__getitem__(self, index)`, returning a batch.")

    def __iter__(self) -> Iterator:
        try:
            count = self.num_batches
        except NotImplementedError:
            count = None
        for index in itertools.count() if count is None else range(count):
            yield self[index]

    @property
    def num_batches(self) -> int | None:
        """Number of batches; None for a dataset without end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(
            f"{type(self).__name__} must define `__len__`, or the property `num_batches` (None: without end)."
        )

    def on_epoch_begin(self) -> None:
        """Called before every epoch."""

    def on_epoch_end(self) -> None:
        """Called after every epoch."""


# The dataset of a worker process, set once when the process starts.
_worker_dataset: list[PyDataset] = []


def _start_worker(dataset: PyDataset) -> None:
    _worker_dataset[:] = [dataset]


def _batch_in_worker(index: int) -> Any:
    return _worker_dataset[0][index]


def _pool(dataset: PyDataset) -> tuple[Executor, Callable[[int], Any]]:
    """Return a pool of workers and the function they run."""
    if not dataset.use_multiprocessing:
        return ThreadPoolExecutor(dataset.workers, "kerasish-pydataset"), dataset.__getitem__
    # A forked child would inherit JAX's locks in whatever state its threads left them: start from a clean process.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    return ProcessPoolExecutor(dataset.workers, context, _start_worker, (dataset,)), _batch_in_worker


def ordered_batches(dataset: PyDataset, indices: Iterable[int]) -> Iterator[Any]:
    """Iterate over the batches at `indices`, in that order, computed ahead by the dataset's workers.

    The workers are gone when the iterator ends, is closed, or raises what a worker raised.
    """
    threads_pay = dataset.workers > 1 or (dataset.workers > 0 and dataset.use_multiprocessing)
    if not threads_pay:
        for index in indices:
            yield dataset[index]
        return
    executor, compute = _pool(dataset)
    waiting: collections.deque[Future] = collections.deque()
    remaining = iter(indices)
    try:
        for index in itertools.islice(remaining, max(dataset.max_queue_size, 1)):
            waiting.append(executor.submit(compute, index))
        while waiting:
            batch = waiting.popleft().result()
            for index in itertools.islice(remaining, 1):
                waiting.append(executor.submit(compute, index))
            yield batch
    except BrokenProcessPool as error:
        error.add_note(
            f"A worker process ended while it handled the {type(dataset).__name__}. Its class must be importable "
            "from a module, and a script must start its work under `if __name__ == '__main__':`."
        )
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
