"""The prefetcher keeps order, stays within its depth, hands on exceptions, and is gone after close."""

import threading
import time

import pytest

from kerasish.training.prefetch import Prefetcher


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "kerasish-prefetch"]


def eventually(condition):
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    return condition()


def test_items_come_in_order_and_transformed():
    with Prefetcher(range(100), depth=3, transform=lambda item: item * 2) as items:
        assert list(items) == list(range(0, 200, 2))
    assert threads() == []


def test_it_works_ahead_but_not_too_far():
    made = []
    with Prefetcher((made.append(n) or n for n in range(10)), depth=2) as items:
        assert eventually(lambda: len(made) == 3)  # Two are ready, one waits for room.
        time.sleep(0.01)
        assert made == [0, 1, 2]
        assert next(items) == 0 and eventually(lambda: len(made) == 4)


def test_exceptions_come_after_the_items_before_them():
    def source():
        yield 1
        raise KeyError("broken source")

    with Prefetcher(source()) as items:
        assert next(items) == 1
        with pytest.raises(KeyError, match="broken source"):
            next(items)
        with pytest.raises(StopIteration):
            next(items)


def test_exceptions_of_the_transform():
    with Prefetcher([1], transform=lambda item: item / 0) as items, pytest.raises(ZeroDivisionError):
        next(items)


def test_close_stops_in_the_middle_and_closes_the_generator():
    closed_in = []

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed_in.append(threading.current_thread().name)

    items = Prefetcher(endless())
    next(items)
    items.close()
    assert threads() == [] and closed_in == ["kerasish-prefetch"]
    items.close()
    with pytest.raises(StopIteration):
        next(items)


def test_an_exception_of_the_consumer_leaves_nothing_running():
    with pytest.raises(RuntimeError, match="consumer"), Prefetcher(iter(int, 1)) as items:
        next(items)
        raise RuntimeError("consumer")
    assert threads() == []


def test_depth():
    with pytest.raises(ValueError, match="depth"):
        Prefetcher([], depth=0)
