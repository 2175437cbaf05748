"""Models of which a part runs on the host: the same results divided, nested, compiled and called on data."""

import jax
import numpy as np
import pytest

from kerasish import Input, Model, Sequential, layers, ops
from kerasish.models.host_part import HostValues

TEXTS = np.array(["a b c", "b", "c c d"])
NUMBERS = np.arange(6.0).reshape(3, 2).astype("float32")
WORDS = ["a", "b", "c"]


def text_model():
    text, numbers = Input((1,), dtype="string", name="text"), Input((2,), name="numbers")
    vectors = layers.TextVectorization(vocabulary=WORDS, output_mode="count")(text)
    joined = layers.Concatenate()([vectors, ops.log(numbers + 1)])
    return Model({"text": text, "numbers": numbers}, {"out": layers.Dense(2)(joined), "vectors": vectors})


def assert_divided_as_whole(model, inputs):
    values = model._graph.on_host(inputs)
    assert isinstance(values, HostValues)
    whole, divided = model(inputs), jax.jit(lambda x: model(x))(values)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), whole, divided)
    return whole


def test_several_inputs_and_outputs():
    outputs = assert_divided_as_whole(text_model(), {"text": TEXTS, "numbers": NUMBERS})
    assert outputs["vectors"].tolist() == [[0, 1, 1, 1], [0, 0, 1, 0], [1, 0, 0, 2]]


@pytest.mark.parametrize("text", [TEXTS, TEXTS[:, None], TEXTS.tolist(), TEXTS.astype("S"), TEXTS.astype(object)])
def test_kinds_of_texts(text):
    model = text_model()
    expected = model({"text": TEXTS, "numbers": NUMBERS})["out"]
    np.testing.assert_array_equal(model({"text": text, "numbers": NUMBERS.tolist()})["out"], expected)
    np.testing.assert_array_equal(model.predict({"text": text, "numbers": NUMBERS}, verbose=0)["out"], expected)


def test_models_inside_models():
    inner = Sequential(
        [Input((1,), dtype="string"), layers.TextVectorization(vocabulary=WORDS, output_mode="count"), layers.Dense(4)]
    )
    text, numbers = Input((1,), dtype="string"), Input((2,))
    joined = layers.Concatenate()([inner(text), numbers, inner(text)])
    model = Model([text, numbers], layers.Dense(1)(joined))
    assert model.output_shape == (None, 1)
    assert_divided_as_whole(model, [TEXTS, NUMBERS])
    outer = Sequential([Input((1,), dtype="string"), inner, layers.Dense(3)])
    assert_divided_as_whole(outer, TEXTS)


def test_layers_before_and_after_those_of_the_host():
    numbers = Input((2,))
    dense = layers.Dense(2, kernel_initializer="ones")(numbers)
    hashed = layers.Hashing(num_bins=7, output_mode="one_hot")(dense)
    rounded = layers.IntegerLookup(vocabulary=[1, 9], output_mode="multi_hot")(layers.Hashing(num_bins=10)(numbers))
    model = Model(numbers, [hashed, layers.Dense(3)(rounded), dense])
    assert_divided_as_whole(model, NUMBERS)


def test_large_integers_reach_the_layer():
    ids = np.array([[2**40], [2**40 + 2**32], [5]])
    numbers = Input((1,), dtype="int64")
    model = Model(numbers, layers.IntegerLookup(vocabulary=[2**40, 5])(numbers))
    assert model(ids).tolist() == model.predict(ids, verbose=0).tolist() == [[1], [0], [2]]


def test_shared_by_two_calls():
    first, second = Input((1,), dtype="string"), Input((1,), dtype="string")
    lookup = layers.StringLookup(vocabulary=WORDS, output_mode="one_hot")
    model = Model([first, second], layers.Concatenate()([lookup(first), lookup(second)]))
    assert assert_divided_as_whole(model, [np.array(["a"]), np.array(["z"])]).tolist() == [[0, 1, 0, 0, 1, 0, 0, 0]]


@pytest.mark.parametrize("data", [["b", "a"], np.array(["b", "a"]), np.array([["b"], ["a"]])])
@pytest.mark.parametrize("first", [lambda: layers.StringLookup(vocabulary=WORDS), lambda: layers.Hashing(num_bins=4)])
def test_sequential_without_input(first, data):
    layer = first()
    model = Sequential([layer, layers.Embedding(4, 3), layers.Flatten(), layers.Dense(2)])
    assert model(data).shape == (2, 2)
    assert model._graph.inputs[0].dtype == "string"
    assert_divided_as_whole(model, data)


def test_strings_in_outputs():
    numbers = Input((2,), dtype="int32")
    model = Model(numbers, layers.StringLookup(vocabulary=WORDS, invert=True)(numbers))
    assert model(np.array([[1, 3]])).tolist() == [["a", "c"]]
    with pytest.raises(ValueError, match="strings"):
        model.predict(np.array([[1, 3]]), verbose=0)


def test_wrong_inputs():
    model = text_model()
    with pytest.raises(ValueError, match="numbers"):
        model({"text": TEXTS})
    with pytest.raises(ValueError, match="incompatible"):
        model({"text": np.array([["a", "b"]]), "numbers": NUMBERS})
