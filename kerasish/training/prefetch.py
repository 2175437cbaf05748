"""Prefetcher: an iterator that works ahead in a thread of its own."""

import collections
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class Prefetcher(Iterator):
    """Iterates over `iterable` in a background thread, which keeps up to `depth` items ready.

    An exception there is raised here, in the order of the items. `close()` (or leaving a `with` block) stops the
    thread and waits for the item it is at; after it, nothing runs any more.

    Args:
        iterable: what to iterate over. A generator is closed in the thread that ran it.
        depth: number of items to keep ready.
        transform: applied to every item in the background thread.

    Raises:
        ValueError: if `depth` is less than 1.

    Example:
        >>> with Prefetcher(range(3), transform=lambda item: item * 2) as items:
        ...     list(items)
        [0, 2, 4]
    """

    def __init__(self, iterable: Iterable, depth: int = 2, transform: Callable[[Any], Any] | None = None) -> None:
        if depth < 1:
            raise ValueError(f"Prefetcher: `depth` must be at least 1, received depth={depth}.")
        self._iterable = iterable
        self._depth = depth
        self._transform = transform
        self._ready: collections.deque = collections.deque()
        self._changed = threading.Condition()
        self._closed = False
        self._finished = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="kerasish-prefetch", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            iterator = iter(self._iterable)
            try:
                for item in iterator:
                    if not self._put(self._transform(item) if self._transform else item):
                        break
            finally:
                if hasattr(iterator, "close"):
                    iterator.close()
        except BaseException as caught:  # Whatever it is belongs to the consumer.
            error = caught
        with self._changed:
            self._error, self._finished = error, True
            self._changed.notify_all()

    def _put(self, item: Any) -> bool:
        """Wait for room and add `item`; return False if nobody wants it any more."""
        with self._changed:
            while len(self._ready) >= self._depth and not self._closed:
                self._changed.wait()
            if self._closed:
                return False
            self._ready.append(item)
            self._changed.notify_all()
            return True

    def __next__(self) -> Any:
        with self._changed:
            while not self._ready and not self._finished and not self._closed:
                self._changed.wait()
            if self._ready:
                item = self._ready.popleft()
                self._changed.notify_all()
                return item
            error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def close(self) -> None:
        """Stop the thread, throw away what it made ready, and wait until it is gone."""
        with self._changed:
            self._closed = True
            self._ready.clear()
            self._changed.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def __enter__(self) -> "Prefetcher":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
