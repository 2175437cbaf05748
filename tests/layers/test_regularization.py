"""Dropout, noise and activity penalties against Keras's: the same values for the same seed."""

import jax
import numpy as np
import pytest

from kerasish import layers
from tests.layers.compare import assert_rejected, assert_same, keras

MASK = np.array([[1, 1, 0, 0], [0, 1, 0, 1]], bool)


@pytest.mark.parametrize(
    ("kind", "options", "shape"),
    [
        ("Dropout", {"rate": 0.4, "seed": 3}, (2, 4, 3)),
        ("Dropout", {"rate": 0.5, "seed": 3, "noise_shape": (None, 1, None)}, (2, 4, 3)),
        ("Dropout", {"rate": 0.5, "seed": 3, "noise_shape": [2, 4, 1]}, (2, 4, 3)),
        ("Dropout", {"rate": 0}, (2, 3)),
        ("Dropout", {"rate": 1, "seed": 3}, (2, 3)),
        ("Dropout", {"rate": 0.5, "seed": 3, "dtype": "mixed_bfloat16"}, (2, 4, 3)),
        ("SpatialDropout1D", {"rate": 0.5, "seed": 3}, (2, 4, 6)),
        ("SpatialDropout2D", {"rate": 0.5, "seed": 3}, (2, 3, 2, 6)),
        ("SpatialDropout2D", {"rate": 0.5, "seed": 3, "data_format": "channels_first"}, (2, 6, 3, 2)),
        ("SpatialDropout3D", {"rate": 0.5, "seed": 3}, (2, 3, 2, 2, 6)),
        ("SpatialDropout3D", {"rate": 0.5, "seed": 3, "data_format": "channels_first"}, (2, 6, 3, 2, 2)),
        ("GaussianDropout", {"rate": 0.3, "seed": 3}, (2, 4)),
        ("GaussianDropout", {"rate": 0}, (2, 4)),
        ("GaussianNoise", {"stddev": 0.3, "seed": 3}, (2, 4)),
        ("GaussianNoise", {"stddev": 0.3, "seed": 3, "dtype": "mixed_bfloat16"}, (2, 4)),
        ("AlphaDropout", {"rate": 0.3, "seed": 3}, (2, 4, 3)),
        ("AlphaDropout", {"rate": 0.3, "seed": 3, "noise_shape": (None, 1, 3)}, (2, 4, 3)),
        ("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, (2, 4)),
        ("ActivityRegularization", {}, (2, 4)),
    ],
)
def test_same_as_keras(kind, options, shape):
    assert_same(kind, options, shape)


@pytest.mark.parametrize("kind", ["Dropout", "GaussianDropout", "GaussianNoise", "AlphaDropout", "SpatialDropout1D"])
def test_masks_pass_through(kind):
    assert_same(kind, {"stddev" if kind == "GaussianNoise" else "rate": 0.2, "seed": 1}, (2, 4, 3), masks=[MASK])


def test_each_call_draws_anew_and_as_keras_does():
    x = np.ones((4, 5), "float32")
    ours, theirs = layers.Dropout(0.5, seed=7), keras.layers.Dropout(0.5, seed=7)
    first, second = (np.asarray(ours(x, training=True)) for _ in range(2))
    assert (first != second).any()
    for expected in (first, second):
        np.testing.assert_array_equal(theirs(x, training=True), expected)
    np.testing.assert_array_equal(ours(x), x)


def test_half_of_the_units_go():
    x = np.ones((100, 100), "float32")
    dropped = np.asarray(layers.Dropout(0.3)(x, training=True))
    assert abs((dropped == 0).mean() - 0.3) < 0.03
    np.testing.assert_allclose(dropped[dropped != 0], 1 / 0.7, rtol=1e-6)
    selu = np.asarray(layers.AlphaDropout(0.2)(jax.random.normal(jax.random.key(0), (200, 200)), training=True))
    assert abs(selu.mean()) < 0.03
    assert abs(selu.std() - 1) < 0.03


@pytest.mark.parametrize(
    ("kind", "options", "match"),
    [
        ("Dropout", {"rate": -0.1}, "rate"),
        ("Dropout", {"rate": 1.1}, "rate"),
        ("Dropout", {"rate": "0.5"}, "rate"),
        ("Dropout", {"rate": 0.5, "noise_shape": "abc"}, "noise_shape"),
        ("Dropout", {"rate": 0.5, "noise_shape": (2, 0)}, "noise_shape"),
        ("Dropout", {"rate": 0.5, "noise_shape": (2, 1.5)}, "noise_shape"),
        ("Dropout", {"rate": 0.5, "noise_shape": 3}, "noise_shape"),
        ("SpatialDropout2D", {"rate": 0.5, "data_format": "no_such"}, "data_format"),
        ("SpatialDropout1D", {"rate": 2}, "rate"),
        ("GaussianDropout", {"rate": 1.2}, "rate"),
        ("GaussianNoise", {"stddev": -1}, "stddev"),
        ("AlphaDropout", {"rate": -1}, "rate"),
    ],
)
def test_bad_options(kind, options, match):
    assert_rejected(kind, options, match=match)


def test_rates_that_leave_nothing():
    assert_rejected("GaussianDropout", {"rate": 1}, match="rate", keras_too=False)
    assert_rejected("AlphaDropout", {"rate": 1}, match="rate", keras_too=False)
    assert_rejected("SpatialDropout2D", {"rate": 0.5}, (2, 3, 4), match="ndim=4")
