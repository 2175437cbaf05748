"""StringLookup and IntegerLookup, compared with what Keras returns with TensorFlow."""

import jax
import numpy as np
import pytest

from kerasish import layers
from kerasish.core.symbolic import KerasTensor
from tests.layers.references import assert_as_keras, assert_config_as_keras, cases, configs


@cases("StringLookup", "IntegerLookup")
def test_as_keras(case):
    assert_as_keras(case)


@configs("StringLookup", "IntegerLookup")
def test_config(case):
    assert_config_as_keras(case)


@pytest.mark.parametrize(
    "inputs",
    [
        ["b", "x"],
        np.array(["b", "x"]),
        np.array([b"b", b"x"]),
        np.array(["b", b"x"], dtype=object),
        ("b", np.str_("x")),
    ],
)
def test_kinds_of_strings(inputs):
    outputs = layers.StringLookup(vocabulary=np.array(["a", "b"]))(inputs)
    assert isinstance(outputs, jax.Array)
    assert outputs.tolist() == [2, 0]


@pytest.mark.parametrize("batches", [lambda: iter([["a", "b"], ["b"]]), lambda: (np.array([x]) for x in "abb")])
def test_adapt_on_batches(batches):
    layer = layers.StringLookup()
    layer.adapt(batches())
    assert layer.get_vocabulary() == ["[UNK]", "b", "a"]
    layer.adapt(batches(), steps=1)
    assert layer.get_vocabulary()[1] in "ba"
    assert layer.vocabulary_size() == 1 + len(set(next(iter(batches()))))


def test_adapt_forgets():
    layer = layers.IntegerLookup()
    layer.adapt([3, 3, 4])
    layer.adapt(np.array([5]))
    assert layer.get_vocabulary() == [-1, 5]
    assert layer.get_vocabulary(include_special_tokens=False) == [5]


@pytest.mark.parametrize("limit", [2, 3, 5, 9])
def test_most_frequent_are_kept(limit):
    layer = layers.IntegerLookup(max_tokens=limit)
    layer.adapt([1, 2, 2, 3, 3, 4, 5, 5, 5, 6])
    assert layer.get_vocabulary() == [-1, 5, 3, 2, 6, 4, 1][:limit]


def test_large_integers():
    forward = layers.IntegerLookup(vocabulary=[2**40, -(2**40), 7])
    indices = forward(np.array([2**40, -(2**40), 2**41]))
    assert indices.tolist() == [1, 2, 0]
    assert layers.IntegerLookup(vocabulary=[2**40, -(2**40), 7], invert=True)(indices).tolist() == [2**40, -(2**40), -1]


def test_inverse_returns_strings():
    outputs = layers.StringLookup(vocabulary=["a", "bc"], invert=True)(np.array([[2, 0]]))
    assert isinstance(outputs, np.ndarray)
    assert outputs.tolist() == [["bc", "[UNK]"]]


def test_vocabulary_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("x\r\né\n\ny".encode())
    layer = layers.StringLookup(vocabulary=str(path))
    assert layer.get_vocabulary() == ["[UNK]", "x", "é", "", "y"]
    assert layer.get_config()["vocabulary"] is None
    layers.StringLookup().set_vocabulary(path)
    with pytest.raises(ValueError, match="does not exist"):
        layers.StringLookup(vocabulary=str(tmp_path / "none.txt"))


