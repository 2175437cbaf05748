"""What Keras's text and table layers return where TensorFlow is installed, from a file that `make_references` wrote."""

import json
import pathlib
from typing import Any

import numpy as np
import pytest

from kerasish import layers

DATA = pathlib.Path(__file__).with_name("data")
ALL = json.loads(DATA.joinpath("text_references.json").read_text("utf-8"))
CASES = [case for case in ALL if "config" not in case]


def cases(*names: str) -> Any:
    """Return a pytest parametrization over the cases of some layers."""
    chosen = [case for case in CASES if case["layer"] in names]
    labels = [f"{case['layer']}-{index}" for index, case in enumerate(chosen)]
    return pytest.mark.parametrize("case", chosen, ids=labels)


def assert_as_keras(case: dict) -> None:
    """Make the layer of a case, and compare what it learns and returns."""
    options = {key: tuple(value) if key == "ngrams" and value != 2 else value for key, value in case["options"].items()}
    layer = getattr(layers, case["layer"])(**options)
    if case["data"] is not None:
        data = case["data"]
        layer.adapt(np.array(data) if case["layer"] == "Discretization" else data)
    if "vocabulary" in case:
        assert layer.get_vocabulary() == case["vocabulary"]
    if "boundaries" in case:
        np.testing.assert_allclose(layer.bin_boundaries, case["boundaries"], rtol=1e-6)
    expected = np.array(case["outputs"])
    for configured in (layer, copy_of(layer, case)):
        outputs = np.asarray(configured(case["inputs"]))
        assert outputs.shape == expected.shape
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(outputs, expected, rtol=1e-6)
        else:
            assert outputs.tolist() == expected.tolist()


def copy_of(layer: Any, case: dict) -> Any:
    """Return a layer made from the config of another, with the vocabulary that a file would hold."""
    copy = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    if case["data"] is not None and "vocabulary" in case:
        weights = getattr(getattr(layer, "_lookup_layer", layer), "idf_weights", None)
        length = len(layer.get_vocabulary())
        copy.set_vocabulary(layer.get_vocabulary(), None if weights is None else weights[:length])
    return copy


def configs(*names: str) -> Any:
    """Return a pytest parametrization over the configs of some layers."""
    chosen = [case for case in ALL if "config" in case and case["layer"] in names]
    return pytest.mark.parametrize("case", chosen, ids=[f"{case['layer']}-{i}" for i, case in enumerate(chosen)])


def assert_config_as_keras(case: dict) -> None:
    """Compare the config of a layer with Keras's, and what the layer made from it has."""
    layer = getattr(layers, case["layer"])(name="layer", **case["options"])
    config = json.loads(json.dumps(layer.get_config()))
    assert config == case["config"]
    assert list(config) == list(case["config"])
    assert type(layer).from_config(config).get_config() == layer.get_config()
