"""Variables and scopes: values, operators, names, and what a trace may and may not do to them."""

import copy
import operator
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish
from kerasish.core import naming
from kerasish.core.variable import (
    Scope,
    autocast_scope,
    creating_path,
    current_scope,
    in_stateless_scope,
    standardize_shape,
    to_device,
    unwrap,
    write_through,
)

keras = pytest.importorskip("keras")

Variable = kerasish.Variable


@pytest.mark.parametrize(
    "arguments",
    [
        {"initializer": 2.5},
        {"initializer": 3},
        {"initializer": True},
        {"initializer": [1.0, 2.0]},
        {"initializer": [[1, 2], [3, 4]]},
        {"initializer": np.arange(3.0)},
        {"initializer": np.arange(3)},
        {"initializer": np.arange(3, dtype="uint8")},
        {"initializer": 2.5, "dtype": "float16"},
        {"initializer": [1, 2], "dtype": "float32"},
        {"initializer": "ones", "shape": (2, 3)},
        {"initializer": "zeros", "shape": (2,), "dtype": "int32"},
        {"initializer": lambda shape, dtype: np.full(shape, 7, dtype), "shape": (2,), "dtype": "bfloat16"},
        {"initializer": lambda shape, dtype: np.ones(shape, dtype), "shape": []},
    ],
)
def test_values_and_dtypes_are_those_of_keras(arguments):
    theirs, ours = keras.Variable(**arguments), Variable(**arguments)
    assert (ours.shape, ours.ndim, ours.dtype) == (tuple(theirs.shape), theirs.ndim, theirs.dtype)
    np.testing.assert_array_equal(np.asarray(ours, "float32"), np.asarray(theirs.value, "float32"))
    assert (ours.trainable, ours.aggregation, ours.synchronization) == (True, "none", "auto")
    assert ours.size == np.size(theirs.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"initializer": 0.0, "name": "a/b"}, "without '/'"),
        ({"initializer": 0.0, "name": 3}, "must be a string"),
        ({"initializer": 0.0, "aggregation": "max"}, "unknown aggregation 'max'"),
        ({"initializer": "ones"}, "`shape` is needed"),
        ({"initializer": "ones", "shape": (None, 2)}, "every dimension must be known"),
        ({"initializer": "ones", "shape": (-1, 2)}, "negative"),
        ({"initializer": "ons", "shape": (2,)}, "unknown initializer 'ons'"),
        ({"initializer": lambda shape, dtype: np.ones(3), "shape": (2,)}, r"returned shape \(3,\), expected \(2,\)"),
        ({"initializer": 0.0, "dtype": "float33"}, "float33"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Variable(**arguments)


def test_names_and_paths():
    assert [Variable(0.0).name for _ in range(2)] == ["variable", "variable_1"]
    with naming.name_scope("outer"), naming.name_scope("inner"):
        assert Variable(0.0, name="w").path == "outer/inner/w"
    assert Variable(0.0, name="w").path == "w"


def test_the_initializer_knows_whose_value_it_makes():
    seen = []

    def initializer(shape, dtype):
        seen.append(creating_path())
        return np.zeros(shape, dtype)

    with naming.name_scope("layer"):
        Variable(initializer, shape=(1,), name="kernel")
    assert seen == ["layer/kernel"] and creating_path() is None


def test_memory_belongs_to_the_variable_alone():
    array = np.ones(3, "float32")
    variable = Variable(array)
    array[:] = 5
    np.testing.assert_array_equal(variable, 1)
    source = jnp.ones(3)
    variable = Variable(source)
    jax.jit(lambda x: x + 1, donate_argnums=0)(variable.value)
    assert not source.is_deleted()
    variable = Variable(array)
    variable.assign(array)
    array[:] = 9
    np.testing.assert_array_equal(variable, 5)


def test_assign():
    variable = Variable([1.0, 2.0], name="v")
    assert isinstance(variable.assign(np.array([3, 4])), jax.Array)  # cast to the variable's dtype
    assert variable.value.dtype == "float32"
    np.testing.assert_array_equal(variable.assign_add([1.0, 1.0]), [4, 5])
    np.testing.assert_array_equal(variable.assign_sub(Variable(1.0)), [3, 4])
    variable.assign(Variable([0.5, 0.25]))
    np.testing.assert_array_equal(variable.numpy(), [0.5, 0.25])
    assert isinstance(variable.numpy(), np.ndarray)
    for bad in ([1.0, 2.0, 3.0], 1.0, np.ones((2, 1))):
        with pytest.raises(ValueError, match=r"'v' has shape \(2,\); cannot assign"):
            variable.assign(bad)
    np.testing.assert_array_equal(variable, [0.5, 0.25])


BINARY = "add sub mul truediv floordiv mod pow eq ne lt le gt ge".split()


@pytest.mark.parametrize("name", BINARY)
def test_arithmetic_and_comparison(name):
    function = getattr(operator, name)
    a, b = np.array([[3.0, 2.0], [1.0, 5.0]], "float32"), np.array([[2.0, 2.0], [4.0, 1.5]], "float32")
    variable, expected = Variable(a), function(a, b)
    for other in (b, jnp.asarray(b), Variable(b)):
        np.testing.assert_allclose(function(variable, other), expected, rtol=1e-6)
    np.testing.assert_allclose(function(a, Variable(b)), expected, rtol=1e-6)
    np.testing.assert_allclose(function(jnp.asarray(a), Variable(b)), expected, rtol=1e-6)
    np.testing.assert_allclose(function(2.0, variable), function(2.0, a), rtol=1e-6)


def test_other_operators():
    a = np.array([[1.4, -2.0], [3.0, 4.0]], "float32")
    variable = Variable(a)
    np.testing.assert_allclose(variable @ variable, a @ a, rtol=1e-6)
    np.testing.assert_allclose(a @ variable, a @ a, rtol=1e-6)
    for function in (operator.neg, operator.pos, abs, round):
        np.testing.assert_array_equal(function(variable), function(a) if function is not round else np.round(a))
    bits, flags = Variable([6, 3]), Variable([True, False])
    np.testing.assert_array_equal(bits & 2, [2, 2])
    np.testing.assert_array_equal(bits | 8, [14, 11])
    np.testing.assert_array_equal(1 ^ bits, [7, 2])
    np.testing.assert_array_equal(~flags, [False, True])
    assert len(variable) == 2 and [row.shape for row in variable] == [(2,), (2,)]
    np.testing.assert_array_equal(variable[1, :1], [3])
    assert float(Variable(2.5)) == 2.5 and int(Variable(7)) == 7
    assert "path=w, shape=(2,), dtype=int32" in repr(Variable([1, 2], name="w"))
    with pytest.raises(TypeError, match="truth value"):
        bool(Variable(1.0))
    assert len({variable, variable, Variable(a)}) == 2  # hashed by identity
    assert unwrap(variable) is variable.value and unwrap(3) == 3


def test_copies_are_independent():
    variable = Variable([1.0], name="w")
    twin = copy.deepcopy({"a": variable, "b": variable})
    assert twin["a"] is twin["b"] and twin["a"].path == "w"
    twin["a"].assign([2.0])
    np.testing.assert_array_equal(variable, [1.0])


@pytest.mark.parametrize(("shape", "expected"), [(3, (3,)), ([2, None], (2, None)), ((np.int64(4),), (4,)), ((), ())])
def test_standardize_shape(shape, expected):
    assert standardize_shape(shape) == expected


@pytest.mark.parametrize("shape", ["ab", 2.5, (1.5, 2), (-1,), None, ("a",)])
def test_standardize_shape_refuses(shape):
    with pytest.raises(ValueError):
        standardize_shape(shape)


def test_to_device_copies_host_memory_only():
    host = np.zeros(2)
    device = to_device(host, "float32")
    host[0] = 1
    np.testing.assert_array_equal(device, 0)
    assert to_device(device) is device


# Scopes


def test_reads_look_in_the_scope_then_outward_then_in_the_variable():
    a, b, c = (Variable(float(i), name=name) for i, name in enumerate("abc"))
    with Scope([(a, 10.0)]) as outer:
        b.assign(20.0)
        with Scope([(a, np.float64(100.0))]) as inner:
            c.assign(a + b + c)
            assert (float(a), float(b), float(c)) == (100, 20, 122)
            assert current_scope() is inner and in_stateless_scope()
        assert (float(a), float(b), float(c)) == (10, 20, 2)
        assert inner.get_current_value(c) == 122 and inner.get_current_value(b) is None
        assert [(variable.name, float(value)) for variable, value in inner.updates] == [("c", 122.0)]
        assert outer.get_current_value(a).dtype == "float32"
    assert (float(a), float(b), float(c)) == (0, 1, 2)
    assert current_scope() is None and not in_stateless_scope()


def test_scopes_take_updates_and_losses():
    variable = Variable([0.0, 0.0])
    with kerasish.StatelessScope() as scope:
        scope.add_update((variable, jnp.ones(2)))
        scope.add_loss(3.0)
        np.testing.assert_array_equal(variable, 1)
    assert [loss for *_, loss in scope.losses] == [3.0]
    np.testing.assert_array_equal(variable, 0)


def test_scopes_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="must be Variables"):
        Scope([(3, 4)])
    with pytest.raises(ValueError, match=r"'w' has shape \(2,\), received a value of shape \(3,\)"):
        Scope([(Variable([1.0, 2.0], name="w"), np.ones(3))])


