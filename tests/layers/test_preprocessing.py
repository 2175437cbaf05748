"""Rescaling and Normalization, compared with Keras's."""

import jax.numpy as jnp
import numpy as np
import pytest

from kerasish import layers
from kerasish.core.config import image_data_format, set_image_data_format
from kerasish.core.symbolic import KerasTensor
from tests.layers.compare import assert_rejected, assert_same, keras

DATA = np.random.default_rng(0).normal(3.0, 2.0, size=(6, 3, 4)).astype("float32")


@pytest.mark.parametrize(
    "options",
    [{"scale": 0.5}, {"scale": 1 / 255, "offset": -1}, {"scale": [1.0, 2.0, 3.0, 4.0], "offset": [0.0, 1.0, 2.0, 3.0]}],
)
def test_rescaling(options):
    assert_same("Rescaling", options, (2, 3, 4), training=(None,))
    assert_same("Rescaling", options, np.arange(24, dtype="uint8").reshape(2, 3, 4), training=(None,), gradients=False)


def test_rescaling_with_arrays():
    options = {"scale": np.array([1.0, 2.0], "float32"), "dtype": "mixed_bfloat16"}
    assert_same("Rescaling", options, (2, 2), training=(None,))


def test_rescaling_channels_first():
    before = image_data_format()
    try:
        set_image_data_format("channels_first"), keras.config.set_image_data_format("channels_first")
        x = np.ones((1, 2, 3, 3), "float32")
        expected = keras.layers.Rescaling([1.0, 2.0])(x)
        np.testing.assert_allclose(layers.Rescaling([1.0, 2.0])(x), expected)
    finally:
        set_image_data_format(before), keras.config.set_image_data_format(before)


def test_rescaling_refuses():
    with pytest.raises(TypeError, match="scale"):
        layers.Rescaling("a")


@pytest.mark.parametrize(
    "options",
    [
        {"axis": None, "mean": 2.0, "variance": 4.0},
        {"mean": [1.0, 2.0, 3.0, 4.0], "variance": [1.0, 4.0, 9.0, 0.0]},
        {"axis": 1, "mean": 1.0, "variance": 2.0, "invert": True},
        {"axis": (1, 2), "mean": [1.0, 2.0, 3.0, 4.0], "variance": [1.0, 2.0, 3.0, 4.0]},
        {"axis": (-1, 1), "mean": np.ones((3, 1)).tolist(), "variance": np.full((3, 1), 2.0).tolist()},
        {"mean": 2.0, "variance": 4.0, "dtype": "mixed_bfloat16"},
        {},
        {"axis": (1, 2), "invert": True},
    ],
)
def test_normalization(options):
    # Keras does not notice that weights are assigned.
    assert_same("Normalization", options, (2, 3, 4), training=(None,), weights=lambda value, weight: value)


@pytest.mark.parametrize("axis", [None, -1, 1, (1, 2), (0, 2)])
def test_adapt(axis):
    expected, layer = (lib.Normalization(axis=axis, name="norm") for lib in (keras.layers, layers))
    expected.adapt(DATA)
    for data in (DATA, jnp.asarray(DATA)):
        layer.adapt(data)
        np.testing.assert_allclose(layer(DATA), expected(DATA), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(layer.mean, expected.mean, rtol=1e-5)
    assert [(w.path, w.dtype) for w in layer.weights] == [(w.path, w.dtype) for w in expected.weights]
    inverse = layers.Normalization(axis=axis, invert=True)
    inverse.adapt(DATA)
    np.testing.assert_allclose(inverse(layer(DATA)), DATA, rtol=1e-4, atol=1e-4)


def test_adapt_on_a_single_axis_and_on_integers():
    for data, axis in ((np.array([1.0, 2.0, 3.0]), None), (np.arange(6).reshape(3, 2), -1)):
        expected, layer = keras.layers.Normalization(axis=axis), layers.Normalization(axis=axis)
        expected.adapt(data), layer.adapt(data)
        np.testing.assert_allclose(layer(data), expected(data), rtol=1e-5)


def test_adapt_on_batches():
    class Batches:
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return DATA[2 * index : 2 * index + 2], np.zeros(2)

    expected = layers.Normalization()
    expected.adapt(DATA)
    for data in ([DATA[:1], DATA[1:]], (batch for batch in (DATA[:4], DATA[4:])), Batches()):
        layer = layers.Normalization()
        layer.adapt(data)
        np.testing.assert_allclose(layer.adapt_mean, expected.adapt_mean, rtol=1e-5)
        np.testing.assert_allclose(layer.adapt_variance, expected.adapt_variance, rtol=1e-5)


def test_adapt_again_forgets():
    layer = layers.Normalization()
    layer.adapt(DATA)
    layer.adapt(DATA * 2)
    np.testing.assert_allclose(layer.adapt_mean, 2 * DATA.mean((0, 1)), rtol=1e-5)


def test_adapt_refuses():
    layer = layers.Normalization()
    with pytest.raises(ValueError, match="no data"):
        layer.adapt([])
    with pytest.raises(TypeError, match="batches"):
        layer.adapt([1.0, 2.0])
    with pytest.raises(TypeError, match="iterable"):
        layer.adapt(3)
    layer.adapt(DATA)
    with pytest.raises(ValueError, match="built for"):
        layer.adapt(DATA[..., :2])
    with pytest.raises(ValueError, match="mean"):
        layers.Normalization(mean=1.0, variance=1.0).adapt(DATA)


def test_normalization_refuses():
    assert_rejected("Normalization", {"mean": 1.0}, match="variance")
    assert_rejected("Normalization", {"mean": 1.0, "variance": [1.0, 2.0]}, match="shape")
    assert_rejected("Normalization", {"mean": [[1.0]], "variance": [[1.0]]}, match="axes")
    assert_rejected("Normalization", {"axis": 4}, (2, 3), match="range")
    with pytest.raises(ValueError, match="known"):
        layers.Normalization()(KerasTensor((None, None)))
