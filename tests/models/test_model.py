"""Subclassed models, what all models share, and models as pure functions."""

import copy
import json
import pickle

import jax
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


def network(lib):
    class Network(lib.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.stack = lib.Sequential([lib.layers.Dense(2), lib.layers.Dense(2)])
            inputs = lib.Input((2,))
            self.graph = lib.Model(inputs, lib.layers.Dense(2)(inputs))
            self.norm = lib.layers.BatchNormalization()
            self.seen = lib.metrics.Mean(name="seen")

        def call(self, x, training=False):
            return self.norm(self.graph(self.stack(x)), training=training)

    return Network


@same
def test_paths_and_layers_of_subclasses(lib):
    model = network(lib)()
    model(X)
    inputs = lib.Input((3,))
    outer = lib.Model(inputs, model(lib.layers.Dense(3)(inputs)))
    found = [described(m.variables) for m in (model, outer)]
    names = [[layer.name for layer in m.layers] for m in (model, outer)]
    return found, names, model.name, [m.name for m in model.metrics], model.count_params(), model.get_build_config()


@same
def test_training_argument_of_subclasses(lib):
    model = network(lib)()
    model(X)
    moments = [np.asarray(v).tolist() for v in model.norm.non_trainable_variables]
    model(X, training=True)
    after = [np.asarray(v).tolist() for v in model.norm.non_trainable_variables]
    return moments, after[0] != moments[0]


@same
def test_get_layer(lib):
    x = lib.Input((3,), name="in")
    model = lib.Model(x, lib.layers.Dense(1, name="out")(lib.layers.Dense(2, name="hidden")(x)))
    found = [model.get_layer("hidden").name, model.get_layer(index=1).name, model.get_layer(name="out").name]
    errors = [
        failure(model.get_layer, *args, **kwargs)
        for args, kwargs in [((), {}), (("nothing",), {}), ((), {"index": 3}), (("hidden",), {"index": 1})]
    ]
    return found, errors


def test_get_layer_says_what_there_is():
    model = package.Sequential([package.Input((3,)), layers.Dense(2, name="hidden")])
    with pytest.raises(ValueError, match=r"no layer named 'hiden'; the layers are \['hidden'\]"):
        model.get_layer("hiden")
    with pytest.raises(ValueError, match="no layer at index 1; the model has 1 layers"):
        model.get_layer(index=1)
    with pytest.raises(ValueError, match="either a name or an index"):
        model.get_layer()


@same
def test_layers_is_reserved(lib):
    x = lib.Input((3,))

    class Bad(lib.Model):
        def __init__(self):
            super().__init__()
            self.layers = [lib.layers.Dense(1)]

    model = lib.Model(x, lib.layers.Dense(1)(x))
    return failure(Bad), failure(setattr, model, "layers", [])


@same
def test_what_has_no_graph_has_no_inputs(lib):
    class Plain(lib.Model):
        pass

    names = ("inputs", "outputs", "input_shape", "output_shape", "input", "output")
    return [failure(getattr, Plain(), name) for name in names], failure(Plain(), X), failure(Plain().count_params)


def test_a_subclass_is_built_from_a_shape_by_tracing():
    model = network(package)(name="net")
    model.build((None, 3))
    assert model.built and [v.path for v in model.stack.variables][0] == "net/sequential/dense/kernel"
    assert model.path == "net" and model.get_build_config() == {"input_shape": (None, 3)}
    again = network(package)()
    again.build_from_config(model.get_build_config())
    assert [v.shape for v in again.variables] == [v.shape for v in model.variables]
    again.build_from_config({"input_shape": (None, 7)})  # built already: nothing happens
    assert again(X).shape == (2, 2)


@same
def test_a_build_of_ones_own(lib):
    class Network(lib.Model):
        def build(self, input_shape):
            self.dense = lib.layers.Dense(2)
            self.dense.build(input_shape)
            super().build(input_shape)

        def call(self, x):
            return self.dense(x)

    model = Network()
    model(X)
    again = Network()
    again.build_from_config(model.get_build_config())
    return described(model.variables), again.built, described(again.variables)


@same
def test_masks_of_models(lib):
    class Keep(lib.Model):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def call(self, x):
            return x * 1

    steps = np.ones((1, 3, 2), "float32")
    steps[0, 1] = 0
    model = lib.Sequential([lib.layers.Masking(), Keep(), lib.layers.GlobalAveragePooling1D()])
    return np.asarray(model(steps)).tolist()


@same
def test_configs_of_subclasses(lib):
    class Network(lib.Model):
        def __init__(self, units=2, **kwargs):
            super().__init__(**kwargs)
            self.dense = lib.layers.Dense(units)

        def call(self, x):
            return self.dense(x)

        def get_config(self):
            return {"units": self.dense.units, "name": self.name}

    model = Network(3, name="mine")
    again = Network.from_config(model.get_config())
    text = json.loads(model.to_json())
    loaded = lib.models.model_from_json(model.to_json(), custom_objects={"Network": Network})
    return again.dense.units, again.name, text["config"], text["class_name"], loaded.dense.units


def test_arguments_of_subclasses_are_remembered():
    class Network(package.Model):
        def __init__(self, units, activation="relu"):
            super().__init__()
            self.dense = layers.Dense(units, activation=activation)

    model = Network(3, activation="tanh")
    config = model.get_config()
    assert (config["units"], config["activation"]) == (3, "tanh")
    assert Network.from_config(config).dense.units == 3
    with pytest.raises(ValueError, match="register_keras_serializable"):
        package.models.model_from_json(model.to_json())


def test_json_takes_the_options_of_dumps():
    model = package.Sequential([package.Input((3,)), layers.Dense(1)])
    assert model.to_json(indent=2).startswith('{\n  "')


@same
def test_compile_configs(lib):
    model = lib.Sequential([lib.Input((3,)), lib.layers.Dense(1)])
    before = model.get_compile_config()
    model.compile(
        lib.optimizers.Adam(0.125), loss={"dense": "mse"}, loss_weights={"dense": 2.0}, metrics=["mae"],
        weighted_metrics=[lib.metrics.MeanSquaredError()], run_eagerly=True, steps_per_execution=1,
    )  # fmt: skip
    config = model.get_compile_config()
    again = lib.Sequential([lib.Input((3,)), lib.layers.Dense(1)])
    again.compile_from_config(config)
    built = [v.path for v in again.optimizer.variables]
    return before, json.loads(json.dumps(config)), json.loads(json.dumps(again.get_compile_config())), built


# Pure functions


def test_functional_is_the_model_as_a_pure_function():
    model = package.Sequential([package.Input((3,)), layers.Dense(2), layers.BatchNormalization(), layers.Dropout(0.5)])
    apply, state = model.functional()
    assert sorted(state) == ["non_trainable", "trainable"]
    assert list(state["trainable"]) == [v.path for v in model.trainable_variables]
    before = model.get_weights()
    outputs, new = jax.jit(lambda state: apply(state, X, training=True))(state)
    moving = next(path for path in new["non_trainable"] if path.endswith("moving_mean"))
    assert outputs.shape == (2, 2) and (new["non_trainable"][moving] != state["non_trainable"][moving]).any()
    for old, current in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, current)
    doubled = jax.tree.map(lambda value: value * 2 if value.dtype == "float32" else value, state)
    assert (apply(doubled, X)[0] != apply(state, X)[0]).any()
    np.testing.assert_allclose(apply(state, X)[0], model(X), rtol=1e-6)
    with pytest.raises(ValueError, match="'late' is not built"):
        package.Sequential([layers.Dense(1)], name="late").functional()


def test_functional_tells_variables_of_one_path_apart():
    class Twins(package.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = (package.Variable([value], name="w") for value in (1.0, 2.0))

        def call(self, x):
            return x * self.a + self.b

    model = Twins()
    model(X)
    apply, state = model.functional()
    assert {path: float(value[0]) for path, value in state["trainable"].items()} == {"w": 1.0, "w_1": 2.0}
    np.testing.assert_array_equal(apply(state, X)[0], X + 2)


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_train_on_their_own(twin_of):
    x = package.Input((3,))
    model = package.Model(x, package.ops.relu(layers.Dense(1, kernel_initializer="ones")(x)) + 1)
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], verbose=0)
    twin = twin_of(model)
    before = model.get_weights()
    np.testing.assert_array_equal(twin(X), model(X))
    twin.fit(X, X[:, :1], verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert (twin.get_weights()[0] != before[0]).any()
    assert (int(model.optimizer.iterations), int(twin.optimizer.iterations)) == (1, 2)