@pytest.mark.parametrize("name", ["StringLookup", "IntegerLookup", "TextVectorization"])
def test_configs_open_no_files(name, tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text("1\n2")
    config = getattr(layers, name)().get_config() | {"vocabulary": str(path)}
    with pytest.raises(ValueError, match="never opened"):
        getattr(layers, name).from_config(config)


@pytest.mark.parametrize("mode", ["int", "tf_idf"])
def test_assets(mode, tmp_path):
    layer = layers.StringLookup(output_mode=mode, mask_token="")
    layer.adapt([["é", "b"], ["b", ""], ["\x0b\u2028", "c"]])
    store = {}
    layer.save_own_variables(store), layer.save_assets(tmp_path)
    copy = layers.StringLookup.from_config(layer.get_config())
    copy.load_own_variables(store), copy.load_assets(tmp_path)
    assert copy.get_vocabulary() == layer.get_vocabulary()
    np.testing.assert_allclose(copy([["b", "x"]]), layer([["b", "x"]]))


def test_assets_hold_no_line_breaks(tmp_path):
    layer = layers.StringLookup()
    layer.adapt(["a\nb"])
    with pytest.raises(ValueError, match="line breaks"):
        layer.save_assets(tmp_path)


def test_inside_compiled_code():
    layer = layers.IntegerLookup(vocabulary=[3, 5], output_mode="one_hot")
    assert jax.jit(lambda x: layer(x))(np.array([5, 9])).tolist() == [[0, 0, 1], [1, 0, 0]]
    with pytest.raises(ValueError, match="strings"):
        jax.jit(layers.StringLookup(vocabulary=["a"], invert=True))(np.array([1]))


@pytest.mark.parametrize(
    ("mode", "shape", "expected", "dtype"),
    [
        ("int", (None, 4), (None, 4), "int64"),
        ("one_hot", (None, 1), (None, 3), "int64"),
        ("one_hot", (None, 4), (None, 4, 3), "int64"),
        ("multi_hot", (None, 4), (None, 3), "int64"),
        ("tf_idf", (2, None), (2, 3), "float32"),
    ],
)
def test_symbolic(mode, shape, expected, dtype):
    weights = [0.1, 0.2] if mode == "tf_idf" else None
    layer = layers.StringLookup(vocabulary=["a", "b"], output_mode=mode, idf_weights=weights)
    outputs = layer(KerasTensor(shape, "string"))
    assert (outputs.shape, outputs.dtype) == (expected, dtype)
    assert layer.compute_output_shape(shape) == expected


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("StringLookup", {"max_tokens": 1}, "max_tokens"),
        ("StringLookup", {"num_oov_indices": -1}, "num_oov_indices"),
        ("StringLookup", {"output_mode": "ragged"}, "output_mode"),
        ("StringLookup", {"invert": True, "output_mode": "count"}, "invert"),
        ("StringLookup", {"sparse": True, "output_mode": "count"}, "sparse"),
        ("StringLookup", {"pad_to_max_tokens": True}, "max_tokens"),
        ("StringLookup", {"idf_weights": [1.0]}, "idf_weights"),
        ("StringLookup", {"vocabulary": ["a"], "output_mode": "tf_idf"}, "idf_weights"),
        ("StringLookup", {"vocabulary": ["a", "b", "a"]}, "repeat"),
        ("StringLookup", {"vocabulary": []}, "empty"),
        ("StringLookup", {"vocabulary": ["a", ""], "mask_token": ""}, "mask_token"),
        ("StringLookup", {"vocabulary": ["a", "[UNK]"], "invert": True}, "oov_token"),
        ("StringLookup", {"vocabulary": ["a", "b"], "max_tokens": 2}, "max_tokens"),
        ("StringLookup", {"vocabulary": [["a"], ["b"]]}, "one axis"),
        ("StringLookup", {"mask_token": 0}, "mask_token"),
        ("StringLookup", {"salt": "x"}, "salt"),
        ("StringLookup", {"units": 3}, "units"),
        ("IntegerLookup", {"salt": 3}, "oov_method"),
        ("IntegerLookup", {"oov_method": "md5"}, "oov_method"),
        ("IntegerLookup", {"vocabulary_dtype": "int32"}, "vocabulary_dtype"),
        ("IntegerLookup", {"vocabulary": ["a"]}, "integers"),
        ("IntegerLookup", {"oov_token": 1.5}, "oov_token"),
    ],
)
def test_bad_arguments(name, options, match):
    with pytest.raises(ValueError, match=match):
        getattr(layers, name)(**options)


def test_bad_calls():
    layer = layers.StringLookup(vocabulary=["a", "b"], num_oov_indices=0)
    with pytest.raises(ValueError, match="num_oov_indices=0.*'z'"):
        layer(["a", "z"])
    with pytest.raises(ValueError, match="nothing is to be learned"):
        layer.adapt(["a"])
    with pytest.raises(TypeError, match="expected strings"):
        layer(np.array([1, 2]))
    with pytest.raises(TypeError, match="None"):
        layer(np.array(["a", None], dtype=object))
    with pytest.raises(ValueError, match="differ in length"):
        layer([["a"], ["a", "b"]])
    with pytest.raises(RuntimeError, match="no vocabulary"):
        layers.StringLookup()(["a"])
    with pytest.raises(TypeError, match="adapt"):
        layers.StringLookup().adapt("text")
    with pytest.raises(TypeError, match="integers"):
        layers.IntegerLookup(vocabulary=[1])(["a"])


def test_size_of_outputs_stays():
    layer = layers.StringLookup(vocabulary=["a", "b"], output_mode="count")
    layer.set_vocabulary(["c", "d"])
    with pytest.raises(RuntimeError, match="size 3"):
        layer.set_vocabulary(["c", "d", "e"])
