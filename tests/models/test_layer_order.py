"""The order of layers and weights is Keras's: files name layers by it, and lists of weights follow it."""

import importlib

import numpy as np
import pytest

import kerasish
from tests.saving import zoo

keras = pytest.importorskip("keras")


def random_graph(lib, seed):
    """A random graph of two inputs, shared layers, branches and several outputs; the same for each library."""
    random = np.random.default_rng(seed)
    inputs = [lib.layers.Input((4,), name=f"in_{i}") for i in range(2)]
    shared = [lib.layers.Dense(4, name=f"shared_{i}") for i in range(2)]
    tensors = list(inputs)
    for step in range(int(random.integers(4, 12))):
        x, y = (tensors[i] for i in random.integers(len(tensors), size=2))
        kind = random.integers(4)
        if kind == 0:
            tensors.append(shared[random.integers(2)](x))
        elif kind == 1:
            tensors.append(lib.layers.Add(name=f"add_{step}")([x, y]))
        elif kind == 2:
            tensors.append(lib.ops.multiply(x, y))
        else:
            tensors.append(lib.layers.Dense(4, name=f"dense_{step}")(x))
    outputs = [tensors[-1], *(tensors[i] for i in random.integers(2, len(tensors), size=2))]
    return lib.Model(inputs, outputs)


@pytest.mark.parametrize("seed", range(25))
def test_layers_of_functional_models_come_in_the_order_of_keras(seed):
    theirs, ours = random_graph(keras, seed), random_graph(kerasish, seed)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    kinds = [type(operation).__name__ for operation in theirs.operations]
    assert [getattr(getattr(o, "fn", None), "keras_class", type(o).__name__) for o in ours.operations] == kinds


@pytest.mark.parametrize("make", [zoo.branches, zoo.subclassed, zoo.lists_filled_later], ids=lambda make: make.__name__)
def test_weights_come_in_the_order_of_keras(make):
    keras.backend.clear_session(free_memory=False)
    theirs = [weight.path for weight in make(keras)[0].weights]
    importlib.import_module("kerasish.core.naming").reset_names()
    assert [weight.path for weight in make(kerasish)[0].weights] == theirs
