"""jit, grad, value_and_grad and vmap over functions that read and assign Variables."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish
from kerasish import layers

keras = pytest.importorskip("keras")

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def stack(library):
    """Dense, BatchNormalization and Dropout, with the same weights in both libraries."""
    made = library.layers
    model = library.Sequential(
        [made.Input((3,)), made.Dense(2, activation="tanh"), made.BatchNormalization(), made.Dropout(0.5, seed=3)]
    )
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.1, 1, w.shape) for w in model.weights])
    return model


def test_value_and_grad_equals_jax_on_a_pure_function():
    weight, bias = kerasish.Variable([[1.0], [2.0], [3.0]]), kerasish.Variable([0.5])

    def loss(x, scale=1.0):
        return (((x @ weight + bias) * scale) ** 2).mean()

    value, grads = kerasish.value_and_grad(loss, {"w": weight, "rest": [bias]})(X, scale=2.0)

    def pure(w, b):
        return (((X @ w + b) * 2.0) ** 2).mean()

    expected, (dw, db) = jax.value_and_grad(pure, (0, 1))(weight.value, bias.value)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(grads["w"], dw, rtol=1e-6)
    np.testing.assert_allclose(grads["rest"][0], db, rtol=1e-6)
    only = kerasish.grad(loss, [bias])(X, scale=2.0)
    np.testing.assert_allclose(only[0], db, rtol=1e-6)


def test_aux_and_assignments_come_along():
    weight, calls = kerasish.Variable(3.0), kerasish.Variable(0)

    def loss():
        calls.assign_add(1)
        return weight**2, {"root": weight * 1}

    (value, aux), grads = kerasish.value_and_grad(loss, [weight], has_aux=True)()
    assert (float(value), float(aux["root"]), float(grads[0]), int(calls)) == (9.0, 3.0, 6.0, 1)
    grads, aux = kerasish.grad(loss, [weight], has_aux=True)()
    assert (float(aux["root"]), float(grads[0]), int(calls)) == (3.0, 6.0, 2)


def test_a_variable_assigned_by_the_function_can_be_differentiated():
    weight = kerasish.Variable(3.0)

    def loss():
        value = weight**2
        weight.assign(7.0)
        return value

    assert float(kerasish.grad(loss, [weight])()[0]) == 6.0 and float(weight) == 7.0


def test_an_exception_assigns_nothing():
    weight = kerasish.Variable(3.0)

    def loss():
        weight.assign(weight * 2)
        raise RuntimeError("stop")

    for function in (kerasish.value_and_grad(loss, [weight]), kerasish.jit(loss)):
        with pytest.raises(RuntimeError, match="stop"):
            function()
        assert float(weight) == 3.0


def test_only_variables_can_be_differentiated():
    with pytest.raises(TypeError, match="must hold Variables, received 3"):
        kerasish.value_and_grad(lambda: 0.0, [3])


def test_half_precision_layers_get_full_precision_gradients():
    dense = layers.Dense(2, dtype="mixed_bfloat16")
    dense.build((None, 3))
    grads = kerasish.grad(lambda: dense(X).astype("float32").sum(), dense.trainable_variables)()
    assert [str(g.dtype) for g in grads] == ["float32", "float32"]


def test_a_training_step_equals_that_of_keras():
    theirs, ours = stack(keras), stack(kerasish)

    @kerasish.jit
    def step(x):
        return kerasish.value_and_grad(lambda: (ours(x, training=True) ** 2).sum(), ours.trainable_variables)()

    trainable, others = ([v.value for v in vs] for vs in (theirs.trainable_variables, theirs.non_trainable_variables))

    def loss(trainable):
        outputs, new = theirs.stateless_call(trainable, others, X, training=True)
        return (outputs**2).sum(), new

    (expected, new), expected_grads = jax.jit(jax.value_and_grad(loss, has_aux=True))(trainable)
    value, grads = step(X)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for mine, wanted in zip(grads, expected_grads, strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-4, atol=1e-6)
    for variable, wanted in zip(ours.non_trainable_variables, new, strict=True):
        np.testing.assert_allclose(np.asarray(variable, "float32"), np.asarray(wanted, "float32"), rtol=1e-5)
    assert float(step(X)[0]) != float(value)  # the random generator and the statistics moved on


def test_jit_carries_what_is_read_and_written():
    total, factor = kerasish.Variable(0.0), kerasish.Variable(2.0)
    traces = []

    @kerasish.jit
    def add(x, double=False, *, offset=0):
        traces.append(1)
        total.assign_add((x * factor).sum() + offset)
        return total * (2 if double else 1)

    assert float(add(jnp.ones(3))) == 6.0 and float(total) == 6.0
    count = len(traces)
    factor.assign(10.0)
    assert float(add(jnp.ones(3))) == 36.0  # new values, same program
    assert len(traces) == count
    assert float(add(jnp.ones(3), offset=4)) == 70.0
    count = len(traces)
    assert float(add(jnp.ones(3), offset=5)) == 105.0  # numbers are arguments
    assert len(traces) == count
    assert float(add(jnp.ones(3), double=True)) == 270.0  # flags are constants
    assert float(add(np.ones(2, "float32"))) == 155.0  # another shape, another program
    assert add.__name__ == "add"


def test_jit_takes_nests_strings_and_none():
    @kerasish.jit
    def choose(batch, how, factor=None):
        x = batch["x"] if how == "x" else batch["rest"][0]
        return x if factor is None else x * factor

    batch = {"x": np.ones(2, "float32"), "rest": (np.zeros(2, "float32"),)}
    np.testing.assert_array_equal(choose(batch, "x"), 1)
    np.testing.assert_array_equal(choose(batch, "rest"), 0)
    np.testing.assert_array_equal(choose(batch, "x", factor=3.0), 3)


def test_jit_refuses_what_cannot_be_a_constant():
    with pytest.raises(TypeError, match=r"jit: arguments must be .* hashable: unhashable type: 'set'"):
        kerasish.jit(lambda x: x)({1, 2})


def test_jit_inside_jit():
    count, weight = kerasish.Variable(0), kerasish.Variable(2.0)

    @kerasish.jit
    def inner(x):
        count.assign_add(1)
        return x * weight

    @kerasish.jit
    def outer(x):
        grads = kerasish.grad(lambda: inner(inner(x)).sum(), [weight])()
        weight.assign_sub(grads[0])
        return inner(x)

    np.testing.assert_allclose(outer(jnp.ones(2)), 2 - 8)
    assert int(count) == 3 and float(weight) == -6.0


def test_jit_around_a_layer_that_is_not_built_yet():
    dense = layers.Dense(2)
    outputs = kerasish.jit(lambda x: dense(x))(X)
    assert dense.built and not isinstance(dense.kernel.value, jax.core.Tracer)
    np.testing.assert_allclose(outputs, dense(X), rtol=1e-5)


def test_vmap_gives_every_call_the_same_values():
    weight = kerasish.Variable([1.0, 2.0, 3.0])
    outputs = kerasish.vmap(lambda x, y: (x * weight).sum() + y, in_axes=(0, None))(X, 1.0)
    np.testing.assert_allclose(outputs, X @ weight.numpy() + 1, rtol=1e-5)
    np.testing.assert_allclose(kerasish.vmap(lambda x: x * weight, out_axes=1)(X), (X * weight.numpy()).T)


def test_per_sample_gradients():
    weight = kerasish.Variable([[1.0], [2.0], [3.0]])

    def loss(x, y):
        return ((x @ weight - y) ** 2).sum()

    targets = np.arange(4.0, dtype="float32")[:, None]
    (grads,) = kerasish.jit(kerasish.vmap(kerasish.grad(loss, [weight])))(X, targets)
    expected = 2 * (X @ weight.numpy() - targets)[:, None, :] * X[:, :, None]
    np.testing.assert_allclose(grads, expected, rtol=1e-5)


def test_vmap_assigns_what_all_calls_agree_on_and_refuses_the_rest():
    count, total = kerasish.Variable(0, name="count"), kerasish.Variable(0.0, name="total")

    def counted(x):
        count.assign_add(1)
        return x

    kerasish.vmap(counted)(jnp.ones(3))
    assert int(count) == 1
    with pytest.raises(ValueError, match=r"assigns variables \['total'\]"):
        kerasish.vmap(total.assign)(jnp.ones(3))
    with pytest.raises(ValueError, match="vmap"):  # not ours to explain
        kerasish.vmap(lambda x, y: x)(jnp.ones(3), jnp.ones(2))
    assert float(total) == 0.0


def test_dropout_differs_from_call_to_call():
    dropout = layers.Dropout(0.5, seed=1)
    drop = kerasish.jit(lambda x: dropout(x, training=True))
    first, second = (np.asarray(drop(jnp.ones(64))) for _ in range(2))
    assert (first != second).any()
