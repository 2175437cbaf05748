"""Convolutional LSTMs, compared with Keras's."""

import numpy as np
import pytest

from kerasish import layers, models
from tests.layers.compare import assert_rejected, assert_same, make_pair

SHAPES = {"ConvLSTM1D": (2, 3, 6, 2), "ConvLSTM2D": (2, 3, 5, 4, 2), "ConvLSTM3D": (1, 2, 3, 4, 3, 2)}
SMALL = {"filters": 2, "kernel_size": 2, "recurrent_initializer": "glorot_uniform", "seed": 1}


@pytest.mark.parametrize("name", SHAPES)
def test_layers(name):
    options = {"return_sequences": True, "return_state": True}
    assert_same(name, SMALL | options, SHAPES[name], training=(False,), config=name == "ConvLSTM1D")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ConvLSTM1D", {"padding": "same", "strides": 2, "go_backwards": True, "return_sequences": True}),
        ("ConvLSTM2D", {"kernel_size": (2, 1), "dilation_rate": (2, 1), "use_bias": False}),
        ("ConvLSTM1D", {"unit_forget_bias": False, "unroll": True, "bias_initializer": "ones"}),
        ("ConvLSTM2D", {"padding": "same", "dtype": "mixed_bfloat16"}),
    ],
)
def test_options(name, options):
    tolerance = 5e-2 if "dtype" in options else None
    assert_same(name, SMALL | options, SHAPES[name], training=(False,), tolerance=tolerance)


def test_all_options():
    options = {
        "activation": "relu",
        "recurrent_activation": "hard_sigmoid",
        "kernel_initializer": "he_normal",
        "kernel_regularizer": "l2",
        "recurrent_regularizer": "l2",
        "bias_regularizer": "l2",
        "activity_regularizer": "l2",
        "kernel_constraint": "non_neg",
        "recurrent_constraint": "max_norm",
        "bias_constraint": "non_neg",
        "name": "recurrent",
    }
    assert_same("ConvLSTM1D", SMALL | options, SHAPES["ConvLSTM1D"], training=(None,))


def test_dropout():
    options = {"dropout": 0.3, "recurrent_dropout": 0.4}
    assert_same("ConvLSTM1D", SMALL | options, SHAPES["ConvLSTM1D"], training=(True,))


def test_channels_first_is_the_same_computation():
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 4, 2)).astype("float32")
    last = layers.ConvLSTM2D(3, 2, return_sequences=True)
    expected = last(x)
    first = layers.ConvLSTM2D(3, 2, return_sequences=True, data_format="channels_first")
    first.build((None, 3, 2, 5, 4))
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(np.moveaxis(first(np.moveaxis(x, -1, 2)), 2, -1), expected, atol=1e-6)


def test_stateful():
    x = np.random.default_rng(0).normal(size=(2, 2, 5, 1)).astype("float32")
    theirs, ours = make_pair("ConvLSTM1D", SMALL | {"stateful": True})
    for layer in (theirs, ours):
        layer.build(x.shape)
    ours.set_weights(theirs.get_weights())
    for _ in range(2):
        np.testing.assert_allclose(ours(x), theirs(x), atol=1e-6)
    ours.reset_state()
    assert not np.any(ours.states[0])


def test_initial_state():
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 1)).astype("float32")
    layer = layers.ConvLSTM1D(2, 2, return_state=True)
    whole, *_ = layer(x)
    _, *states = layer(x[:, :2])
    np.testing.assert_allclose(layer(x[:, 2:], initial_state=states)[0], whole, atol=1e-6)


def test_masked_steps_are_left_out():
    """Keras refuses masks here."""
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 1)).astype("float32")
    layer = layers.ConvLSTM1D(2, 2)
    masked = layer(x, mask=np.array([[True, True, False], [True, False, True]]))
    np.testing.assert_allclose(masked[0], layer(x[:1, :2])[0], atol=1e-6)
    np.testing.assert_allclose(masked[1], layer(x[1:, ::2])[0], atol=1e-6)


def test_in_a_model():
    model = models.Sequential([layers.Input((3, 5, 5, 1)), layers.ConvLSTM2D(2, 3, return_sequences=True)])
    assert model.output_shape == (None, 3, 3, 3, 2)
    assert model.predict(np.ones((2, 3, 5, 5, 1)), verbose=0).shape == (2, 3, 3, 3, 2)


@pytest.mark.parametrize(
    ("options", "shape", "match"),
    [
        ({"filters": 0}, SHAPES["ConvLSTM2D"], "filters"),
        ({"kernel_size": (1, 2, 3)}, SHAPES["ConvLSTM2D"], "kernel_size"),
        ({"padding": "causal"}, SHAPES["ConvLSTM2D"], "padding"),
        ({"strides": 2, "dilation_rate": 2}, SHAPES["ConvLSTM2D"], "strides"),
        ({"kernel_size": 9}, SHAPES["ConvLSTM2D"], "empty"),
        ({}, (2, 3, 4), "ndim"),
        ({}, (None, 3, None, 4, 2), "spatial"),
    ],
)
def test_refused(options, shape, match):
    assert_rejected("ConvLSTM2D", SMALL | options, shape, match=match, keras_too=False)
