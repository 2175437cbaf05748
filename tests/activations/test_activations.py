"""Activations by name, their configs, and those that `ops` has not."""

import inspect

import numpy as np
import pytest

import kerasish.activations as activations
from kerasish.core import registry
from kerasish.core.symbolic import KerasTensor

keras = pytest.importorskip("keras")

X = np.linspace(-3, 8, 22, dtype="float32")
NAMES = [n for n in dir(keras.activations) if not n.startswith("_") and n not in ("get", "serialize", "deserialize")]


@pytest.mark.parametrize("name", NAMES)
def test_values_signatures_and_names(name):
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    parameters = [[(p.name, p.default) for p in inspect.signature(f).parameters.values()] for f in (ours, theirs)]
    assert parameters[0] == parameters[1]
    if name != "sparsemax":  # wrong in Keras 3.15, see tests/ops/test_nn.py
        args = (X, 1.0, 2.0) if name == "threshold" else (X,)
        np.testing.assert_allclose(ours(*args), theirs(*args), rtol=1e-5, atol=1e-6)
    assert activations.serialize(ours) == keras.activations.serialize(theirs)
    assert activations.get(name) is ours
    assert activations.get(ours) is ours
    assert activations.deserialize(activations.serialize(ours)) is ours


@pytest.mark.parametrize(
    "options",
    [
        {"negative_slope": 0.1},
        {"max_value": 6},
        {"max_value": 4, "negative_slope": 0.2},
        {"threshold": 1.0},
        {"threshold": 1.0, "negative_slope": 0.3, "max_value": 5.0},
        {"negative_slope": 0.3, "threshold": -1.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["float32", "float16", "int32"])
def test_relu(options, dtype):
    x = X.astype(dtype)
    ours, theirs = activations.relu(x, **options), keras.activations.relu(x, **options)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-6 if dtype == "float32" else 2e-3)


def test_identifiers():
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu
    config = {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}
    assert activations.get(config) is activations.relu
    with pytest.raises(ValueError, match="relu"):
        activations.get("rellu")
    with pytest.raises(ValueError, match="identifier"):
        activations.get(3)
    with pytest.raises(ValueError, match="lambda"):
        activations.serialize(lambda x: x)


def test_registered_functions():
    @registry.register_keras_serializable("tests")
    def triple(x):
        return 3 * x

    config = activations.serialize(triple)
    assert config["config"] == "tests>triple"
    assert activations.deserialize(config) is triple


@pytest.mark.parametrize("name", [n for n in NAMES if n != "threshold"])
def test_symbolic_tensors(name):
    x = KerasTensor((None, 4))
    expected = (None, 2) if name == "glu" else (None, 4)
    assert getattr(activations, name)(x).shape == expected
