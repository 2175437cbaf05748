"""Pooling layers against Keras's."""

import numpy as np
import pytest

from tests.layers.compare import assert_rejected, assert_same

SIZES = {1: (7,), 2: (7, 6), 3: (5, 4, 6)}


def shape(rank, data_format, batch=2, channels=3):
    return (batch, *SIZES[rank], channels) if data_format != "channels_first" else (batch, channels, *SIZES[rank])


@pytest.mark.parametrize("kind", ["MaxPooling", "AveragePooling"])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("draw", range(2))
def test_pooling(kind, rank, draw):
    rng = np.random.default_rng([draw, rank, len(kind)])
    data_format = rng.choice(["channels_last", "channels_first"])
    options = {
        "pool_size": int(rng.integers(1, 4)) if draw else tuple(int(n) for n in rng.integers(1, 4, rank)),
        "strides": [None, int(rng.integers(1, 4))][int(rng.integers(2))],
        "padding": str(rng.choice(["valid", "same"])),
        "data_format": str(data_format),
    }
    assert_same(f"{kind}{rank}D", options, shape(rank, data_format))


@pytest.mark.parametrize(
    ("rank", "unknown"), [(1, (None, None, 3)), (2, (None, None, 6, 3)), (3, (2, None, 4, None, 3))]
)
def test_unknown_sizes(rank, unknown):
    options = {"pool_size": 2, "strides": 2, "padding": "same"}
    assert_same(f"MaxPooling{rank}D", options, shape(rank, None), symbolic=[unknown], gradients=False, training=[None])
    assert_same(f"GlobalMaxPooling{rank}D", {}, shape(rank, None), symbolic=[unknown], gradients=False, training=[None])


def test_defaults_and_half_precision():
    assert_same("MaxPooling2D", {}, (2, 4, 5, 3))
    assert_same("AveragePooling1D", {"pool_size": 2, "dtype": "mixed_bfloat16"}, (2, 5, 3))
    assert_same("MaxPooling1D", {"pool_size": 2}, np.arange(12).reshape(1, 6, 2), gradients=False)


@pytest.mark.parametrize("kind", ["GlobalMaxPooling", "GlobalAveragePooling"])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("options", [{}, {"data_format": "channels_first", "keepdims": True}])
def test_global_pooling(kind, rank, options):
    assert_same(f"{kind}{rank}D", options, shape(rank, options.get("data_format")))


@pytest.mark.parametrize("options", [{}, {"data_format": "channels_first"}, {"keepdims": True}])
def test_global_average_with_mask(options):
    mask = np.array([[1, 1, 0, 0, 1, 0, 1], [0, 1, 0, 0, 0, 0, 0]], bool)
    assert_same("GlobalAveragePooling1D", options, shape(1, options.get("data_format")), masks=[mask])


@pytest.mark.parametrize("kind", ["AdaptiveMaxPooling", "AdaptiveAveragePooling"])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_adaptive_pooling(kind, rank, data_format):
    options = {"output_size": 3 if data_format == "channels_last" else (3, 4, 2)[:rank], "data_format": data_format}
    assert_same(f"{kind}{rank}D", options, shape(rank, data_format))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"pool_size": 0}, "pool_size"),
        ({"pool_size": -1}, "pool_size"),
        ({"pool_size": 1.5}, "pool_size"),
        ({"pool_size": (2, 2, 2)}, "pool_size"),
        ({"pool_size": "2"}, "pool_size"),
        ({"strides": -1}, "strides"),
        ({"data_format": "channels_middle"}, "data_format"),
        ({"padding": "full"}, "padding"),
        ({"pool_size": 9}, "pool_size"),
    ],
)
def test_bad_options(options, match):
    assert_rejected("MaxPooling2D", options, (None, 6, 6, 3), match=match)
    # Called on data, Keras returns an empty array where the window is larger than the inputs.
    assert_rejected("MaxPooling2D", options, (2, 6, 6, 3), match=match, keras_too=options != {"pool_size": 9})


def test_bad_inputs():
    assert_rejected("MaxPooling2D", {}, (2, 6, 6), match="ndim=4")
    assert_rejected("AdaptiveMaxPooling2D", {"output_size": 0}, (2, 6, 6, 3), match="output_size", keras_too=False)
    assert_rejected("GlobalMaxPooling1D", {"data_format": 3}, match="data_format", keras_too=False)
