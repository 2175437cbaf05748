"""The public names of layers: all of Keras's, but for a short list that docs/differences-from-keras.md explains."""

import inspect
from pathlib import Path

import pytest

from kerasish import layers

keras = pytest.importorskip("keras")

# Name -> what the reason in the docs contains.
MISSING = {
    "TFSMLayer": "What wraps another framework is not there",
    "TorchModuleWrapper": "What wraps another framework is not there",
}
DOCS = Path(__file__).parents[2] / "docs" / "differences-from-keras.md"


def public(module) -> set[str]:
    return {name for name in dir(module) if not name.startswith("_")}


def test_all_of_keras():
    assert public(keras.layers) - set(layers.__all__) == set(MISSING)


def test_nothing_else():
    assert set(layers.__all__) <= public(keras.layers)


def test_reasons_are_documented():
    text = DOCS.read_text(encoding="utf-8")
    for name, reason in MISSING.items():
        assert name in text
        assert reason in text


def test_real_names():
    for name in layers.__all__:
        value = getattr(layers, name)
        if inspect.isclass(value):
            assert value.__module__.startswith("kerasish.")


@pytest.mark.parametrize("name", sorted(set(layers.__all__) & {"Dense", "LSTM", "Conv2D", "Add"}))
def test_serialize_and_deserialize(name):
    options = {"Dense": {"units": 2}, "LSTM": {"units": 2}, "Conv2D": {"filters": 2, "kernel_size": 3}, "Add": {}}[name]
    layer = getattr(layers, name)(**options)
    again = layers.deserialize(layers.serialize(layer))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
    theirs = keras.layers.serialize(getattr(keras.layers, name)(**options))
    assert type(layers.deserialize(theirs)) is type(layer)


def test_deserialize_refuses_what_is_no_layer():
    with pytest.raises(ValueError, match="layer"):
        layers.deserialize({"module": "keras.losses", "class_name": "Huber", "config": {}, "registered_name": None})
