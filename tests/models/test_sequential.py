"""Sequential models: adding, popping, building early and late, and what goes wrong."""

import numpy as np
import pytest

import kerasish as package
from kerasish import layers
from tests.layers.scenarios import assert_same_in_both, described, failure

X = np.arange(1.0, 7.0, dtype="float32").reshape(2, 3)


def same(scenario):
    """Turn a scenario into a test that it gives the same with Keras and kerasish."""

    def test():
        assert_same_in_both(scenario)

    test.__name__ = scenario.__name__
    return test


@same
def test_adding_and_popping(lib):
    model = lib.Sequential(name="stack")
    states = []

    def note():
        states.append((model.built, [layer.name for layer in model.layers], described(model.variables)))

    for layer in (lib.Input((3,)), lib.layers.Dense(2), lib.layers.Dense(4)):
        model.add(layer)
        note()
    popped = model.pop()
    note()
    model.add(lib.layers.Dense(1, kernel_initializer="ones"))
    note()
    return states, popped.name, model.output_shape, tuple(model(X).shape)


@same
def test_names_of_models_made_later(lib):
    for _ in range(2):
        lib.Sequential([lib.Input((3,)), lib.layers.Dense(2), lib.layers.Dense(2)])
    model = lib.Sequential()
    for layer in (lib.Input((3,)), lib.layers.Dense(2), lib.layers.Dense(2)):
        model.add(layer)
    model.pop()
    deferred = lib.Sequential([lib.layers.Dense(2)])
    deferred.build((None, 3))
    x = lib.Input((3,))
    return lib.Model(x, deferred(x)).name, lib.Sequential().name, deferred.name


@same
def test_building_on_the_first_call(lib):
    model = lib.Sequential([lib.layers.Dense(2), lib.layers.Dense(1)])
    before = (
        model.built,
        len(model.weights),
        [failure(getattr, model, n) for n in ("inputs", "outputs", "input_shape")],
    )
    model(X)
    again = lib.Sequential([lib.layers.Dense(2)])
    again.build((None, 3))
    repeated = failure(again.build, (None, 4))
    return before, model.built, described(model.variables), described(again.variables), repeated


@same
def test_shapes_given_to_the_first_layer(lib):
    models = [lib.Sequential([lib.layers.Dense(2, **options)]) for options in ({"input_shape": (3,)}, {"input_dim": 3})]
    return [(m.built, m.input_shape, m.output_shape, len(m.layers)) for m in models]


@same
def test_inputs_of_other_kinds(lib):
    model = lib.Sequential([lib.Input((2,), dtype="int32", batch_size=2), lib.layers.Embedding(5, 2)])
    return model.input_shape, model.input_dtype, tuple(model(np.ones((2, 2))).shape), lib.Sequential().input_dtype


@same
def test_models_inside(lib):
    inner = lib.Sequential([lib.Input((3,)), lib.layers.Dense(2)], name="inner")
    outer = lib.Sequential([inner, lib.layers.Dense(1)], name="outer")
    alone = lib.Sequential([inner])
    state = (outer.built, alone.built)
    alone(X)
    return state, described(outer.variables), described(alone.variables), [layer.name for layer in outer.layers]


@same
def test_training_and_masks(lib):
    seen = []

    class Spy(lib.layers.Layer):
        def call(self, x, training=None):
            seen.append(training)
            return x

    steps = np.ones((1, 3, 2), "float32")
    steps[0, 1] = 0
    model = lib.Sequential([lib.layers.Masking(), lib.layers.SimpleRNN(1, kernel_initializer="ones")])
    outputs = [np.asarray(model(x)).round(5).tolist() for x in (steps, steps[:, [0, 2]])]
    spies = lib.Sequential([Spy(), Spy()])
    for training in (None, True, False):
        spies(X, training=training)
    return outputs, seen[-6:]


@same
def test_nested_inputs_run_layer_by_layer(lib):
    class Sum(lib.layers.Layer):
        def call(self, xs):
            return xs[0] + xs[1]["a"]

    model = lib.Sequential([Sum(), lib.layers.Dense(1, kernel_initializer="ones")])
    outputs = model([X, {"a": X}])
    return np.asarray(outputs).tolist(), model.built, len(model.weights)


@same
def test_a_last_layer_with_several_outputs(lib):
    model = lib.Sequential([lib.Input((4, 3)), lib.layers.LSTM(2, return_state=True)])
    return [tuple(y.shape) for y in model(np.ones((1, 4, 3)))], [tuple(t.shape) for t in model.outputs]


@same
def test_compute_output_shape(lib):
    unbuilt = lib.Sequential([lib.layers.Dense(2), lib.layers.Dense(5)])
    built = lib.Sequential([lib.Input((3,)), lib.layers.Dense(2)])
    return unbuilt.compute_output_shape((None, 3)), unbuilt.built, built.compute_output_shape((7, 3))


@same
def test_errors(lib):
    dense = lib.layers.Dense(2, name="d")
    calls = [
        lambda: lib.Sequential([3]),
        lambda: lib.Sequential(["dense"]),
        lambda: lib.Sequential([dense, lib.layers.Dense(2, name="d")]),
        lambda: lib.Sequential([lib.Input((3,)), lib.Input((3,))]),
        lambda: lib.Sequential().build((None, 3)),
        lambda: lib.Sequential()(X),
        lambda: lib.Sequential([lib.Input((3,)), lib.layers.Dense(2)]).build((None, 4)),
        lambda: lib.Sequential([lib.Input((3,)), lib.layers.Dense(2)])(np.ones((2, 4))),
        lambda: setattr(lib.Sequential(), "layers", []),
        lambda: lib.Sequential.from_config({"layers": []}),
        lambda: lib.Sequential([lib.Input((3,)), lib.layers.Conv2D(1, 1)]),
    ]
    return [failure(call) for call in calls]


def test_error_texts():
    with pytest.raises(ValueError, match="Only layers can be added.*received 3"):
        package.Sequential([3])
    with pytest.raises(ValueError, match="already has a layer named 'd'"):
        package.Sequential([layers.Dense(2, name="d"), layers.Dense(2, name="d")])
    with pytest.raises(ValueError, match="has no layers to pop"):
        package.Sequential([package.Input((3,))]).pop()
    with pytest.raises(ValueError, match="must come first"):
        package.Sequential([layers.Dense(2), package.Input((3,))])


def test_a_layer_that_does_not_fit_leaves_the_model_as_it_was():
    model = package.Sequential([package.Input((3,)), layers.Dense(2)])
    with pytest.raises(ValueError, match="conv"):
        model.add(layers.Conv2D(1, 1, name="conv"))
    assert len(model.layers) == 1 and model(X).shape == (2, 2)
    late = package.Sequential([layers.Dense(2), layers.Conv2D(1, 1)])
    for _ in range(2):
        with pytest.raises(ValueError, match="conv2d"):
            late(X)
    assert len(late.layers) == 2


def test_the_same_layer_may_come_twice():
    dense = layers.Dense(3)
    model = package.Sequential([package.Input((3,)), dense, dense])
    assert len(model.weights) == 2
    np.testing.assert_allclose(model(X), dense(dense(X)), rtol=1e-5)
    model.pop()
    np.testing.assert_allclose(model(X), dense(X), rtol=1e-6)


def test_frozen_models_keep_what_is_frozen_when_saved():
    model = package.Sequential([package.Input((3,)), layers.Dense(2), layers.Dense(1)])
    model.trainable = False
    model.layers[1].trainable = True
    again = package.Sequential.from_config(model.get_config())
    assert [layer.trainable for layer in (again, *again.layers)] == [False, False, True]