def test_an_exception_leaves_variables_and_scopes_whole():
    variable = Variable(1.0)

    def trace(x):
        with Scope():
            variable.assign(x)
            raise RuntimeError("stop")

    for run in (trace, jax.jit(trace), jax.grad(trace)):
        with pytest.raises(RuntimeError, match="stop"):
            run(2.0)
        assert float(variable) == 1.0 and not in_stateless_scope()


def test_threads_have_scopes_and_names_of_their_own():
    variable, seen = Variable(1.0), {}
    inside, done = threading.Event(), threading.Event()

    def other():
        inside.wait(10)
        seen["read"], seen["scope"], seen["path"] = float(variable), current_scope(), naming.current_path()
        variable.assign(3.0)
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with naming.name_scope("main"), Scope([(variable, 2.0)]):
        inside.set()
        assert done.wait(10)
        assert float(variable) == 2.0
    thread.join()
    assert seen == {"read": 1.0, "scope": None, "path": ""} and float(variable) == 3.0


def test_a_traced_value_is_refused_outside_a_scope():
    variable = Variable(1.0, name="total")
    for transform in (jax.jit, jax.grad):
        with pytest.raises(ValueError, match=r"'total' would be assigned a traced value.*kerasish\.jit"):
            transform(variable.assign)(2.0)
    with pytest.raises(ValueError, match="stateless_call"):
        jax.vmap(variable.assign)(jnp.ones(3))
    assert float(variable) == 1.0


