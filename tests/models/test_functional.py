"""Functional models: what they compute, and that their configs are those of Keras, both ways."""

import json

import numpy as np
import pytest

import kerasish as package
from kerasish.core import naming
from kerasish.layers import Dense, Input
from tests.layers.scenarios import assert_same_in_both, described, failure, keras, kerasish
from tests.models import graphs
from tests.models.test_layer_order import random_graph

X = np.arange(1.0, 9.0, dtype="float32").reshape(2, 4)


def same(scenario):
    """Turn a scenario into a test that it gives the same with Keras and kerasish."""

    def test():
        assert_same_in_both(scenario)

    test.__name__ = scenario.__name__
    return test


def fresh_names():
    keras.backend.clear_session(free_memory=False)
    naming.reset_names()


# Configs


@pytest.mark.parametrize("make", graphs.MODELS, ids=lambda make: make.__name__)
def test_configs_are_those_of_keras_and_load_both_ways(make):
    texts, variables = [], []
    for library in (keras, kerasish):
        fresh_names()
        texts.append(make(library).to_json())
    expected, actual = map(json.loads, texts)
    assert actual == expected
    for library in (keras, kerasish):
        fresh_names()
        again = library.models.model_from_json(texts[0])
        assert json.loads(again.to_json()) == expected
        variables.append(described(again.variables))
    assert variables[1] == variables[0]


@pytest.mark.parametrize("seed", range(8))
def test_random_graphs(seed):
    """Configs, the order of weights and the outputs of random graphs are those of Keras."""
    models = []
    for library in (keras, kerasish):
        fresh_names()
        models.append(random_graph(library, seed))
    theirs, ours = models
    assert json.loads(ours.to_json()) == json.loads(theirs.to_json())
    fresh_names()
    loaded = package.models.model_from_json(theirs.to_json())
    weights = [np.cos(np.arange(w.size) + i).reshape(w.shape) / 2 for i, w in enumerate(theirs.get_weights())]
    data = [X, X[::-1] / 8]
    expected = [model.set_weights(weights) or model(data) for model in (theirs, ours, loaded)]
    for outputs in expected[1:]:
        for mine, wanted in zip(outputs, expected[0], strict=True):
            np.testing.assert_allclose(mine, wanted, rtol=1e-4, atol=1e-5)


def test_a_graph_of_a_subclass_with_a_constructor_of_its_own():
    class Named(package.Model):
        def __init__(self, units):
            inputs = Input((4,))
            super().__init__(inputs=inputs, outputs=Dense(units)(inputs))

    model = Named(3)
    assert model.get_config()["units"] == 3 and "layers" not in model.get_config()
    assert Named.from_config(model.get_config()).output_shape == (None, 3)

    class Plain(package.Model):
        pass

    inputs = Input((4,))
    again = Plain.from_config(Plain(inputs, Dense(2)(inputs)).get_config())
    assert type(again) is Plain and again.output_shape == (None, 2)


def test_frozen_layers_stay_as_they_were():
    inputs = Input((4,))
    model = package.Model(inputs, Dense(2, name="b")(Dense(3, name="a")(inputs)))
    model.trainable = False
    model.get_layer("b").trainable = True
    again = package.Model.from_config(model.get_config())
    assert not again.trainable and not again.get_layer("a").trainable and again.get_layer("b").trainable


def test_a_saved_default_does_not_silence_training():
    """Keras writes `training: false` for layers whose `call` has that default."""
    fresh_names()
    inputs = keras.Input((4,))
    text = keras.Model(inputs, keras.layers.GaussianNoise(1.0)(inputs)).to_json()
    assert '"training": false' in text
    model = package.models.model_from_json(text)
    assert (model(X, training=True) != X).any() and (model(X) == X).all()


def test_an_explicit_training_argument_holds():
    inputs = Input((4,))
    model = package.Model(inputs, package.layers.Dropout(0.5, seed=1)(inputs, training=True))
    for training in (None, False, True):
        assert (np.asarray(model(X, training=training)) == 0).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["layers"][1].update(inbound_nodes=[]), "does not hold|out of range|no call"),
        (lambda c: c["layers"].pop(0), "does not hold"),
        (lambda c: c["output_layers"].__setitem__(0, "other"), "does not hold"),
        (lambda c: c["layers"][1].update(module="keras.src.ops.numpy", class_name="Nothing"), "Nothing"),
        (lambda c: c["layers"][1].update(module="mine", class_name="Mine", registered_name="Mine"), "Mine"),
        (
            lambda c: c["layers"][1]["inbound_nodes"][0]["args"][0]["config"].update(keras_history=["dense", 0, 0]),
            "loops",
        ),
    ],
)
def test_damaged_configs(change, message):
    inputs = Input((4,))
    config = json.loads(json.dumps(package.Model(inputs, Dense(3, name="dense")(inputs)).get_config()))
    change(config)
    with pytest.raises((ValueError, IndexError, TypeError), match=message):
        package.Model.from_config(config)


# Computing


@pytest.mark.parametrize("make", [graphs.operators, graphs.ops_with_options, graphs.activations])
def test_values_of_graphs_of_ops(make):
    results = []
    for library in (keras, kerasish):
        model = make(library)
        results.append([np.asarray(y, "float32") for y in model([X, X + 1] if len(model.inputs) == 2 else X)])
    for expected, actual in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


