"""predict over arrays: many batches in a call of the compiled program give what single batches give."""

import numpy as np
import pytest

import kerasish
from kerasish import layers
from kerasish.training import prediction, step

X = np.random.default_rng(0).normal(size=(43, 3)).astype("float32")


@pytest.fixture
def model():
    inputs = kerasish.Input((3,))
    outputs = {"a": layers.Dense(2)(inputs), "b": [layers.Activation("tanh")(inputs)]}
    return kerasish.Model(inputs, outputs)


@pytest.fixture
def calls(monkeypatch):
    """The numbers of batches of the calls that did several."""
    seen = []
    original = step.Program.collect_at

    def collect_at(self, data, start, count):
        seen.append(count)
        return original(self, data, start, count)

    monkeypatch.setattr(step.Program, "collect_at", collect_at)
    return seen


def assert_right(model, found, x=X):
    np.testing.assert_allclose(found["a"], x @ model.get_weights()[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["b"][0], np.tanh(x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("verbose", [0, 1])
@pytest.mark.parametrize("batch_size", [1, 4, 10, 43, 100])
def test_batch_sizes(model, calls, batch_size, verbose):
    for _ in range(2):
        calls.clear()
        found = model.predict(X, batch_size=batch_size, verbose=verbose)
        assert_right(model, found)
        assert found["a"].flags.writeable and found["b"][0].flags.writeable
    full = len(X) // batch_size
    assert sum(calls) == (full if full >= prediction._LEAST_IN_LOOP else 0)


def test_one_program_whatever_the_number_of_rows(model):
    model.predict(X[:16], batch_size=4, verbose=0)
    programs = dict(model._programs)
    compiled = {key: program._collect._cache_size() for key, program in programs.items()}
    assert model.predict(X[:16], batch_size=4, verbose=0)["a"].shape == (16, 2)
    assert model._programs == programs
    assert {key: program._collect._cache_size() for key, program in programs.items()} == compiled


def test_steps(model, calls):
    found = model.predict(X, batch_size=4, steps=5, verbose=0)
    assert_right(model, found, X[:20])
    assert sum(calls) == 5


def test_large_outputs_come_batch_by_batch(model, calls, monkeypatch):
    monkeypatch.setattr(step, "_COLLECTED_BYTES", 50)
    assert_right(model, model.predict(X, batch_size=4, verbose=0))
    assert calls == []


def test_callbacks_see_each_batch(model, calls):
    class Seen(kerasish.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.begun, self.rows = [], []

        def on_predict_batch_begin(self, batch, logs=None):
            self.begun.append(batch)

        def on_predict_batch_end(self, batch, logs=None):
            self.rows.append(len(logs["a"]))  # nested dicts of logs are flattened, as in Keras

    seen = Seen()
    assert_right(model, model.predict(X, batch_size=10, verbose=0, callbacks=[seen]))
    assert (seen.begun, seen.rows, calls) == ([0, 1, 2, 3, 4], [10, 10, 10, 10, 3], [])


def test_results_may_be_changed(model):
    for found in (model.predict(X[:2], verbose=0), model.predict_on_batch(X[:2]), model.predict(X, verbose=0)):
        found["a"][0, 0] = 7.0
