"""Discretization and CategoryEncoding, compared with what Keras returns with TensorFlow."""

import jax
import numpy as np
import pytest

from kerasish import layers
from kerasish.core.symbolic import KerasTensor
from tests.layers.compare import keras
from tests.layers.references import assert_as_keras, assert_config_as_keras, cases, configs


@cases("Discretization", "CategoryEncoding")
def test_as_keras(case):
    assert_as_keras(case)


@configs("Discretization", "CategoryEncoding")
def test_config(case):
    assert_config_as_keras(case)


@pytest.mark.parametrize("output_mode", ["one_hot", "multi_hot", "count"])
def test_encoding_as_keras_without_tensorflow(output_mode):
    x = np.random.default_rng(0).integers(-1, 6, size=(3, 4))
    options = {"num_tokens": 5, "output_mode": output_mode, "dtype": "bfloat16"}
    expected = keras.layers.CategoryEncoding(**options)(x)
    outputs = layers.CategoryEncoding(**options)(x)
    assert outputs.dtype == "bfloat16"
    np.testing.assert_array_equal(np.asarray(outputs, "float32"), np.asarray(expected, "float32"))


@pytest.mark.parametrize("shape", [(3, 4), (4,)])
def test_count_weights(shape):
    generator = np.random.default_rng(1)
    x, weights = generator.integers(0, 5, size=shape), generator.random(shape)
    options = {"num_tokens": 5, "output_mode": "count"}
    expected = keras.layers.CategoryEncoding(**options)(x, count_weights=weights)
    np.testing.assert_allclose(layers.CategoryEncoding(**options)(x, count_weights=weights), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="count_weights"):
        layers.CategoryEncoding(5)(x, count_weights=weights)


def test_adapt_in_batches():
    data = np.random.default_rng(2).normal(size=(50, 3)).astype("float32")
    ours, theirs = layers.Discretization(num_bins=5), keras.layers.Discretization(num_bins=5)
    for layer in (ours, theirs):
        layer.reset_state()
        for batch in np.split(data, 5):
            layer.update_state(batch)
        layer.finalize_state()
    np.testing.assert_allclose(ours.bin_boundaries, theirs.bin_boundaries, rtol=1e-6)
    found = ours.bin_boundaries
    ours.adapt(iter(np.split(data, 5)))
    assert ours.bin_boundaries == found
    ours.adapt(np.split(data, 5), steps=2)
    assert ours.bin_boundaries != found


def test_adapted_config():
    layer = layers.Discretization(num_bins=3)
    layer.adapt(np.arange(30.0))
    copy = layers.Discretization.from_config(layer.get_config())
    assert copy.bin_boundaries == layer.bin_boundaries
    assert copy.num_bins == 3


def test_compiled_and_symbolic():
    layer = layers.Discretization([0.0, 1.0], output_mode="multi_hot")
    x = np.array([[-1.0, 0.0], [3.0, 0.5]])
    assert jax.jit(lambda x: layer(x))(x).tolist() == [[1, 1, 0], [0, 1, 1]]
    assert layer(KerasTensor((None, 2))).shape == (None, 3)
    assert layers.Discretization(num_bins=4)(KerasTensor((None, 2))).dtype == "int32"
    assert layers.CategoryEncoding(4)(KerasTensor((None, 7), "int32")).shape == (None, 4)
    assert layers.CategoryEncoding(4, output_mode="one_hot")(KerasTensor((None, 7), "int32")).shape == (None, 7, 4)
    assert layers.CategoryEncoding(4, output_mode="one_hot")(KerasTensor((None, 1), "int32")).shape == (None, 4)


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("Discretization", {}, "bin_boundaries"),
        ("Discretization", {"num_bins": 3, "bin_boundaries": [1.0]}, "num_bins"),
        ("Discretization", {"num_bins": -3}, "num_bins"),
        ("Discretization", {"bin_boundaries": [1.0, 0.0]}, "ascending"),
        ("Discretization", {"bin_boundaries": "ab"}, "ascending"),
        ("Discretization", {"num_bins": 3, "epsilon": 0}, "epsilon"),
        ("Discretization", {"num_bins": 3, "output_mode": "tf_idf"}, "output_mode"),
        ("Discretization", {"num_bins": 3, "sparse": True}, "sparse"),
        ("CategoryEncoding", {}, "num_tokens"),
        ("CategoryEncoding", {"num_tokens": 0}, "num_tokens"),
        ("CategoryEncoding", {"num_tokens": 3, "output_mode": "int"}, "output_mode"),
    ],
)
def test_bad_arguments(name, options, match):
    with pytest.raises(ValueError, match=match):
        getattr(layers, name)(**options)


def test_bad_calls():
    with pytest.raises(ValueError, match="no boundaries"):
        layers.Discretization(num_bins=3)(np.ones(3))
    with pytest.raises(ValueError, match="num_bins"):
        layers.Discretization([1.0]).adapt(np.ones(3))
    with pytest.raises(ValueError, match="no data"):
        layers.Discretization(num_bins=3).adapt(iter([]))