@same
def test_structures_of_inputs_and_outputs(lib):
    def shapes(part):
        return lib.tree.map_structure(lambda x: tuple(x.shape), part)

    a, b, c = np.ones((2, 2), "float32"), np.ones((2, 3), "float32"), np.ones((2, 1), "float32")
    by_name, nested = graphs.dicts(lib), graphs.nests(lib)
    outputs = [by_name({"a": b, "b": a}), nested([a, (b, {"z": c})]), graphs.shared_layer(lib)(X)]
    single = lib.Model([x := lib.Input((4,))], [x * 2])
    outputs += [single(X), single([X])]
    attributes = [
        (shapes(m.input), shapes(m.output), shapes(m.inputs), shapes(m.outputs), m.input_shape, m.output_shape)
        for m in (by_name, nested)
    ]
    return [shapes(y) for y in outputs], attributes, by_name.output_names


@same
def test_inputs_are_cast_and_ranks_adjusted(lib):
    class Kind(lib.layers.Layer):
        def call(self, x):
            return x

    inputs, flat = lib.Input((4,)), lib.Input(())
    model = lib.Model(inputs, Kind()(inputs))
    scalars = lib.Model(flat, Kind()(flat))
    column = lib.Model(c := lib.Input((1,)), Kind()(c))
    outputs = [model(X.astype("float64")), model(X.astype("int32")), scalars(np.ones((2, 1))), column(np.ones(2))]
    errors = [failure(model, np.ones((2, 5))), failure(model, np.ones((2, 4, 4))), failure(model, [X, X])]
    return [(tuple(y.shape), str(y.dtype)) for y in outputs], errors


@same
def test_dicts_of_inputs(lib):
    a, b = lib.Input((4,), name="a"), lib.Input((4,), name="b")
    model = lib.Model([a, b], a - b)
    outputs = model({"b": X, "a": 3 * X, "unused": X})
    return np.asarray(outputs).tolist(), failure(model, {"a": X}), failure(model, X)


@same
def test_optional_inputs(lib):
    class Add(lib.layers.Layer):
        def call(self, x, y=None):
            return x if y is None else x + y

    a, b = lib.Input((4,)), lib.Input((4,), optional=True)
    model = lib.Model([a, b], Add()(a, b))
    return np.asarray(model([X, None])).tolist(), np.asarray(model([X, X])).tolist(), failure(model, [None, X])


@same
def test_shared_layers_and_models_share_weights(lib):
    model = graphs.model_in_model(lib)
    again = lib.Model(model.input, lib.layers.Dense(1)(model.layers[1](model.input)))
    return described(model.variables), described(again.variables), [layer.name for layer in model.layers]


def test_layers_with_several_outputs_none_and_dicts():
    class Split(package.layers.Layer):
        def call(self, x):
            return {"left": x[:, :2], "right": (x[:, 2:], None)}

    inputs = Input((4,))
    parts = Split()(inputs)
    model = package.Model(inputs, [parts["right"][0], parts["left"]])
    right, left = model(X)
    np.testing.assert_array_equal(np.concatenate([left, right], 1), X)


@same
def test_models_from_inner_tensors(lib):
    x = lib.Input((4,))
    a, b = lib.layers.Dense(3, kernel_initializer="ones"), lib.layers.Dense(2, kernel_initializer="ones")
    y = a(x)
    z = b(lib.ops.relu(y))
    lower, upper, whole = lib.Model(x, y), lib.Model(y, z), lib.Model(x, z)
    same_layers = upper.layers[-1] is b and lower.layers[-1] is a
    values = [np.asarray(model).tolist() for model in (lower(X), upper(lower(X)), whole(X))]
    return values, same_layers, upper.count_params(), [layer.name for layer in upper.layers]


@same
def test_training_reaches_layers_that_are_called_in_graphs(lib):
    inputs = lib.Input((4,))
    model = lib.Model(inputs, lib.layers.BatchNormalization()(lib.layers.Dropout(0.5, seed=1)(inputs)))
    found = [np.asarray(model(X, training=False)).round(4).tolist()]
    model(X, training=True)
    return found, [np.asarray(v).shape for v in model.non_trainable_variables], model.count_params()


@same
def test_masks_run_through_graphs(lib):
    inputs = lib.Input((3,), dtype="int32")
    embedded = lib.layers.Embedding(5, 2, mask_zero=True, embeddings_initializer="ones")(inputs)
    summed = lib.layers.LSTM(2, kernel_initializer="ones", recurrent_initializer="ones")(embedded)
    model = lib.Model(inputs, [summed, lib.layers.GlobalAveragePooling1D()(embedded)])
    return [np.asarray(y).round(5).tolist() for y in model(np.array([[1, 2, 0], [1, 0, 0]]))]


# Errors


@same
def test_errors(lib):
    x, y = lib.Input((4,)), lib.Input((4,))
    dense = lib.layers.Dense(2, name="same")
    calls = [
        lambda: lib.Model(X, dense(x)),
        lambda: lib.Model(x, X),
        lambda: lib.Model(x, dense(y)),
        lambda: lib.Model(x, lib.layers.Dense(2, name="same")(lib.layers.Dense(2, name="same")(x))),
        lambda: lib.Model([x, x], dense(x)),
        lambda: lib.Model(x, [dense(x), y + 1]),
    ]
    return [failure(call) for call in calls]


def test_error_texts():
    x = Input((4,), name="x")
    with pytest.raises(ValueError, match="must be symbolic tensors"):
        package.Model(X, x)
    with pytest.raises(ValueError, match="not made from the model's inputs"):
        package.Model(x, Input((4,)) * 2)
    with pytest.raises(ValueError, match="'same' is used 2 times"):
        package.Model(x, Dense(2, name="same")(Dense(2, name="same")(x)))
    model = package.Model([x, y := Input((4,), name="y")], x + y)
    with pytest.raises(ValueError, match=r"Missing data for inputs \['y'\]"):
        model({"x": X})
    with pytest.raises(ValueError, match="2 input"):
        model(X)
    with pytest.raises(ValueError, match="incompatible"):
        model([X, np.ones((2, 5))])
