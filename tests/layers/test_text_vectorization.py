"""TextVectorization, compared with what Keras returns with TensorFlow."""

import re

import numpy as np
import pytest

from kerasish import layers
from kerasish.core.registry import register_keras_serializable
from kerasish.core.symbolic import KerasTensor
from tests.layers.references import assert_as_keras, assert_config_as_keras, cases, configs

TEXTS = ["Foo, bar!", "bar  baz\tfoo's", ""]


@cases("TextVectorization")
def test_as_keras(case):
    assert_as_keras(case)


@configs("TextVectorization")
def test_config(case):
    assert_config_as_keras(case)


@pytest.mark.parametrize(
    "texts",
    [TEXTS, tuple(TEXTS), np.array(TEXTS), np.array(TEXTS, dtype=object), [[text] for text in TEXTS]]
    + [[text.encode() for text in TEXTS], np.array([text.encode() for text in TEXTS])],
)
def test_kinds_of_texts(texts):
    layer = layers.TextVectorization()
    layer.adapt(texts)
    assert layer.get_vocabulary() == ["", "[UNK]", "bar", "foos", "foo", "baz"]
    assert layer(texts).tolist() == [[4, 2, 0], [2, 5, 3], [0, 0, 0]]
    assert layer(TEXTS[0]).tolist() == [4, 2]


def test_texts_that_hold_the_mark_between_texts():
    layer = layers.TextVectorization(vocabulary=["a", "\0", "b"])
    assert layer(["a \0 b", "b\0"]).tolist() == [[2, 3, 4], [1, 0, 0]]
    characters = layers.TextVectorization(vocabulary=["a", "\0"], split="character")
    assert characters(["a\0", "\0"]).tolist() == [[2, 3], [3, 0]]


@pytest.mark.parametrize("ngrams", [2**40, (2**40, 1, 2, 3)])
def test_ngrams_longer_than_any_text(ngrams):
    layer = layers.TextVectorization(ngrams=ngrams)
    layer.adapt(["a b c", "d"])
    assert set(layer.get_vocabulary()) == {"", "[UNK]", "a", "b", "c", "d", "a b", "b c", "a b c"}
    assert layer(["", "b c"]).shape == (2, 3)


@pytest.mark.parametrize("split", ["whitespace", "character", None])
@pytest.mark.parametrize("ngrams", [None, 2, (3, 1)])
@pytest.mark.parametrize("mode", ["int", "count", "tf_idf"])
def test_joined_texts_as_single_ones(split, ngrams, mode):
    """Texts that cannot be joined to one take another way, to the same results."""
    texts = [["a b a", "c"], ["b", "a c b a"]] if split is None else ["a b a c", "", "b  b a", "c"]
    layer = layers.TextVectorization(split=split, ngrams=ngrams, output_mode=mode)
    layer.adapt(texts)
    outputs = np.asarray(layer(texts))
    if split is None:
        single = np.concatenate([np.asarray(layer([row])) for row in texts])
    else:
        rows = [np.asarray(layer([text])) for text in texts]
        width = max(row.shape[1] for row in rows)
        single = np.concatenate([np.pad(row, [(0, 0), (0, width - row.shape[1])]) for row in rows])
    np.testing.assert_allclose(outputs, single, rtol=1e-6)


def test_functions_take_plain_strings():
    seen = []

    def standardize(text):
        seen.append(type(text))
        return re.sub("[0-9]", "#", text).upper()

    layer = layers.TextVectorization(standardize=standardize, split=lambda text: text.split("-"))
    layer.adapt(np.array(["a1-b", "b-C"]))
    assert set(seen) == {str}
    assert layer.get_vocabulary() == ["", "[UNK]", "B", "C", "A#"]
    assert layer(["c-b-z", b"a7"]).tolist() == [[3, 2, 1], [4, 0, 0]]


