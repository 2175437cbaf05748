"""The gradients of recurrent loops, compared with those of the same layers written out step by step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kerasish import layers
from kerasish.layers import recurrent_gradient

SHAPE = (3, 4, 2)
MASK = np.array([[True, True, False, True], [False, True, True, False], [True] * 4])


def rest(layer):
    return [variable.value for variable in layer.non_trainable_variables]


def gradients(layer, weights, x, mask, initial_state):
    def loss(weights, x, initial_state):
        options = {"mask": mask, "initial_state": initial_state}
        output, *states = layer.stateless_call(weights, rest(layer), x, **options)[0]
        return sum(jnp.sum(part * jnp.cos(jnp.arange(part.size)).reshape(part.shape)) for part in (output, *states))

    return jax.jit(jax.grad(loss, (0, 1, 2)))(weights, x, initial_state)


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
@pytest.mark.parametrize(
    ("options", "mask"),
    [
        ({"return_sequences": True}, MASK),
        ({"return_sequences": True, "go_backwards": True}, MASK),
        ({"return_sequences": True, "go_backwards": True}, None),
        ({"activation": "relu", "use_bias": False}, None),
        ({"dtype": "float16"}, None),
    ],
)
@pytest.mark.parametrize("ahead", [False, True], ids=["in loop", "ahead"])
def test_as_if_unrolled(name, options, mask, ahead, monkeypatch):
    # Another size, since what is compiled for one is kept.
    units = 6 if ahead else 5
    monkeypatch.setattr(recurrent_gradient, "_MUCH", 0 if ahead else 1 << 20)
    rng = np.random.default_rng(0)
    x = rng.normal(size=SHAPE).astype(options.get("dtype", "float32"))
    count = 2 if name == "LSTM" else 1
    states = [jnp.asarray(rng.normal(size=(3, units)), x.dtype) for _ in range(count)]
    kind = getattr(layers, name)
    loop, unrolled = (kind(units, return_state=True, unroll=unroll, **options) for unroll in (False, True))
    for layer in (loop, unrolled):
        layer.build(SHAPE)
    weights = [jnp.asarray(rng.normal(size=w.shape), x.dtype) for w in loop.weights]
    actual = gradients(loop, weights, x, mask, states)
    expected = gradients(unrolled, weights, x, mask, states)
    tolerance = 2e-2 if x.dtype == "float16" else 1e-5
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance * max(1, float(np.abs(e).max())))


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
@pytest.mark.parametrize(
    "options",
    [
        {"return_sequences": True},
        {"return_sequences": True, "go_backwards": True},
        {"use_bias": False},
        {"activation": "softmax"},  # mixes the units
        {"activation": "sigmoid"},
    ],
)
def test_many_samples_of_few_units(name, options):
    units, shape = 4, (32, 5, 2)
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype("float32")
    states = [rng.normal(size=(32, units)).astype("float32") for _ in range(2 if name == "LSTM" else 1)]
    kind = getattr(layers, name)
    loop, unrolled = (kind(units, return_state=True, unroll=unroll, **options) for unroll in (False, True))
    for layer in (loop, unrolled):
        layer.build(shape)
    weights = [rng.normal(size=w.shape).astype("float32") for w in loop.weights]
    actual = gradients(loop, weights, x, None, states)
    expected = gradients(unrolled, weights, x, None, states)
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-5, atol=1e-5 * max(1, float(np.abs(e).max())))


@pytest.mark.parametrize("samples", [3, 32])
@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_gradients_of_gradients(name, samples):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples, 3, 2)).astype("float32")
    loop, unrolled = (getattr(layers, name)(4, unroll=unroll) for unroll in (False, True))
    for layer in (loop, unrolled):
        layer.build(x.shape)
    weights = [rng.normal(size=w.shape).astype("float32") for w in loop.weights]

    def of_penalty(layer):
        def output(x, weights):
            return jnp.sum(jnp.sin(layer.stateless_call(weights, rest(layer), x)[0]))

        return jax.jit(jax.grad(lambda weights: jnp.sum(jax.grad(output)(x, weights) ** 2)))(weights)

    for a, e in zip(of_penalty(loop), of_penalty(unrolled), strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-5, atol=1e-5 * float(np.abs(e).max()))


def test_per_sample_gradients():
    x = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
    layer = layers.LSTM(3)
    layer.build(SHAPE)
    weights = [w.value for w in layer.weights]

    def loss(weights, sample):
        return jnp.sum(layer.stateless_call(weights, rest(layer), sample[None])[0])

    each = jax.jit(jax.vmap(jax.grad(loss), (None, 0)))(weights, x)
    together = jax.grad(lambda w: sum(loss(w, sample) for sample in x))(weights)
    for a, e in zip(each, together, strict=True):
        np.testing.assert_allclose(a.sum(0), e, atol=1e-5)


def test_forward_mode_where_unrolled():
    layer = layers.GRU(2, unroll=True)
    layer.build(SHAPE)
    x = jnp.ones(SHAPE)
    _, tangent = jax.jvp(lambda x: layer(x), (x,), (x,))
    assert np.isfinite(tangent).all()
