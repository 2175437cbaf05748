"""Hashing and HashedCrossing, compared with what Keras returns with TensorFlow."""

import jax
import numpy as np
import pytest

from kerasish import layers
from kerasish.core.symbolic import KerasTensor
from kerasish.layers.fingerprints import farmhash64, siphash64
from tests.layers.references import assert_as_keras, assert_config_as_keras, cases, configs


@cases("Hashing", "HashedCrossing")
def test_as_keras(case):
    assert_as_keras(case)


@configs("Hashing", "HashedCrossing")
def test_config(case):
    assert_config_as_keras(case)


def test_published_values():
    # Aumasson and Bernstein, appendix A.
    key = [0x0706050403020100, 0x0F0E0D0C0B0A0908]
    assert siphash64([bytes(range(15))], key)[0] == 0xA129CA6149BE45E5
    assert farmhash64([b""])[0] == 0x9AE16A3B2F90404F
    assert farmhash64([]).shape == siphash64([], key).shape == (0,)


def test_strings_and_bytes_alike():
    layer = layers.Hashing(num_bins=1000)
    texts = ["a", "é", "日本"]
    assert layer(texts).tolist() == layer(np.array(texts)).tolist() == layer([t.encode() for t in texts]).tolist()


def test_inside_compiled_code():
    layer = layers.Hashing(num_bins=50)
    x = np.arange(6).reshape(2, 3)
    assert jax.jit(lambda x: layer(x))(x).tolist() == layer(x).tolist()
    crossing = layers.HashedCrossing(num_bins=50)
    assert jax.jit(lambda a, b: crossing([a, b]))(x[0], x[1]).tolist() == crossing([x[0], x[1]]).tolist()


def test_symbolic():
    text, number = KerasTensor((None, 1), "string"), KerasTensor((None, 1), "int64")
    assert layers.Hashing(5, output_mode="one_hot")(text).shape == (None, 5)
    assert layers.Hashing(5)(number).dtype == "int64"
    outputs = layers.HashedCrossing(7, output_mode="one_hot")([text, number])
    assert (outputs.shape, outputs.dtype) == ((None, 7), "float32")
    assert layers.HashedCrossing(7).compute_output_shape([(None, 1), (None, 1)]) == (None, 1)


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("Hashing", {"num_bins": 0}, "num_bins"),
        ("Hashing", {"num_bins": 2.5}, "num_bins"),
        ("Hashing", {"num_bins": 2, "dtype": "float32"}, "dtype"),
        ("Hashing", {"num_bins": 2, "output_mode": "bins"}, "output_mode"),
        ("Hashing", {"num_bins": 2, "salt": [1, 2, 3]}, "salt"),
        ("Hashing", {"num_bins": 2, "sparse": True, "output_mode": "count"}, "sparse"),
        ("HashedCrossing", {"num_bins": -1}, "num_bins"),
        ("HashedCrossing", {"num_bins": 2, "output_mode": "count"}, "output_mode"),
        ("HashedCrossing", {"num_bins": 2, "sparse": True}, "sparse"),
    ],
)
def test_bad_arguments(name, options, match):
    with pytest.raises(ValueError, match=match):
        getattr(layers, name)(**options)


@pytest.mark.parametrize(
    ("inputs", "match"),
    [
        ("ab", "at least two"),
        ([np.array(["a"])], "at least two"),
        ([np.array(["a"]), np.array([1, 2])], "one shape"),
        ([np.ones((2, 2), int), np.ones((2, 2), int)], "one shape"),
        ([np.array(["a"]), np.array([1.5])], "integers or strings"),
    ],
)
def test_bad_crossings(inputs, match):
    with pytest.raises(ValueError, match=match):
        layers.HashedCrossing(5)(inputs)
