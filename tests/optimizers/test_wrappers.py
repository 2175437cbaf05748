"""Optimizers made of others: dynamic loss scaling, several optimizers for one model, optax transformations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish.optimizers as ours
from kerasish.core.lifted import jit
from kerasish.core.variable import Variable

keras = pytest.importorskip("keras")


@pytest.fixture(autouse=True)
def _fresh_names_in_keras():
    keras.utils.clear_session()


def pair(*shapes):
    arrays = [np.full(shape, 0.5 + i, "float32") for i, shape in enumerate(shapes)]
    return [[make(a, name=f"w{i}") for i, a in enumerate(arrays)] for make in (keras.Variable, Variable)]


def assert_same_variables(received, expected):
    assert len(received) == len(expected)
    for x, y in zip(received, expected, strict=True):
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-5, atol=1e-7, err_msg=y.path)


def scale_pair():
    return [
        library.LossScaleOptimizer(library.SGD(0.1, momentum=0.5), initial_scale=8.0, dynamic_growth_steps=2)
        for library in (keras.optimizers, ours)
    ]


@pytest.mark.parametrize("compiled", [False, True])
def test_loss_scale_follows_keras(compiled, rng):
    theirs, mine = pair((2,), (3,))
    expected, optimizer = scale_pair()
    expected.build(theirs)
    optimizer.build(mine)
    assert [(v.path, v.shape, v.dtype) for v in optimizer.variables] == [
        (v.path, v.shape, v.dtype) for v in expected.variables
    ]
    assert float(optimizer.scale_loss(2.0)) == 16.0
    apply = jit(lambda grads: optimizer.apply(grads, mine)) if compiled else lambda grads: optimizer.apply(grads, mine)
    state, weights = [v.value for v in expected.variables], [v.value for v in theirs]
    for bad in (0, 0, 0, 1, 0, 1, 1, 0, 0):
        grads = [
            jnp.asarray(rng.normal(size=v.shape) * (np.inf if bad and i else 1), "float32") for i, v in enumerate(mine)
        ]
        # The stateful form of Keras cannot run on JAX: its pure form is the oracle.
        weights, state = expected.stateless_apply(state, grads, weights)
        apply(grads)
        for x, y in zip([*mine, *optimizer.variables], [*weights, *state], strict=True):
            np.testing.assert_allclose(x.numpy(), y, rtol=1e-5, atol=1e-7)
    assert int(optimizer.iterations.value) == 6


def test_loss_scale_stateless_learning_rate_config_and_growth():
    _, (a, b) = pair((2,), (3,))
    _, optimizer = scale_pair()
    assert optimizer.scale_loss(2.0) == 16.0
    optimizer.build([a])
    weights, state = optimizer.stateless_apply([v.value for v in optimizer.variables], [jnp.ones(2)], [a.value])
    np.testing.assert_allclose(weights[0], 0.5 - 0.1 / 8)
    assert len(state) == len(optimizer.variables)
    optimizer.learning_rate = 0.25
    assert float(optimizer.inner_optimizer.learning_rate) == 0.25
    optimizer.dynamic_scale.assign(4.0)
    jit(lambda: optimizer.apply([jnp.ones(2), jnp.ones(3)], [a, b]))()
    np.testing.assert_allclose(b.value, 1.5 - 0.25 / 4)
    assert len(optimizer.variables) == 8
    again = ours.deserialize(ours.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
    expected, _ = scale_pair()
    assert ours.deserialize(keras.optimizers.serialize(expected)).get_config() == expected.get_config()
    for options, name in (({"dynamic": False}, "dynamic"), ({"clipnorm": 1.0}, "clipnorm"), ({"rate": 1}, "rate")):
        with pytest.raises(ValueError, match=name):
            ours.LossScaleOptimizer(ours.SGD(), **options)
    ours.LossScaleOptimizer(ours.SGD(), clipnorm=None, ema_momentum=0.99)


def test_multi_optimizer_follows_keras(rng):
    theirs, mine = pair((2,), (3,), (4,))
    optimizers = []
    for library in (keras.optimizers, ours):
        by_path = {"w0": library.Adam(0.1), "w[2-9]": library.RMSprop(0.1)}
        optimizers.append(
            library.MultiOptimizer(library.OptimizerMap(library.SGD(0.5), by_path), loss_scale_factor=2.0)
        )
    expected, optimizer = optimizers
    for _ in range(3):
        grads = [jnp.asarray(rng.normal(size=v.shape), "float32") for v in mine]
        expected.apply(grads, theirs)
        optimizer.apply(grads, mine)
    assert_same_variables(mine, theirs)
    assert_same_variables(optimizer.variables, expected.variables)
    assert [v.path for v in optimizer.variables] == [v.path for v in expected.variables]
    assert ours.serialize(optimizer) == keras.optimizers.serialize(expected)
    assert ours.deserialize(ours.serialize(optimizer)).get_config() == optimizer.get_config()
    start = [v.value for v in mine]
    state = [v.value for v in optimizer.variables]
    weights, state = jax.jit(optimizer.stateless_apply)(state, [jnp.ones_like(v) for v in start], start)
    np.testing.assert_allclose(weights[1], start[1] - 0.25, rtol=1e-5)
    assert len(state) == len(optimizer.variables)
    optimizer.finalize_variable_values(mine)
    optimizer.loss_scale_factor = 4.0
    assert all(inner.loss_scale_factor == 4.0 for inner in optimizer.optimizers)


def test_multi_optimizer_with_a_function_grows_and_refuses():
    _, (a, b) = pair((2,), (3,))
    small, large = ours.SGD(0.1), ours.SGD(1.0)
    optimizer = ours.MultiOptimizer(lambda variable: small if variable.name == "w0" else large)
    optimizer.apply([np.ones(2, "float32")], [a])
    optimizer.apply([np.ones(3, "float32")], [b])
    np.testing.assert_allclose(a.value, 0.4, rtol=1e-6)
    np.testing.assert_allclose(b.value, 0.5)
    with pytest.raises(AttributeError, match="learning rate"):
        _ = optimizer.learning_rate
    with pytest.raises(AttributeError, match="learning rate"):
        optimizer.learning_rate = 0.1
    with pytest.raises(ValueError, match="Optimizer instance"):
        ours.MultiOptimizer(lambda variable: None).build([a])
    with pytest.raises(ValueError, match="LossScaleOptimizer"):
        ours.MultiOptimizer(lambda variable: ours.LossScaleOptimizer(ours.SGD())).build([a])
    table = ours.OptimizerMap(small, {"x.*": large, ".*y": large})
    with pytest.raises(ValueError, match="several keys"):
        _ = table["x_y"]
    with pytest.raises(ValueError, match="already"):
        table["x.*"] = small
    with pytest.raises(TypeError, match="default_optimizer"):
        ours.OptimizerMap("sgd")
    assert len(table) == 2
    del table["x.*"]
    assert list(table) == [".*y"]


@pytest.mark.parametrize("name", ["adamw", "chain", "multi_transform"])
def test_optax_equals_raw_optax(name, rng):
    optax = pytest.importorskip("optax")
    transformation = {
        "adamw": lambda: optax.adamw(0.1, weight_decay=0.1),
        "chain": lambda: optax.chain(
            optax.clip_by_global_norm(0.5), optax.trace(0.9), optax.scale_by_schedule(lambda count: -0.1 / (1 + count))
        ),
        "multi_transform": lambda: optax.multi_transform(
            {"a": optax.sgd(0.1, momentum=0.9), "b": optax.set_to_zero()}, {"w0": "a", "w1": "b"}
        ),
    }[name]()
    _, mine = pair((2,), (3,))
    optimizer = ours.get(transformation)
    assert isinstance(optimizer, ours.OptaxOptimizer)
    weights = {v.path: v.value for v in mine}
    state = transformation.init(weights)
    for _ in range(4):
        grads = {v.path: jnp.asarray(rng.normal(size=v.shape), "float32") for v in mine}
        updates, state = transformation.update(grads, state, weights)
        weights = optax.apply_updates(weights, updates)
        optimizer.apply(list(grads.values()), mine)
    for variable in mine:
        np.testing.assert_allclose(variable.value, weights[variable.path], rtol=1e-5, atol=1e-7)
    expected = jax.tree.leaves(state)
    for variable, leaf in zip(optimizer.variables[2:], expected, strict=True):
        np.testing.assert_allclose(variable.value, leaf, rtol=1e-5, atol=1e-7)
    assert all("/" not in v.name and v.path.startswith("optax/") for v in optimizer.variables)


def test_optax_learning_rate_growth_and_stateless():
    optax = pytest.importorskip("optax")
    _, (a, b) = pair((2,), (3,))
    optimizer = ours.OptaxOptimizer(optax.inject_hyperparams(optax.sgd)(learning_rate=0.5, momentum=0.5))
    optimizer.apply([np.ones(2, "float32")], [a])
    np.testing.assert_allclose(a.value, 0.0)
    optimizer.learning_rate = 0.25
    optimizer.apply([np.ones(2, "float32"), np.ones(3, "float32")], [a, b])
    np.testing.assert_allclose(a.value, -0.25 * 1.5)
    np.testing.assert_allclose(b.value, 1.25)
    weights = [v.value for v in (a, b)]
    state = [v.value for v in optimizer.variables]
    weights, _ = jax.jit(optimizer.stateless_apply)(state, [jnp.zeros(2), jnp.zeros(3)], weights)
    np.testing.assert_allclose(weights[1], 1.25 - 0.25 * 0.5)
    before = np.array(b.value)
    optimizer.apply([np.ones(2, "float32")], [a])
    np.testing.assert_array_equal(b.value, before)
    scaled = ours.OptaxOptimizer(optax.sgd(0.5), clipvalue=0.5)
    scaled.learning_rate = 0.5
    scaled.apply([np.ones(3, "float32")], [b])
    np.testing.assert_allclose(b.value, before - 0.125)
    with pytest.raises(TypeError, match="no config"):
        scaled.get_config()
    with pytest.raises(TypeError, match="GradientTransformation"):
        ours.OptaxOptimizer("sgd")
