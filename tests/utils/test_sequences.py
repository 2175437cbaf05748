"""`pad_sequences` against Keras."""

import numpy as np
import pytest

from kerasish.utils import sequences

CASES = [
    ([[1], [2, 3], [4, 5, 6]], {}),
    ([[1], [2, 3], [4, 5, 6]], {"value": -1}),
    ([[1], [2, 3], [4, 5, 6]], {"padding": "post"}),
    ([[1], [2, 3], [4, 5, 6]], {"maxlen": 2}),
    ([[1], [2, 3], [4, 5, 6]], {"maxlen": 2, "truncating": "post"}),
    ([[1], [2, 3], [4, 5, 6]], {"maxlen": 5, "padding": "post", "dtype": "float32", "value": 0.5}),
    ([[], [1]], {}),
    ([[[1, 2]], [[3, 4], [5, 6]]], {"padding": "post"}),
    (np.array([[1, 2], [3, 4]]), {"maxlen": 3}),
    ([["a"], ["b", "c"]], {"dtype": object, "value": "pad"}),
]


@pytest.mark.parametrize(("data", "arguments"), CASES, ids=str)
def test_like_keras(data, arguments):
    keras = pytest.importorskip("keras")
    ours, theirs = sequences.pad_sequences(data, **arguments), keras.utils.pad_sequences(data, **arguments)
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_maxlen_zero_and_no_sequences():
    assert sequences.pad_sequences([[1, 2]], maxlen=0).shape == (1, 0)
    assert sequences.pad_sequences([]).shape == (0, 0)


@pytest.mark.parametrize(
    ("data", "arguments", "match"),
    [
        (5, {}, "sequences"),
        ([1, 2], {}, r"sequences\[0\]"),
        ([[1]], {"padding": "left"}, "padding"),
        ([[1]], {"truncating": "left"}, "truncating"),
        ([[1]], {"value": "x"}, "dtype=object"),
        ([[[1, 2]], [[3]]], {}, "shape"),
    ],
    ids=str,
)
def test_bad_input(data, arguments, match):
    with pytest.raises(ValueError, match=match):
        sequences.pad_sequences(data, **arguments)
