"""The Layer class: custom layers written for Keras do the same here, unchanged."""

import copy
import inspect
import pickle
import pydoc
import sys
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish
from kerasish import layers
from kerasish.core.masks import get_mask, set_mask
from tests.layers.scenarios import assert_same_in_both, described, failure, numbers

X = np.ones((2, 3), "float32")


def same(scenario):
    """Turn a scenario into a test that it gives the same with Keras and kerasish."""

    def test():
        assert_same_in_both(scenario)

    test.__name__ = scenario.__name__
    return test


def mask_functions(lib):
    if lib is kerasish or lib.__class__.__name__ == "_Kerasish":
        return get_mask, set_mask
    return lib.src.backend.get_keras_mask, lib.src.backend.set_keras_mask


# Weights


@same
def test_all_ways_to_make_weights(lib):
    class Layer(lib.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.a = self.add_weight(shape=(2,), name="a")
            self.b = self.add_weight((2,), "zeros", trainable=False, name="b")
            self.c = self.add_weight(name="c")
            self.d = self.add_weight(shape=(1,), dtype="int32", name="d")
            self.e = self.add_variable((1,), "ones", name="e")

        def build(self, input_shape):
            self.kernel = self.add_weight(
                shape=(input_shape[-1], 2), initializer="ones", regularizer="l2", constraint="non_neg", name="kernel"
            )
            self.raw = lib.Variable(np.zeros(2), name="raw")

        def call(self, x):
            return x @ self.kernel

    layer = Layer()
    layer(X)
    kinds = [type(layer.kernel.regularizer).__name__, type(layer.kernel.constraint).__name__]
    groups = [described(getattr(layer, name)) for name in ("variables", "trainable_weights", "non_trainable_variables")]
    return groups, kinds, layer.path, layer.built, layer.count_params(), numbers(layer.losses), layer.get_build_config()


@same
def test_sublayers_in_lists_dicts_and_nests(lib):
    class Block(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.steps = [lib.layers.Dense(2), {"x": lib.layers.Dense(2)}]
            self.pair = (lib.layers.Dense(2),)
            self.deep = [[lib.layers.Dense(2)]]

        def call(self, x):
            for dense in [self.steps[0], self.steps[1]["x"], self.pair[0], self.deep[0][0]]:
                x = dense(x)
            return x

    block = Block()
    block(X)
    model = lib.Sequential([lib.Input((3,)), Block(), Block()])
    return described(block.variables), described(model.variables), block.path


@same
def test_a_variable_that_is_assigned_in_call(lib):
    class Counter(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.count = lib.Variable(0, trainable=False, dtype="int32", name="count")

        def call(self, x):
            self.count.assign_add(1)
            return x

    counter = Counter()
    counter(X)
    counter(X)
    lib.Sequential([lib.Input((3,)), counter])  # inference of shapes does not count
    return int(np.asarray(counter.count)), described(counter.variables)


@same
def test_freezing(lib):
    class Block(lib.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = lib.layers.Dense(2)
            self.norm = lib.layers.BatchNormalization()

        def call(self, x):
            return self.norm(self.dense(x))

    class Scale(lib.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.scale = self.add_weight(shape=(1,), name="scale")

        def call(self, x):
            return x * self.scale

    block = Block(trainable=False)
    block(X)
    found = [described(block.variables), len(block.trainable_variables)]
    block.trainable = True
    block.dense.trainable = False
    found.append([v.path for v in block.trainable_variables])
    frozen = [lib.layers.Dense(3, trainable=False), Scale(trainable=False)]
    return found, [v.path for v in lib.Sequential([lib.Input((3,)), *frozen, lib.layers.Dense(1)]).trainable_variables]


@same
def test_metrics_and_random_generators_are_found(lib):
    class Layer(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.seen = lib.metrics.Mean(name="seen")
            self.seeds = lib.random.SeedGenerator(3)

        def call(self, x):
            self.seen.update_state(x)
            return x

    layer = Layer()
    layer(X)
    variables = [layer.metrics_variables, layer.variables, layer.weights, layer.non_trainable_variables]
    return [[v.path for v in group] for group in variables], [metric.name for metric in layer.metrics]


@same
def test_get_and_set_weights(lib):
    layer = lib.layers.Dense(2)
    layer.build((None, 3))
    layer.set_weights([np.full((3, 2), 2.0), np.ones(2)])
    found = [weight.tolist() for weight in layer.get_weights()]
    bad = [[np.ones((3, 2))], [np.ones((2, 2)), np.ones(2)], [np.zeros((3, 2)), np.ones(3)]]
    errors = [failure(layer.set_weights, weights) for weights in bad]
    return found, errors, layer.get_weights()[1].tolist()


def test_weights_are_set_all_or_none():
    layer = layers.Dense(2, name="d")
    layer.build((None, 3))
    before = layer.get_weights()
    with pytest.raises(ValueError, match=r"weight 'd/bias' of layer 'd' has shape \(2,\), received \(3,\)"):
        layer.set_weights([np.zeros((3, 2)), np.ones(3)])
    np.testing.assert_array_equal(layer.get_weights()[0], before[0])


@same
def test_own_variables_in_a_store(lib):
    layer, other = lib.layers.Dense(2), lib.layers.Dense(2)
    layer.build((None, 3))
    other.build((None, 3))
    store = {}
    layer.save_own_variables(store)
    other.load_own_variables(store)
    equal = bool((other.get_weights()[0] == layer.get_weights()[0]).all())
    return sorted(store), equal, failure(lib.layers.Dense(2).load_own_variables, store)


def test_paths_do_not_confuse_layers_with_similar_names():
    class Inner(layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(1,), name="w")

    class Outer(layers.Layer):
        def build(self, input_shape):
            self.inner = Inner(name="dense")
            self.other = Inner(name=self.name)
            for layer in (self.inner, self.other):
                layer.build(input_shape)

    outer = Outer(name="my_dense")
    outer.build((None, 3))
    assert [w.path for w in outer.weights] == ["my_dense/dense/w", "my_dense/my_dense/w"]
    assert outer.inner.path == "my_dense/dense"


# Building


@same
def test_build_with_super(lib):
    class Layer(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = lib.layers.Dense(2)

        def build(self, input_shape):
            self.dense.build(input_shape)
            super().build(input_shape)

        def call(self, x):
            return self.dense(x)

    layer = Layer()
    layer.build((None, 3))
    states = (layer.built, layer.dense.built, layer.get_build_config(), layer.path)
    again = Layer()
    again.build_from_config(layer.get_build_config())
    return states, described(layer.variables), described(again.variables)


@same
def test_build_gets_the_shapes_of_all_arguments(lib):
    seen = []

    class Two(lib.layers.Layer):
        def build(self, a_shape, b_shape):
            seen.append((a_shape, b_shape))

        def call(self, a, b):
            return a + b

    class Nested(lib.layers.Layer):
        def build(self, input_shape):
            seen.append(input_shape)

        def call(self, inputs):
            return inputs["a"] + inputs["b"][0]

    class First(lib.layers.Layer):
        def build(self, input_shape):
            seen.append(input_shape)

        def call(self, x, y):
            return [x, y]

    two, nested = Two(), Nested()
    two(X, b=X)
    Two()(lib.Input((3,)), lib.Input((3,)))
    nested({"a": X, "b": [X]})
    First()(X, X)
    First()([X, X], y=X)
    configs = [two.get_build_config(), nested.get_build_config()]
    two = Two()
    two.build_from_config(configs[0])
    return seen, configs


def test_parameters_of_build_must_be_named_after_those_of_call():
    class Layer(layers.Layer):
        def build(self, left_shape, right_shape):
            pass

        def call(self, a, b):
            return a

    with pytest.raises(ValueError, match=r"\['left_shape', 'right_shape'\].*\['a_shape', 'b_shape'\]"):
        Layer()(X, X)


def test_build_and_call_may_be_mixed_in():
    class Mixin:
        def build(self, input_shape):
            self.w = self.add_weight(shape=(1,), initializer="ones", name="w")

        def call(self, x, training=None):
            return x * self.w * (2 if training else 1)

    class Layer(Mixin, layers.Layer):
        pass

    layer = Layer(name="mixed")
    assert float(layer(X, training=True)[0, 0]) == 2 and layer.w.path == "mixed/w" and layer.built
    assert layer.get_build_config() == {"input_shape": (2, 3)}


def test_a_layer_without_build_knows_its_shape_and_is_not_built_from_it():
    class Layer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    layer = Layer()
    layer(X)
    assert layer.get_build_config() == {"input_shape": (2, 3)} and layer.path == "layer"
    again = Layer()
    again.build_from_config(layer.get_build_config())
    assert not again.dense.built
    again(X)
    assert again.dense.kernel.path == "layer_1/dense_1/kernel"


# Calling


@same
def test_training_and_masks_reach_nested_layers(lib):
    seen = []

    class Inner(lib.layers.Layer):
        def call(self, x, training=None, mask=None):
            seen.append((training, None if mask is None else np.asarray(mask).tolist()))
            return x

    class ByDefault(lib.layers.Layer):
        def call(self, x, training=True):
            seen.append(training)
            return x

    class Outer(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True
            self.inner, self.by_default = Inner(), ByDefault()

        def call(self, x):
            return self.by_default(self.inner(x))

    outer = Outer()
    for options in ({}, {"training": True}, {"training": False}):
        outer(X, **options)
    Inner()(X)
    ByDefault()(X)
    steps = np.ones((2, 2, 3), "float32")
    steps[0, 1] = 0
    masked = lib.Sequential([lib.layers.Masking(), outer])
    masked(steps, training=True)
    masked(steps)
    inputs = lib.Input((3,))
    model = lib.Model(inputs, outer(inputs))
    seen.clear()
    model(X, training=True)
    model(X)
    return seen


@same
def test_several_arguments_and_their_masks(lib):
    seen = []

    class Two(lib.layers.Layer):
        def call(self, a, b=None, *, scale=1.0, a_mask=None, b_mask=None):
            seen.append((a_mask is not None, b_mask is not None, scale))
            return a * scale if b is None else a * scale + b

    _, set_one = mask_functions(lib)
    a, b = jnp.ones((2, 4)), jnp.ones((2, 4))
    set_one(b, jnp.ones((2,), bool))
    two = Two()
    outputs = [two(a, b=b, scale=2.0), two(a, b), two(a)]
    return seen, [np.asarray(x).tolist() for x in outputs]


@same
def test_masks_are_passed_on_changed_or_dropped(lib):
    get_one, set_one = mask_functions(lib)

    class Keep(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def call(self, x):
            return x * 1

    class Drop(lib.layers.Layer):
        def call(self, x):
            return x * 1

    class Invert(lib.layers.Layer):
        def call(self, x):
            return [x[:, :1], x * 2]

        def compute_mask(self, inputs, mask=None):
            return [None if mask is None else ~mask, None]

    x = jnp.ones((2, 3))
    set_one(x, jnp.asarray([True, False]))
    first, second = Invert()(x)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dropped = Drop()(x)
    found = [get_one(t) for t in (Keep()(x), dropped, first, second, Keep()(jnp.ones(2)))]
    layers = [layer.supports_masking for layer in (Keep(), Drop(), Invert())]
    return (
        [None if m is None else np.asarray(m).tolist() for m in found],
        layers,
        ["Drop" in str(w.message) for w in caught],
    )


@same
def test_unusual_signatures(lib):
    class Keywords(lib.layers.Layer):
        def call(self, x, **kwargs):
            return x * kwargs.get("factor", 1)

    class Positional(lib.layers.Layer):
        def call(self, *tensors):
            return tensors[0] + tensors[1]

    class Optional(lib.layers.Layer):
        def call(self, x=None, y=None):
            return y if x is None else x

    eager = [Keywords()(X, factor=3.0), Positional()(X, X), Optional()(y=X), Optional()(None, X)]
    x, y = lib.Input((3,)), lib.Input((3,))
    shapes = [tuple(t.shape) for t in (Positional()(x, y), Optional()(x=x), Keywords()(x))]
    return [np.asarray(t).tolist() for t in eager], shapes, Optional()(None) is None


@same
def test_kinds_of_inputs(lib):
    class Kind(lib.layers.Layer):
        def call(self, x):
            return x

    layer = Kind()
    inputs = [X, X.tolist() and X.astype("float64"), X.astype("int64"), jnp.ones(2, "float16"), lib.Variable([1.0])]
    return [str(layer(x).dtype) for x in inputs] + [str(t.dtype) for t in layer([X, {"a": X.astype("int32")}])[:1]]


@same
def test_mixed_precision_in_nested_layers(lib):
    class Outer(lib.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = lib.layers.Dense(2)
            self.w = self.add_weight(shape=(3,), name="w")
            self.fixed = self.add_weight(shape=(3,), autocast=False, name="fixed")

        def call(self, x):
            return [str(t.dtype) for t in (x, self.w.value, self.fixed.value, self.dense(x))]

    outer = Outer(dtype="mixed_bfloat16")
    kinds = [outer(X), Outer(dtype="float16")(X), Outer(autocast=False)(X.astype("float16")), outer(X.astype("int32"))]
    layer = lib.layers.Dense(2, dtype="mixed_float16")
    dtypes = [str(layer(X).dtype), layer.kernel.dtype, layer.compute_dtype, layer.variable_dtype, layer.dtype]
    return kinds, dtypes, layer.input_dtype


@same
def test_losses(lib):
    class Penalty(lib.layers.Layer):
        def call(self, x, training=None):
            self.add_loss(lib.ops.sum(x) * (2.0 if training else 1.0))
            self.add_loss([lib.ops.sum(x * 0 + 1)])
            return x

    class Outer(lib.layers.Layer):
        def __init__(self):
            super().__init__(activity_regularizer=lib.regularizers.L2(0.1))
            self.penalty = Penalty()
            self.dense = lib.layers.Dense(2, kernel_regularizer="l1", kernel_initializer="ones")

        def call(self, x):
            return self.dense(self.penalty(self.penalty(x)))

    outer = Outer()
    outer(X, training=True)
    found = [numbers(outer.losses)]
    outer(X)
    found += [numbers(outer.losses), numbers(outer.penalty.losses)]
    outer.dense.trainable = False
    return found, len(outer.losses)


def test_losses_inside_a_scope_stay_there():
    layer = layers.Dense(2, activity_regularizer="l2", kernel_initializer="ones")
    layer(X)
    before = numbers(layer.losses)
    with kerasish.StatelessScope():
        layer(2 * X)
        assert numbers(layer.losses) == pytest.approx([4 * before[0]])
        layer(3 * X)
        assert numbers(layer.losses) == pytest.approx([9 * before[0]])  # those of the last call alone
    assert numbers(layer.losses) == before
    values = [v.value for v in layer.trainable_variables]
    losses = jax.jit(lambda v: layer.stateless_call(v, [], 2 * X, return_losses=True)[2])(values)
    assert numbers(losses) == pytest.approx([4 * before[0]]) and numbers(layer.losses) == before


@same
def test_stateless_call(lib):
    layer = lib.layers.BatchNormalization()
    layer.build((None, 3))
    trainable = [np.full(v.shape, 2.0, "float32") for v in layer.trainable_variables]
    others = [np.full(v.shape, 3.0, "float32") for v in layer.non_trainable_variables]
    x = np.arange(6.0, dtype="float32").reshape(2, 3)
    outputs, new = layer.stateless_call(trainable, others, x, training=True)
    untouched = [np.asarray(v).tolist() for v in layer.variables]
    errors = [
        failure(layer.stateless_call, trainable[:1], others, x),
        failure(layer.stateless_call, trainable, [], x),
        failure(lib.layers.Dense(1).stateless_call, [], [], x),
    ]
    return numbers(np.ravel(outputs)), [numbers(v) for v in new], untouched, errors


# Symbolic calls


@same
def test_output_shapes_of_ones_own(lib):
    class Shape(lib.layers.Layer):
        def compute_output_shape(self, input_shape):
            return (input_shape[0], 7)

        def call(self, x):
            raise RuntimeError("never traced")

    class Shapes(lib.layers.Layer):
        def compute_output_shape(self, a_shape, b_shape):
            return [a_shape, {"z": b_shape}]

        def call(self, a, b):
            return [a, {"z": b}]

    class Spec(lib.layers.Layer):
        def compute_output_spec(self, x):
            return lib.KerasTensor((None, 9), "int32")

        def call(self, x):
            return x

    x, y = lib.Input((3,)), lib.Input((4,))
    first, second = Shapes()(x, b=y)
    tensors = [Shape()(x), first, second["z"], Spec()(x)]
    shapes = [tuple(t.shape) for t in tensors], [t.dtype for t in tensors]
    return shapes, lib.layers.Dense(3).compute_output_shape((None, 2)), Shape().compute_output_shape((2, 3))


def test_output_shapes_by_tracing():
    class Two(layers.Layer):
        def call(self, a, b):
            return {"sum": a + b, "parts": [a, b[:, :2]]}

    for args, kwargs in [([(None, 3)], {"b_shape": (1, 3)}), ([], {"b_shape": (1, 3), "a_shape": (None, 3)})]:
        shapes = Two().compute_output_shape(*args, **kwargs)
        assert shapes == {"sum": (None, 3), "parts": [(None, 3), (1, 2)]}
    dense = layers.Dense(2)
    assert dense.compute_output_shape((4, 3)) == (4, 2) and not dense.built
    assert dense.compute_output_shape(input_shape=(None, 5, 3)) == (None, 5, 2)


def test_a_spec_may_hand_inputs_on():
    class Also(layers.Layer):
        def compute_output_spec(self, x):
            return [x, x]

        def call(self, x):
            return [x, 2 * x]

    inputs = kerasish.Input((3,))
    model = kerasish.Model(inputs, Also()(inputs)[1])
    np.testing.assert_array_equal(model(X), 2 * X)


@same
def test_inputs_and_outputs_are_those_of_the_first_call(lib):
    a, b, dense, join = lib.Input((3,)), lib.Input((3,)), lib.layers.Dense(2), lib.layers.Concatenate()
    y, z = dense(a), dense(b)
    join([y, z])
    unused = lib.layers.Dense(1)
    errors = [failure(getattr, unused, name) for name in ("input", "output")]
    return dense.input is a, dense.output is y, [t is y for t in join.input], errors


@same
def test_input_specs_are_checked_before_and_after_building(lib):
    class Strict(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.input_spec = lib.InputSpec(ndim=3, axes={-1: 3})

        def call(self, x):
            return x

    class Later(lib.layers.Layer):
        def build(self, input_shape):
            self.input_spec = lib.InputSpec(ndim=4)

        def call(self, x):
            return x

    arguments = [X, np.ones((1, 2, 4)), np.ones((1, 2, 3)), lib.Input((3,)), lib.Input((5, 3))]
    return [failure(Strict(), x) for x in arguments], failure(Later(), X), failure(Later(), lib.Input((3,)))


# Errors


@same
def test_errors(lib):
    def built():
        layer = lib.layers.Dense(2)
        layer.build((None, 3))
        return layer

    calls = [
        lambda: lib.layers.Dense(2).count_params(),
        lambda: lib.layers.Dense(2, unknown=1),
        lambda: lib.layers.Layer(trainable="yes"),
        lambda: lib.layers.Layer(name="a/b"),
        lambda: lib.layers.Layer()(X),
        lambda: lib.layers.Dense(2)("text"),
        lambda: lib.layers.Dense(2)([1, 2]),
        lambda: lib.layers.Add()([X, 3]),
        lambda: built().add_weight("name"),
        lambda: built()(np.ones((2, 4))),
        lambda: built().non_trainable_variables.append,
    ]
    return [failure(call) for call in calls]


@same
def test_init_must_call_super(lib):
    class Layer(lib.layers.Layer):
        def __init__(self):
            self.units = 1

        def call(self, x):
            return x

    return failure(Layer(), X), failure(lambda: Layer().add_weight(shape=(1,)))


def test_init_must_call_super_says_so_everywhere():
    class Layer(layers.Layer):
        def __init__(self):
            self.units = 1

    for use in (Layer(), lambda x: kerasish.Sequential([Layer()]), lambda x: Layer().trainable_weights):
        with pytest.raises(RuntimeError, match=r"Layer: call `super\(\).__init__\(\)` first"):
            use(X)


def test_help_on_classes():
    for name in ("Layer", "Dense", "Conv2D"):
        kind = getattr(layers, name)
        assert "class " + name in pydoc.render_doc(kind)
        assert "call" in dict(inspect.getmembers(kind))


def test_errors_name_the_innermost_layer_and_its_arguments():
    class Inner(layers.Layer):
        def call(self, x, factor):
            raise KeyError("missing")

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__(name="out")
            self.inner = Inner(name="in")

        def call(self, x):
            return self.inner(x, factor=2)

    outer = Outer()
    with pytest.raises(KeyError, match="missing") as caught:
        outer(X)
    (note,) = caught.value.__notes__
    assert note.startswith("In layer 'out/in' (Inner), called with:") and "shape=(2, 3)" in note and "factor=2" in note
    assert kerasish.layers.Dense(1)(X).shape == (2, 1)  # nothing is left over from the failed call


# Configuration


@same
def test_arguments_are_remembered(lib):
    class Layer(lib.layers.Layer):
        def __init__(self, a, *, b=2, **kwargs):
            super().__init__(**kwargs)

    layer = Layer([1, (2, 3)], b={"z": None}, name="q", dtype="float16", trainable=False)
    again = Layer.from_config(layer.get_config())
    return layer.get_config(), again.get_config(), again.trainable, again.compute_dtype


def test_objects_among_the_arguments_are_remembered_too():
    class Wrap(layers.Layer):
        def __init__(self, inner, table, values=None, **kwargs):
            super().__init__(**kwargs)
            self.inner, self.table, self.values = inner, table, values

    layer = Wrap(layers.Dense(3), {"steps": [layers.ReLU()]}, np.arange(2), activity_regularizer="l2")
    again = Wrap.from_config(layer.get_config())
    assert isinstance(again.inner, layers.Dense) and again.inner.units == 3
    assert isinstance(again.table["steps"][0], layers.ReLU) and again.values.tolist() == [0, 1]
    assert again.activity_regularizer is not None and again.name == layer.name
    with pytest.raises(NotImplementedError, match="get_config"):
        Wrap(layers.Dense(3), {}, object()).get_config()


def test_a_constructor_need_not_take_the_arguments_of_layers():
    class Layer(layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.units = units

    layer = Layer(3)
    layer.trainable = False
    again = Layer.from_config(layer.get_config())
    assert again.units == 3 and not again.trainable


@same
def test_a_get_config_of_ones_own(lib):
    class Layer(lib.layers.Layer):
        def __init__(self, units, activation=None, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.activation = lib.activations.get(activation)

        def get_config(self):
            return {
                **super().get_config(),
                "units": self.units,
                "activation": lib.activations.serialize(self.activation),
            }

    layer = Layer(3, "relu", name="mine")
    return layer.get_config(), Layer.from_config(layer.get_config()).get_config(), repr(layer)


def test_copies_and_pickles_are_independent():
    layer = layers.Dense(2)
    layer.build((None, 3))
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(twin(X), layer(X))
        twin.kernel.assign(np.zeros((3, 2)))
        assert (layer.get_weights()[0] != 0).all()


# Speed


def python_calls(function, *arguments):
    """The number of Python functions that a call runs through."""
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event == "call"

    for _ in range(2):
        function(*arguments)
    sys.setprofile(profile)
    try:
        function(*arguments)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("activation", [None, "relu", "gelu", "silu", "tanh", "sigmoid"])
def test_a_built_eager_layer_costs_little_python(activation):
    layer = layers.Dense(2, activation=activation)
    assert python_calls(layer, jnp.asarray(X)) <= 25
