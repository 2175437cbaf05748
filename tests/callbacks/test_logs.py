"""Logs stay on the device until they are read, and then are plain floats whichever way they are read."""

import copy
import json
import pickle

import jax.numpy as jnp
import numpy as np
import pytest

from kerasish.callbacks import logs as logs_module
from kerasish.callbacks.logs import Logs, as_logs


class Watched:
    """Looks like a scalar array and remembers whether it was read."""

    ndim, dtype = 0, np.dtype("float32")

    def __init__(self, value):
        self.value, self.read = value, False

    def __float__(self):
        self.read = True
        return float(self.value)


def fresh():
    return Logs({"loss": jnp.float32(0.5), "accuracy": np.float32(0.25), "steps": 3})


EXPECTED = {"accuracy": 0.25, "loss": 0.5, "steps": 3.0}


@pytest.mark.parametrize(
    "read",
    [
        dict,
        lambda logs: {**logs},
        lambda logs: logs.copy(),
        lambda logs: dict(logs.items()),
        lambda logs: dict(zip(logs, logs.values())),
        lambda logs: {key: logs[key] for key in logs},
        lambda logs: {key: logs.get(key) for key in logs},
        lambda logs: {key: logs.pop(key) for key in list(logs)},
        lambda logs: dict(logs.popitem() for _ in range(3)),
        lambda logs: {key: logs.setdefault(key, 9.0) for key in logs},
        lambda logs: logs | {},
        lambda logs: {} | logs,
        lambda logs: (lambda **names: names)(**logs),
        lambda logs: json.loads(json.dumps(logs)),
        copy.copy,
        copy.deepcopy,
        lambda logs: pickle.loads(pickle.dumps(logs)),
        lambda logs: eval(repr(logs)),
    ],
)
def test_every_way_of_reading_gives_floats(read):
    result = read(fresh())
    assert dict(result) == EXPECTED
    assert {type(value) for value in dict.values(result)} == {float}


def test_update_of_a_dict_gives_floats():
    target = {}
    target.update(fresh())
    assert target == EXPECTED and type(target["loss"]) is float


def test_nothing_is_read_before_somebody_asks():
    loss, accuracy = Watched(1.0), Watched(0.5)
    logs = Logs({"loss": loss, "accuracy": accuracy})
    assert len(logs) == 2 and "loss" in logs and list(logs) == ["accuracy", "loss"]
    Logs(logs)
    assert not loss.read and not accuracy.read
    assert logs["loss"] == 1.0
    assert loss.read and not accuracy.read


def test_items_fetch_everything_in_one_transfer(monkeypatch):
    calls = []
    device_get = logs_module.jax.device_get
    monkeypatch.setattr(logs_module.jax, "device_get", lambda tree: calls.append(len(tree)) or device_get(tree))
    logs = Logs({"a": jnp.float32(1), "b": jnp.float32(2), "c": 3.0})
    assert list(logs.items()) == [("a", 1.0), ("b", 2.0), ("c", 3.0)]
    assert calls == [2]


def test_names_are_sorted_and_nests_flattened_as_in_keras():
    pythonify_logs = pytest.importorskip("keras.src.utils.python_utils").pythonify_logs
    values = {"loss": np.float32(0.5), "b": {"z": 1, "y": 2.0}, "a": True, "name": "text"}
    assert list(Logs(values).items()) == list(pythonify_logs(values).items())


def test_what_is_no_scalar_is_handed_out_as_it_is():
    outputs = jnp.ones((2, 3))
    logs = Logs({"outputs": outputs, "nested": [1, 2]})
    assert logs["outputs"] is outputs and logs["nested"] == [1, 2]
    assert dict(logs)["outputs"] is outputs


def test_hooks_may_write_into_them():
    logs = fresh()
    logs["learning_rate"] = 0.1
    assert logs["learning_rate"] == 0.1 and "learning_rate" in logs


def test_equality():
    assert fresh() == EXPECTED and EXPECTED == fresh() and fresh() == fresh()
    assert fresh() != {"loss": 0.5}


def test_as_logs_keeps_logs():
    logs = fresh()
    assert as_logs(logs) is logs
    assert as_logs(None) == {} and as_logs({"a": 1})["a"] == 1.0
