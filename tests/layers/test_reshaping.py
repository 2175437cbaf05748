"""Reshaping layers against Keras's."""

import numpy as np
import pytest

from kerasish import layers
from kerasish.core.symbolic import KerasTensor
from tests.layers.compare import assert_rejected, assert_same

LAST, FIRST = "channels_last", "channels_first"


@pytest.mark.parametrize(
    ("kind", "options", "shape", "more"),
    [
        ("Flatten", {}, (2, 3, 4), [(None, None, 3), (2, None, None)]),
        ("Flatten", {"data_format": FIRST}, (2, 3, 4, 5), []),
        ("Flatten", {}, (3,), []),
        ("Flatten", {}, (3, 1), []),
        ("Reshape", {"target_shape": (-1, 2)}, (2, 4), [(None, None), (None, 3, None)]),
        ("Reshape", {"target_shape": (2, 3)}, (2, 6), [(None, None)]),
        ("Reshape", {"target_shape": (3, -1)}, (2, 4, 3), [(None, None, 5)]),
        ("Reshape", {"target_shape": [6]}, (2, 2, 3), []),
        ("Reshape", {"target_shape": ()}, (2, 1), []),
        ("Permute", {"dims": (2, 1)}, (2, 3, 4), [(None, None, 3)]),
        ("Permute", {"dims": [3, 1, 2]}, (2, 3, 4, 5), []),
        ("RepeatVector", {"n": 3}, (2, 4), []),
        ("Cropping1D", {"cropping": (1, 2)}, (2, 6, 3), [(None, None, 3)]),
        ("Cropping1D", {"cropping": 1}, (2, 6, 3), []),
        ("Cropping1D", {}, (2, 6, 3), []),
        ("Cropping2D", {"cropping": ((1, 0), (2, 1))}, (2, 5, 6, 3), [(None, None, None, 3)]),
        ("Cropping2D", {"cropping": (1, 2), "data_format": FIRST}, (2, 3, 5, 6), []),
        ("Cropping2D", {}, (2, 5, 6, 3), []),
        ("Cropping3D", {}, (2, 4, 5, 6, 2), []),
        ("Cropping3D", {"cropping": ((1, 0), (0, 2), (0, 0)), "data_format": FIRST}, (2, 2, 4, 5, 6), []),
        ("ZeroPadding1D", {}, (2, 3, 2), [(None, None, 3)]),
        ("ZeroPadding1D", {"padding": (0, 2), "data_format": FIRST}, (2, 3, 2), []),
        ("ZeroPadding2D", {"padding": ((1, 0), (2, 1))}, (2, 3, 4, 2), [(None, None, 4, 3)]),
        ("ZeroPadding2D", {"padding": (1, 2), "data_format": FIRST}, (2, 2, 3, 4), []),
        ("ZeroPadding2D", {}, (2, 3, 4, 2), []),
        ("ZeroPadding3D", {}, (1, 2, 2, 3, 2), []),
        ("ZeroPadding3D", {"padding": (1, 0, 2), "data_format": FIRST}, (1, 2, 2, 2, 3), []),
        ("UpSampling1D", {}, (2, 3, 2), [(None, None, 2)]),
        ("UpSampling1D", {"size": 3}, (2, 3, 2), []),
        ("UpSampling2D", {}, (2, 3, 2, 2), [(None, None, None, 2)]),
        ("UpSampling2D", {"size": (1, 3), "data_format": FIRST}, (2, 2, 3, 2), []),
        ("UpSampling2D", {"size": (2, 3), "interpolation": "bilinear"}, (2, 3, 4, 2), [(None, None, 4, 2)]),
        ("UpSampling2D", {"interpolation": "bicubic", "data_format": FIRST}, (2, 2, 3, 4), []),
        ("UpSampling2D", {"interpolation": "lanczos3"}, (1, 3, 4, 1), []),
        ("UpSampling3D", {}, (1, 2, 3, 2, 2), []),
        ("UpSampling3D", {"size": (1, 2, 3), "data_format": FIRST}, (1, 2, 2, 3, 2), []),
    ],
)
def test_same_as_keras(kind, options, shape, more):
    assert_same(kind, options, shape, symbolic=more or True, training=[None])


