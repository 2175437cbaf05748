"""PyDataset computes batches in order with any workers, and leaves none behind."""

import itertools
import os
import subprocess
import sys
import threading
import time
import types
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest

from kerasish.training.data import make_source
from kerasish.training.py_dataset import PyDataset, ordered_batches

keras = pytest.importorskip("keras")


class Numbers(PyDataset):
    """Batch n holds the number n; later batches are ready earlier."""

    def __init__(self, count=8, fail_at=None, **kwargs):
        super().__init__(**kwargs)
        self.count, self.fail_at, self.calls = count, fail_at, []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        time.sleep(0.002 * (self.count - index) / self.count)
        if index == self.fail_at:
            raise OSError(f"no batch {index}")
        return np.full((2, 1), index), np.full((2,), index)

    def on_epoch_begin(self):
        self.calls.append("begin")

    def on_epoch_end(self):
        self.calls.append("end")


class Endless(PyDataset):
    num_batches = None

    def __getitem__(self, index):
        return np.full((1,), index), np.zeros(1)


def workers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("kerasish-pydataset")]


def indices(batches):
    return [int(batch[0].ravel()[0]) for batch in batches]


@pytest.mark.parametrize("settings", [{}, {"workers": 0}, {"workers": 3}, {"workers": 3, "max_queue_size": 1}])
def test_order_is_kept(settings):
    dataset = Numbers(**settings)
    assert indices(ordered_batches(dataset, range(8))) == list(range(8))
    assert indices(ordered_batches(dataset, [3, 1, 2])) == [3, 1, 2]
    assert workers() == []


SCRIPT = """
import os, numpy as np
from kerasish.training.py_dataset import PyDataset, ordered_batches

class Numbers(PyDataset):
    def __getitem__(self, index):
        return index, os.getpid()

if __name__ == "__main__":
    batches = list(ordered_batches(Numbers(workers=1, use_multiprocessing=True), range(3)))
    assert [index for index, _ in batches] == [0, 1, 2]
    assert os.getpid() not in {worker for _, worker in batches}
    print("done")
"""


def test_processes(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(tmp_path / "script.py")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert result.stdout == "done\n", result.stderr


def test_a_dataset_that_workers_cannot_load_is_explained():
    class Local(Numbers):
        pass

    Local.__qualname__, Local.__module__ = "Missing", "no_such_module"
    sys.modules["no_such_module"] = types.SimpleNamespace(Missing=Local)
    try:
        with pytest.raises(BrokenProcessPool) as caught:
            list(ordered_batches(Local(workers=1, use_multiprocessing=True), range(2)))
    finally:
        del sys.modules["no_such_module"]
    assert "importable" in caught.value.__notes__[0]


def test_workers_stay_within_the_queue():
    dataset = Numbers(count=50, workers=2, max_queue_size=3)
    seen = []
    get = Numbers.__getitem__
    dataset_class = type("Watched", (Numbers,), {"__getitem__": lambda self, n: seen.append(n) or get(self, n)})
    dataset.__class__ = dataset_class
    batches = ordered_batches(dataset, range(50))
    next(batches)
    time.sleep(0.02)
    assert max(seen) <= 4
    batches.close()
    assert workers() == []


@pytest.mark.parametrize("count", [1, 3])
def test_an_exception_in_a_worker_is_raised_here(count):
    batches = ordered_batches(Numbers(fail_at=2, workers=count), range(8))
    with pytest.raises(OSError, match="no batch 2"):
        list(batches)
    assert workers() == []


def test_source_epochs_and_hooks():
    dataset = Numbers(count=4, workers=2)
    source = make_source(dataset)
    assert (source.num_batches, source.num_steps, source.batch_size, source.is_array) == (4, 4, None, False)
    assert source.first_batch()[0].tolist() == [[0], [0]]
    for epoch in range(2):
        source.on_epoch_begin()
        assert indices(source.epoch_batches(epoch, 0)) == [0, 1, 2, 3]
        source.on_epoch_end()
    assert dataset.calls == ["begin", "end"] * 2 and workers() == []


def test_shuffled_epochs_see_every_batch_once_in_new_orders():
    source = make_source(Numbers(count=16), shuffle=True)
    orders = [indices(source.epoch_batches(epoch, 7)) for epoch in range(2)]
    assert orders[0] != orders[1] and all(sorted(order) == list(range(16)) for order in orders)
    assert indices(make_source(Numbers(count=16), shuffle=True).epoch_batches(1, 7)) == orders[1]


@pytest.mark.parametrize("count", [1, 2])
def test_an_endless_dataset_goes_on_where_it_was(count):
    source = make_source(Endless(workers=count), steps_per_epoch=3, shuffle=True)
    assert source.num_batches is None and source.num_steps == 3
    assert [indices(source.epoch_batches(epoch)) for epoch in range(2)] == [[0, 1, 2], [3, 4, 5]]
    source.close()
    assert workers() == []


def test_fewer_steps_than_batches_go_on_too():
    source = make_source(Numbers(count=4, workers=2), steps_per_epoch=2)
    assert [indices(source.epoch_batches(epoch)) for epoch in range(3)] == [[0, 1], [2, 3], [0, 1]]
    source.close()
    assert workers() == []


def test_more_steps_than_batches_warn():
    source = make_source(Numbers(count=2), steps_per_epoch=3)
    with pytest.warns(UserWarning, match="2 of 3 steps"):
        assert indices(source.epoch_batches()) == [0, 1]
    source.close()


def test_class_weight():
    source = make_source(Numbers(count=2), class_weight={1: 5.0})
    assert [batch[2].tolist() for batch in source.epoch_batches()] == [[1, 1], [5, 5]]


def test_iteration_by_hand():
    assert indices(Numbers(count=3)) == [0, 1, 2]
    assert indices(itertools.islice(Endless(), 2)) == [0, 1]


def test_settings_are_those_of_keras():
    mine, theirs = Numbers(workers=2, max_queue_size=4), keras.utils.PyDataset(workers=2, max_queue_size=4)
    for name in ("workers", "use_multiprocessing", "max_queue_size"):
        assert getattr(mine, name) == getattr(theirs, name)
        setattr(mine, name, 1)
        assert getattr(mine, name) == 1


def test_a_forgotten_super_call_is_warned_about_once():
    class Forgetful(PyDataset):
        def __init__(self):
            pass

    dataset = Forgetful()
    with pytest.warns(UserWarning, match=r"super\(\).__init__"):
        assert dataset.workers == 1
    assert dataset.max_queue_size == 10


def test_what_has_to_be_defined():
    class Bare(PyDataset):
        pass

    with pytest.raises(NotImplementedError, match="__len__"):
        _ = Bare().num_batches
    with pytest.raises(NotImplementedError, match="__getitem__"):
        Bare()[0]