def test_functions_of_numpy():
    layer = layers.TextVectorization(standardize=np.char.upper, split=lambda text: np.array(text.split("-")))
    layer.adapt(["a-b", "b"])
    assert layer.get_vocabulary() == ["", "[UNK]", "B", "A"]


@register_keras_serializable("test_text_vectorization")
def shout(text):
    return text.upper()


def test_functions_in_configs():
    layer = layers.TextVectorization(standardize=shout, vocabulary=["A"])
    copy = layers.TextVectorization.from_config(layer.get_config())
    assert copy(["a b"]).tolist() == [[2, 1]]


def test_ragged():
    layer = layers.TextVectorization(vocabulary=["a", "b"], ragged=True, output_sequence_length=2)
    outputs = layer(["a", "b a b", ""])
    assert [row.tolist() for row in outputs] == [[2], [3, 2], []]
    assert layer(KerasTensor((None, 1), "string")).shape == (None, None)


def test_one_hot():
    outputs = layers.TextVectorization(vocabulary=["a"], output_mode="one_hot")(["a b", "a"])
    assert outputs.tolist() == [[[0, 1], [1, 0]], [[0, 1], [0, 0]]]


@pytest.mark.parametrize(
    ("options", "shape", "expected"),
    [
        ({}, (None, 1), (None, None)),
        ({}, (None,), (None, None)),
        ({"output_sequence_length": 4}, (None, 1), (None, 4)),
        ({"split": None}, (None, 3), (None, 3)),
        ({"output_mode": "count"}, (None, 1), (None, 4)),
        ({"output_mode": "one_hot"}, (None, 1), (None, None, 4)),
        ({"output_mode": "multi_hot", "pad_to_max_tokens": True, "max_tokens": 9}, (None, 1), (None, 9)),
    ],
)
def test_symbolic(options, shape, expected):
    layer = layers.TextVectorization(vocabulary=["a", "b", "c"], **options)
    assert layer(KerasTensor(shape, "string")).shape == expected
    assert layer(np.full([2 if size is None else size for size in shape], "a")).ndim == len(expected)


def test_assets(tmp_path):
    layer = layers.TextVectorization(output_mode="tf_idf")
    layer.adapt(["a b", "b"])
    store = {}
    layer.save_own_variables(store), layer.save_assets(tmp_path)
    copy = layers.TextVectorization.from_config(layer.get_config())
    copy.load_own_variables(store), copy.load_assets(tmp_path)
    np.testing.assert_allclose(copy(["a b c"]), layer(["a b c"]))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"standardize": "upper"}, "standardize"),
        ({"split": "lines"}, "split"),
        ({"ngrams": [2]}, "ngrams"),
        ({"ngrams": 0}, "ngrams"),
        ({"output_mode": "ragged"}, "output_mode"),
        ({"output_sequence_length": 2.5}, "output_sequence_length"),
        ({"output_sequence_length": 3, "output_mode": "count"}, "output_sequence_length"),
        ({"ragged": True, "output_mode": "count"}, "ragged"),
        ({"sparse": True, "output_mode": "count"}, "sparse"),
        ({"vocabulary": ["a"], "output_mode": "tf_idf"}, "idf_weights"),
        ({"max_tokens": 1}, "max_tokens"),
        ({"units": 3}, "units"),
    ],
)
def test_bad_arguments(options, match):
    with pytest.raises(ValueError, match=match):
        layers.TextVectorization(**options)


def test_bad_calls():
    layer = layers.TextVectorization(vocabulary=["a"])
    with pytest.raises(ValueError, match=r"\(batch, 1\)"):
        layer([["a", "b"]])
    with pytest.raises(TypeError, match="strings"):
        layer(np.ones(3))
    with pytest.raises(RuntimeError, match="no vocabulary"):
        layers.TextVectorization()(["a"])
    with pytest.raises(ValueError, match="nothing is to be learned"):
        layer.adapt(["a"])