def test_plain_jax_cannot_ruin_a_model():
    layers = kerasish.layers
    model = kerasish.Sequential([layers.Input((3,)), layers.BatchNormalization(), layers.Dropout(0.5)])
    x = np.arange(6.0, dtype="float32").reshape(2, 3)
    before = model.get_weights()
    with pytest.raises(ValueError, match="traced value"):
        jax.jit(lambda x: model(x, training=True))(x)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_allclose(jax.jit(model)(x), model(x), rtol=1e-6)  # reading only is fine


def test_variables_made_while_tracing_have_values():
    made = []

    def build(x):
        made.append(Variable("ones", shape=(2,)))
        return x * made[0]

    jax.jit(build)(jnp.ones(2))
    assert not isinstance(made[0].value, jax.core.Tracer)
    np.testing.assert_array_equal(made[0], 1)


def test_autocast_changes_reads_of_float_variables_only():
    weight, count = Variable([1.0, 2.0]), Variable([1, 2])
    fixed = Variable([1.0], autocast=False)
    with autocast_scope("bfloat16"):
        assert (weight.value.dtype, count.value.dtype, fixed.value.dtype) == ("bfloat16", "int32", "float32")
        with autocast_scope(None):
            assert weight.value.dtype == "float32"
        weight.assign_add([1.0, 1.0])
    assert weight.value.dtype == weight.dtype == "float32"
    np.testing.assert_array_equal(weight, [2.0, 3.0])


def test_write_through():
    variables = [Variable(0.0), Variable([0, 0])]
    write_through(variables, [jnp.asarray(2.0), jnp.asarray([3, 4])])
    assert float(variables[0]) == 2.0
    with pytest.raises(ValueError):
        write_through(variables, [jnp.asarray(2.0)])


def test_gradients_with_respect_to_a_mapped_value():
    variable = Variable([1.0, 2.0])

    def loss(value):
        with Scope([(variable, value)]):
            return (variable**2).sum()

    np.testing.assert_allclose(jax.grad(loss)(jnp.asarray([3.0, 4.0])), [6.0, 8.0])
