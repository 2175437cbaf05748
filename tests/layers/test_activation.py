"""Activation layers against Keras's."""

import numpy as np
import pytest

from kerasish import activations, layers
from tests.layers.compare import assert_rejected, assert_same, keras


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("Activation", {"activation": "tanh"}),
        ("Activation", {"activation": None}),
        ("ReLU", {}),
        ("ReLU", {"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.5}),
        ("ReLU", {"max_value": 6}),
        ("LeakyReLU", {}),
        ("LeakyReLU", {"negative_slope": 0.1}),
        ("ELU", {}),
        ("ELU", {"alpha": 0.5}),
        ("PReLU", {}),
        (
            "PReLU",
            {"shared_axes": [1], "alpha_initializer": "ones", "alpha_regularizer": "l2", "alpha_constraint": "non_neg"},
        ),
        ("PReLU", {"shared_axes": 2}),
        ("Softmax", {}),
        ("Softmax", {"axis": 1}),
        ("Softmax", {"axis": (1, 2)}),
        ("Softmax", {"axis": [-1]}),
    ],
)
@pytest.mark.parametrize("dtype", [None, "mixed_bfloat16"])
def test_same_as_keras(kind, options, dtype):
    assert_same(kind, options | ({"dtype": dtype} if dtype else {}), (2, 4, 3), training=[None])


def test_masks_pass_through():
    mask = np.array([[1, 1, 0, 0], [0, 1, 0, 1]], bool)
    for kind in ("ReLU", "LeakyReLU", "ELU", "PReLU"):
        assert_same(kind, {}, (2, 4, 3), masks=[mask], training=[None])
    assert_same("Softmax", {}, (2, 4), masks=[mask], training=[None])


@pytest.mark.parametrize(
    "mask",
    [
        np.array([[1, 1, 0], [0, 1, 0]], bool),
        np.array([[1.0, 1.0, 0.0]], "float32"),
        np.array([0, 1, 1]),
        np.array([[0, 0, 0], [0, 1, 1]], bool),
    ],
)
@pytest.mark.parametrize("axis", [-1, (0, 1)])
def test_softmax_with_mask(mask, axis):
    assert_same("Softmax", {"axis": axis}, (2, 3), call_options={"mask": mask}, training=[None], symbolic=False)


def test_functions_of_ones_own():
    def twice(x):
        return x * 2

    assert_same(lambda lib: lib.layers.Activation(twice), None, (2, 3), training=[None], config=False)
    assert layers.Activation("relu").activation is activations.relu


def test_prelu_with_unknown_sizes():
    assert_same("PReLU", {"shared_axes": [1]}, (2, 4, 3), symbolic=[(None, None, 3)], training=[None])


def test_former_name_of_the_slope():
    with pytest.warns(DeprecationWarning, match="negative_slope"):
        layer = layers.LeakyReLU(alpha=0.2)
    assert layer.negative_slope == 0.2
    assert layers.LeakyReLU.from_config(keras.layers.LeakyReLU(0.2).get_config()).negative_slope == 0.2


@pytest.mark.parametrize(
    ("kind", "options", "inputs", "match"),
    [
        ("Activation", {"activation": "no_such"}, (), "activation"),
        ("ReLU", {"max_value": -1}, (), "max_value"),
        ("ReLU", {"negative_slope": -1}, (), "negative_slope"),
        ("ReLU", {"negative_slope": None}, (), "negative_slope"),
        ("ReLU", {"threshold": None}, (), "threshold"),
        ("LeakyReLU", {"negative_slope": -0.1}, (), "negative_slope"),
        ("LeakyReLU", {"negative_slope": None}, (), "negative_slope"),
        ("PReLU", {}, (None, None, 3), "shared_axes"),
        ("PReLU", {"shared_axes": [5]}, (2, 4, 3), "shared_axes"),
    ],
)
def test_bad_options(kind, options, inputs, match):
    keras_too = options != {"shared_axes": [5]}  # there it is an IndexError
    assert_rejected(kind, options, *([inputs] if inputs else []), match=match, keras_too=keras_too)


def test_bad_masks():
    def softmax(mask):
        return lambda lib: lambda x: lib.layers.Softmax()(x, mask=mask)

    assert_rejected(softmax(np.ones((2, 2, 3), bool)), None, (2, 3), match="broadcast")
    assert_rejected(softmax(np.ones((2, 2), bool)), None, (2, 3), match="broadcast")
