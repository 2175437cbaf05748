"""FeatureSpace, compared with what Keras returns with TensorFlow."""

import json

import numpy as np
import pytest

import kerasish
from kerasish import layers
from kerasish.utils import FeatureSpace
from tests.layers.references import DATA

REFERENCE = json.loads(DATA.joinpath("feature_space_references.json").read_text("utf-8"))
TABLE = REFERENCE["table"]
FEW = {name: values[:5] for name, values in TABLE.items()}
ONE = {name: values[0] for name, values in TABLE.items()}


def make(**options):
    crosses = [tuple(names) for names in REFERENCE["options"]["crosses"]]
    options = {**REFERENCE["options"], "crosses": crosses, "num_discretization_bins": 4, **options}
    space = FeatureSpace(REFERENCE["kinds"], **options)
    space.adapt(TABLE)
    return space


def test_concat_as_keras():
    space = make()
    for rows, expected in ((FEW, "concat"), (ONE, "concat_one")):
        outputs = space(rows)
        assert outputs.dtype == "float32"
        np.testing.assert_allclose(outputs, np.array(REFERENCE[expected]), rtol=1e-4, atol=1e-5)
    columns = {name: np.array(values)[:, None] for name, values in FEW.items()}
    np.testing.assert_array_equal(space(columns), space(FEW))


def test_dict_as_keras():
    features = {
        "sc": FeatureSpace.string_categorical(output_mode="int", max_tokens=3),
        "ic": FeatureSpace.integer_categorical(num_oov_indices=2),
        "f": FeatureSpace.float_rescaled(2.0, 1.0),
    }
    cross = FeatureSpace.cross(("sc", "ic"), 4, output_mode="int")
    space = FeatureSpace(features, crosses=[cross], output_mode="dict")
    space.adapt(TABLE)
    for rows, expected in ((FEW, "dict"), (ONE, "dict_one")):
        outputs = space(rows)
        assert set(outputs) == set(REFERENCE[expected])
        for name, values in REFERENCE[expected].items():
            assert outputs[name].shape == np.shape(values)
            np.testing.assert_allclose(outputs[name], np.array(values), rtol=1e-6)


@pytest.mark.parametrize("size", [None, 7])
def test_adapt_to_samples_and_batches(size):
    count = len(TABLE["f"])
    if size is None:
        rows = ({name: values[i] for name, values in TABLE.items()} for i in range(count))
    else:
        rows = ({name: values[i : i + size] for name, values in TABLE.items()} for i in range(0, count, size))
    space = FeatureSpace(REFERENCE["kinds"], num_discretization_bins=4)
    space.adapt(rows)
    np.testing.assert_allclose(space(FEW), make(crosses=None, hashing_dim=32)(FEW), rtol=1e-6)


def test_model_and_files(tmp_path):
    space = make()
    outputs = layers.Dense(1)(space.get_encoded_features())
    model = kerasish.Model(space.get_inputs(), outputs)
    model.compile("sgd", "mse")
    model.fit({name: np.array(values) for name, values in TABLE.items()}, np.ones(len(TABLE["f"])), verbose=0)
    expected = model.predict(FEW, verbose=0)
    np.testing.assert_allclose(model(FEW), expected, rtol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = kerasish.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(FEW, verbose=0), expected, rtol=1e-5)
    space.save(tmp_path / "space.keras")
    copy = kerasish.models.load_model(tmp_path / "space.keras")
    np.testing.assert_array_equal(copy(FEW), space(FEW))


def test_own_preprocessor():
    layer = layers.TextVectorization(output_mode="count")
    space = FeatureSpace({"text": FeatureSpace.feature("string", layer, "float"), "f": "float"})
    space.adapt({"text": ["a b", "b"], "f": [1.0, 2.0]})
    assert space({"text": ["b b", "c"], "f": [1, 2]}).tolist() == [[1, 0, 2, 0], [2, 1, 0, 0]]


def test_given_boundaries_need_no_data():
    space = FeatureSpace({"x": FeatureSpace.float_discretized(None, bin_boundaries=[0.0, 1.0])})
    assert space({"x": [-1.0, 0.5, 7.0]}).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"features": {}}, "features"),
        ({"features": {"a": "complex"}}, "'a'"),
        ({"features": {"a": "float"}, "output_mode": "list"}, "output_mode"),
        ({"features": {"a": "float"}, "crosses": [("a", "b")]}, "'b'"),
        ({"features": {"a": "float", "b": "float"}, "crosses": [("a", "b")], "crossing_dim": None}, "crossing_dim"),
    ],
)
def test_bad_arguments(arguments, match):
    with pytest.raises(ValueError, match=match):
        FeatureSpace(**arguments)


def test_bad_calls():
    space = FeatureSpace({"a": "string_categorical"})
    with pytest.raises(ValueError, match="adapt"):
        space({"a": ["x"]})
    with pytest.raises(ValueError, match="dict"):
        space.adapt(["x"])
    space.adapt({"a": ["x"]})
    with pytest.raises(ValueError, match="expected a dict"):
        space(["x"])
    with pytest.raises(ValueError, match="no values"):
        space({"b": ["x"]})
    with pytest.raises(ValueError, match="output_mode"):
        FeatureSpace.cross(("a", "b"), 3, output_mode="float")
    integers = FeatureSpace({"a": FeatureSpace.integer_hashed(3, output_mode="int"), "b": "float"})
    with pytest.raises(ValueError, match="not encoded"):
        integers({"a": [1], "b": [2.0]})
