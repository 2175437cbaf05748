"""clone_model with all its arguments."""

import numpy as np
import pytest

import kerasish as package
from kerasish import layers
from kerasish.models import clone_model
from tests.layers.scenarios import assert_same_in_both, described, failure
from tests.models import graphs

X = np.ones((2, 4), "float32")


def same(scenario):
    """Turn a scenario into a test that it gives the same with Keras and kerasish."""

    def test():
        assert_same_in_both(scenario)

    test.__name__ = scenario.__name__
    return test


@pytest.mark.parametrize(
    "make",
    [
        graphs.operators, graphs.dicts, graphs.nests, graphs.shared_layer, graphs.model_in_model,
        graphs.options_of_inputs, graphs.unbuilt_sequential, graphs.deferred_sequential, graphs.sequential_of_models,
        graphs.compiled, graphs.from_input_and_intermediate,
    ],
    ids=lambda make: make.__name__,
)  # fmt: skip
def test_clones_have_new_layers_of_the_same_kind(make):
    def scenario(lib):
        model = make(lib)
        clone = lib.models.clone_model(model)
        fresh = not {id(layer) for layer in model.layers} & {id(layer) for layer in clone.layers}
        config = clone.get_config()
        names = [layer["config"]["name"] for layer in config["layers"] if layer["class_name"] != "InputLayer"]
        return (
            fresh,
            type(clone).__name__ == type(model).__name__,
            clone.name,
            names,
            described(clone.variables),
            (
                clone.trainable,
                bool(clone.compiled),
            ),
        )

    assert_same_in_both(scenario)


@same
def test_clone_function(lib):
    model = lib.Sequential([lib.Input((4,)), lib.layers.Dense(2), lib.layers.Dropout(0.5)])
    seen = []

    def clone(layer):
        seen.append(layer.name)
        config = layer.get_config()
        if "rate" in config:
            config["rate"] = 0.25
        return type(layer).from_config(config)

    functional = graphs.model_in_model(lib)
    rates = [layer.rate for layer in lib.models.clone_model(model, clone_function=clone).layers[1:]]
    lib.models.clone_model(functional, clone_function=clone)
    flat = list(seen)
    seen.clear()
    lib.models.clone_model(functional, clone_function=clone, recursive=True)
    return rates, flat, seen


@same
def test_call_function(lib):
    x = lib.Input((4,))
    model = lib.Model(x, lib.layers.Dense(2)(lib.layers.Dense(3)(x)))

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        return lib.layers.Dropout(0.5)(outputs) if isinstance(layer, lib.layers.Dense) else outputs

    clone = lib.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
    shared = [layer in model.layers for layer in clone.layers]
    return [type(layer).__name__ for layer in clone.layers], shared


@same
def test_input_tensors(lib):
    x, y = lib.Input((4,), name="new"), lib.Input((4,), batch_size=3)
    model = graphs.shared_layer(lib)
    clone = lib.models.clone_model(model, input_tensors=y)
    stack = lib.models.clone_model(lib.Sequential([lib.Input((4,)), lib.layers.Dense(2)]), input_tensors=x)
    return [tuple(t.shape) for t in clone.outputs], [tuple(t.shape) for t in stack.outputs], clone.input is y


def test_subclasses_are_made_again_from_their_arguments():
    class Network(package.Model):
        def __init__(self, units):
            super().__init__()
            self.dense = layers.Dense(units)

        def call(self, x):
            return self.dense(x)

    model = Network(3)
    clone = clone_model(model)
    assert type(clone) is Network and clone.dense.units == 3 and clone.dense is not model.dense
    for options in ({"clone_function": lambda x: x}, {"call_function": lambda *a: a}, {"input_tensors": [1]}):
        with pytest.raises(ValueError, match="subclass with its own `call`"):
            clone_model(model, **options)


def test_subclasses_of_functional_models_keep_their_class_where_it_takes_a_graph():
    class Named(package.Model):
        pass

    class Fixed(package.Model):
        def __init__(self, units):
            x = package.Input((4,))
            super().__init__(x, layers.Dense(units)(x))

    x = package.Input((4,))
    assert type(clone_model(Named(x, layers.Dense(1)(x)))) is Named
    clone = clone_model(Fixed(2))
    assert type(clone) is package.Model and clone.output_shape == (None, 2)


@same
def test_errors(lib):
    stack, graph = graphs.deferred_sequential(lib), graphs.shared_layer(lib)
    calls = [
        lambda: lib.models.clone_model(stack, call_function=lambda layer, *args: layer(*args)),
        lambda: lib.models.clone_model(stack, input_tensors=[lib.Input((4,)), lib.Input((4,))]),
        lambda: lib.models.clone_model(stack, input_tensors=X),
        lambda: lib.models.clone_model(graph, input_tensors=X),
        lambda: lib.models.clone_model(graph, input_tensors=[lib.Input((4,)), lib.Input((4,))]),
        lambda: lib.models.clone_model(graph, unknown=1),
    ]
    return [failure(call) for call in calls]


def test_only_models_can_be_cloned():
    with pytest.raises(ValueError, match="expected a Model, received"):
        clone_model(layers.Dense(1))


def test_layers_shared_by_inner_models_stay_shared():
    dense = layers.Dense(4)
    inner = [package.Sequential([package.Input((4,)), dense], name=name) for name in ("a", "b")]
    x = package.Input((4,))
    clone = clone_model(package.Model(x, inner[1](inner[0](x))), recursive=True)
    assert len(clone.weights) == 2


def test_clones_compute_the_same_with_the_same_weights():
    model = graphs.model_in_model(package)
    clone = clone_model(model)
    assert any((a != b).any() for a, b in zip(model.get_weights(), clone.get_weights(), strict=True))
    clone.set_weights(model.get_weights())
    for a, b in zip(model(X), clone(X), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
