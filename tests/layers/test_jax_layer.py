"""JaxLayer and FlaxLayer, compared with Keras's."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish
from kerasish import layers, models
from kerasish.core import registry
from tests.layers.compare import assert_same

RNG = np.random.default_rng(0)
PARAMS = {"w": RNG.normal(size=(3, 2)).astype("float32"), "b": [np.zeros(2, "float32"), 1.0]}


def linear(params, inputs):
    return inputs @ params["w"] + params["b"][0] * params["b"][1]


def init_linear(rng, inputs):
    return {"w": jax.random.normal(rng, (inputs.shape[-1], 2)), "b": jnp.zeros(2)}


def call_initialized(params, inputs):
    return inputs @ params["w"] + params["b"]


def count_calls(params, state, rng, inputs, training):
    if training:
        keep = jax.random.bernoulli(rng, 0.5, inputs.shape)
        inputs = jnp.where(keep, inputs, 0)
        state = {"calls": state["calls"] + 1, "mean": inputs.mean(0)}
    return inputs * params, state


def init_counting(rng, inputs, training):
    assert training
    return jnp.ones(inputs.shape[-1]), {"calls": jnp.zeros((), "int32"), "mean": jnp.zeros(inputs.shape[-1])}


def test_given_params():
    keras_layer, layer = assert_same(
        lambda lib: lib.layers.JaxLayer(linear, params=PARAMS, name="linear"), None, (4, 3), config=False
    )
    assert len(layer.trainable_weights) == len(keras_layer.trainable_weights) == 3


def test_initialized_params():
    layer = layers.JaxLayer(call_initialized, init_linear)
    assert layer(np.ones((4, 3))).shape == (4, 2)
    assert sorted(layer.params) == ["b", "w"]
    assert np.std(layer.params["w"].numpy()) > 0
    # Parameters made while something else is traced hold values.
    inner = layers.JaxLayer(call_initialized, init_linear)
    jax.eval_shape(lambda x: inner(x), jnp.ones((4, 3)))
    assert np.isfinite(inner.params["w"].numpy()).all()


def test_state_and_random_numbers():
    layer = layers.JaxLayer(count_calls, init_counting, seed=1)
    x = np.ones((8, 3), "float32")
    np.testing.assert_array_equal(layer(x), x)
    first = layer(x, training=True)
    assert not np.array_equal(first, layer(x, training=True))
    assert int(layer.state["calls"]) == 2
    assert [w.trainable for w in layer.weights] == [True, False, False]
    assert set(np.unique(first)) == {0.0, 1.0}
    values = [[v.value for v in group] for group in (layer.trainable_variables, layer.non_trainable_variables)]
    _, new = jax.jit(lambda values: layer.stateless_call(*values, x, training=True))(values)
    assert int(new[0]) == 3


def test_training_in_a_model():
    x = RNG.normal(size=(64, 3)).astype("float32")
    y = x @ np.array([[1.0], [2.0], [3.0]], "float32")
    model = models.Sequential(
        [layers.Input((3,)), layers.JaxLayer(call_initialized, init_linear), layers.Dense(1, use_bias=False)]
    )
    assert model.output_shape == (None, 1)
    model.compile("adam", "mse")
    before = model.layers[0].params["w"].numpy()
    losses = model.fit(x, y, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert not np.array_equal(before, model.layers[0].params["w"].numpy())


def test_config():
    with kerasish.utils.CustomObjectScope({"call_initialized": call_initialized, "init_linear": init_linear}):
        layer = layers.JaxLayer(call_initialized, init_linear, name="wrapped")
        config = registry.serialize_keras_object(layer)
        again = registry.deserialize_keras_object(config)
    assert again.call_fn is call_initialized
    assert again.name == "wrapped"


def test_new_state_must_be_nested_as_the_old():
    layer = layers.JaxLayer(lambda state, inputs: (inputs, (state, state)), state=np.zeros(3))
    with pytest.raises(ValueError, match="nested"):
        layer(np.ones((2, 3)))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((lambda params, x: x,), "inputs"),
        ((lambda params, inputs, extra: inputs,), "extra"),
        ((lambda params, inputs: inputs,), "init_fn"),
        ((call_initialized, lambda key, inputs: inputs), "key"),
    ],
)
def test_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        layers.JaxLayer(*arguments)


def test_flax_module():
    linen = pytest.importorskip("flax.linen", reason="Flax is not installed")

    class Block(linen.Module):
        @linen.compact
        def __call__(self, inputs, training=False):
            x = linen.Dense(4)(inputs)
            x = linen.BatchNorm(use_running_average=not training)(x)
            return linen.Dropout(0.5, deterministic=not training)(x)

        def double(self, inputs):
            return 2 * inputs

    layer = layers.FlaxLayer(Block())
    x = RNG.normal(size=(8, 3)).astype("float32")
    assert layer(x).shape == (8, 4)
    assert sorted(layer.state) == ["batch_stats"]
    assert [len(layer.trainable_weights), len(layer.non_trainable_weights)] == [4, 2]
    before = [weight.numpy() for weight in layer.non_trainable_weights]
    assert np.any(layer(x, training=True) == 0)
    assert not np.array_equal(before[0], layer.non_trainable_weights[0].numpy())

    module = Block()
    variables = module.init(jax.random.key(0), x)
    given = layers.FlaxLayer(module, variables=variables)
    np.testing.assert_allclose(given(x), module.apply(variables, x), atol=1e-6)
    by_method = layers.FlaxLayer(module, method=module.double)
    np.testing.assert_allclose(by_method(x), 2 * x)


def test_flax_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "flax.core", None)
    with pytest.raises(ImportError, match="pip install flax"):
        layers.FlaxLayer(object())