def test_dtypes():
    assert_same("Reshape", {"target_shape": (2, 2)}, np.arange(8).reshape(2, 4), training=[None])
    assert_same("Flatten", {"dtype": "mixed_bfloat16"}, (2, 3, 4), training=[None])
    assert_same("UpSampling2D", {"interpolation": "bilinear", "dtype": "mixed_bfloat16"}, (2, 3, 2, 1), training=[None])
    assert layers.Reshape((2, 2))(KerasTensor((None, 4), "int32")).dtype == "int32"


def test_sizes_stay_known_with_unknown_batch():
    assert layers.Reshape((-1, 2))(KerasTensor((None, 4))).shape == (None, 2, 2)
    assert layers.Reshape((11, -1))(KerasTensor((None, None))).shape == (None, 11, None)
    assert layers.Flatten()(KerasTensor((None, 7, 11))).shape == (None, 77)
    assert layers.Reshape((-1, 2)).compute_output_shape((None, 4)) == (None, 2, 2)
    assert layers.Cropping1D(70)(KerasTensor((None, None, 3))).shape == (None, None, 3)


@pytest.mark.parametrize(
    ("kind", "options", "inputs", "match"),
    [
        ("Reshape", {"target_shape": (-1, -1)}, (), "target_shape"),
        ("Reshape", {"target_shape": (-2, 3)}, (), "target_shape"),
        ("Reshape", {"target_shape": (3,)}, (None, 4), "target_shape"),
        ("Reshape", {"target_shape": (-1, 3)}, (2, 4), "target_shape"),
        ("Permute", {"dims": (0, 1)}, (), "dims"),
        ("Permute", {"dims": (2, 2)}, (), "dims"),
        ("Permute", {"dims": (2, 1)}, (2, 3), "ndim=3"),
        ("RepeatVector", {"n": 0}, (), "n"),
        ("RepeatVector", {"n": 1.5}, (), "n"),
        ("RepeatVector", {"n": 2}, (2, 3, 4), "ndim=2"),
        ("Cropping1D", {"cropping": -1}, (), "cropping"),
        ("Cropping1D", {"cropping": (1, 2, 3)}, (), "cropping"),
        ("Cropping1D", {"cropping": (2, 3)}, (2, 5, 3), "cropping"),
        ("Cropping1D", {"cropping": (2, 3)}, (None, 5, 3), "cropping"),
        ("Cropping2D", {"cropping": (1, 2, 3)}, (), "cropping"),
        ("Cropping2D", {"cropping": "12"}, (), "cropping"),
        ("Cropping2D", {"cropping": 3}, (None, 6, 9, 3), "cropping"),
        ("Cropping3D", {"cropping": 2}, (2, 3, 9, 9, 3), "cropping"),
        ("ZeroPadding1D", {"padding": (1, -1)}, (), "padding"),
        ("ZeroPadding2D", {"padding": ((1, 2), (3, -4))}, (), "padding"),
        ("ZeroPadding2D", {"padding": (1, 2, 3)}, (), "padding"),
        ("ZeroPadding2D", {"data_format": "no_such"}, (), "data_format"),
        ("UpSampling1D", {"size": 0}, (), "size"),
        ("UpSampling1D", {"size": 2.0}, (), "size"),
        ("UpSampling2D", {"size": 0}, (), "size"),
        ("UpSampling2D", {"interpolation": "no_such"}, (2, 3, 3, 1), "interpolation"),
        ("Flatten", {"data_format": "no_such"}, (), "data_format"),
    ],
)
def test_bad_options(kind, options, inputs, match):
    assert_rejected(kind, options, *([inputs] if inputs else []), match=match)
