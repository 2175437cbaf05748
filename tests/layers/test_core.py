"""Dense, EinsumDense, Embedding, Identity, Lambda, Masking and Input, compared with Keras's."""

import sys

import jax.numpy as jnp
import numpy as np
import pytest

from kerasish import layers
from kerasish.core import masks, registry
from kerasish.core.symbolic import KerasTensor
from tests.layers.compare import assert_rejected, assert_same, keras, kerasish

INTEGERS = np.array([[1, 0, 3], [2, 4, 0]], "int32")


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"units": 3}, (2, 4)),
        ({"units": 2, "activation": "relu", "use_bias": False}, (2, 3, 4)),
        (
            {
                "units": 3,
                "activation": "softmax",
                "kernel_initializer": "he_normal",
                "bias_initializer": "ones",
                "kernel_regularizer": "l2",
                "bias_regularizer": lambda lib: lib.regularizers.L1(0.5),
                "activity_regularizer": "l2",
                "kernel_constraint": "non_neg",
                "bias_constraint": "max_norm",
                "name": "head",
                "trainable": False,
            },
            (2, 2),
        ),
        ({"units": 3, "dtype": "mixed_bfloat16", "activation": "tanh"}, (2, 4)),
        ({"units": 3, "lora_rank": 2}, (2, 4)),
    ],
)
def test_dense(options, shape):
    assert_same("Dense", options, shape)


def test_dense_passes_a_mask():
    assert_same("Dense", {"units": 2}, (2, 3, 4), masks=[np.array([[True, True, False], [True, False, False]])])


def test_dense_on_integers():
    assert_same("Dense", {"units": 3}, INTEGERS)


@pytest.mark.parametrize("units", [0, -1, 2.5, "3", None])
def test_dense_refuses_units(units):
    assert_rejected("Dense", {"units": units}, match="units")


def test_dense_refuses_inputs():
    assert_rejected("Dense", {"units": 2}, (3,), match="min_ndim")
    assert_rejected("Dense", {"units": 2}, (None, None), match="last axis")
    layer = layers.Dense(2)
    layer.build((None, 3))
    with pytest.raises(ValueError, match="axis -1"):
        layer(np.ones((2, 4)))
    assert_rejected("Dense", {"units": 2, "activation": "no such"}, match="no such", keras_too=True)
    assert_rejected("Dense", {"units": 2, "quantization_config": {"a": 1}}, match="quantization", keras_too=False)


def test_dense_activation_can_be_replaced():
    layer = layers.Dense(2)
    before = layer(np.ones((1, 3)))
    layer.activation = jnp.tanh
    np.testing.assert_allclose(layer(np.ones((1, 3))), np.tanh(before), rtol=1e-6)


def test_dense_eager_call_is_short():
    layer, x, calls = layers.Dense(2), jnp.ones((1, 3)), []
    layer(x), layer(x)
    sys.setprofile(lambda frame, event, _: calls.append(frame.f_code.co_name) if event == "call" else None)
    layer(x)
    sys.setprofile(None)
    assert len(calls) <= 25, calls


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"equation": "ab,bc->ac", "output_shape": 3, "bias_axes": "c", "activation": "relu"}, (2, 4)),
        ({"equation": "abc,cde->abde", "output_shape": (None, 2, 3), "bias_axes": "de"}, (2, 4, 3)),
        ({"equation": "abc,cde->abde", "output_shape": (None, 2, 3), "bias_axes": "e"}, (2, 4, 3)),
        ({"equation": "abc,cde->abde", "output_shape": (4, 2, 3), "bias_axes": "d"}, (2, 4, 3)),
        ({"equation": "...x,xy->...y", "output_shape": 3, "bias_axes": "y"}, (2, 5, 4)),
        ({"equation": "...x,xy->...y", "output_shape": 3}, (2, 4)),
        ({"equation": "ab...,bc->ac...", "output_shape": 3, "bias_axes": "c"}, (2, 4, 5)),
        ({"equation": "abc,bcd->ad", "output_shape": 3, "lora_rank": 2, "lora_alpha": 3}, (2, 4, 3)),
        ({"equation": "ab,bc->ac", "output_shape": 3, "dtype": "mixed_bfloat16", "bias_axes": "c"}, (2, 4)),
        (
            {
                "equation": "ab,bc->ac",
                "output_shape": 3,
                "kernel_initializer": "he_normal",
                "kernel_regularizer": "l2",
                "activity_regularizer": lambda lib: lib.regularizers.L1(0.5),
                "bias_constraint": "non_neg",
                "bias_axes": "c",
                "bias_initializer": "ones",
            },
            (2, 4),
        ),
    ],
)
def test_einsum_dense(options, shape):
    # Where `output_shape` leaves a size open, Keras does not know it even if it follows from the inputs.
    assert_same("EinsumDense", options, shape, symbolic=None not in np.atleast_1d(options["output_shape"]))


def test_einsum_dense_knows_sizes_that_follow_from_the_inputs():
    layer = layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3))
    assert layer(KerasTensor((None, 4, 3))).shape == (None, 4, 2, 3)
    assert layer(KerasTensor((None, None, 3))).shape == (None, None, 2, 3)


@pytest.mark.parametrize(
    ("options", "shape", "match"),
    [
        ({"equation": "ab,bc", "output_shape": 3}, (2, 4), "equation"),
        ({"equation": "ab,bc->ac", "output_shape": 3, "bias_axes": "z"}, (2, 4), "bias_axes"),
        ({"equation": "ab,bd->ac", "output_shape": 3}, (2, 4), "'c'"),
        ({"equation": "ab,bz->ab", "output_shape": 4}, (2, 4), "'z'"),
        ({"equation": "ab,bc->ab", "output_shape": 3}, (2, 4), "size 4"),
    ],
)
def test_einsum_dense_refuses(options, shape, match):
    assert_rejected("EinsumDense", options, shape, match=match)


def test_einsum_dense_refuses_another_rank():
    options = {"equation": "ab,bc->ac", "output_shape": 3}
    assert_rejected("EinsumDense", options, (2, 3, 4), match="2 axes", keras_too=False)


def test_einsum_dense_initial_values_use_the_einsum_axes():
    options = {"equation": "abc,bcd->ad", "output_shape": 3, "kernel_initializer": keras.initializers.GlorotUniform(1)}
    expected = keras.layers.EinsumDense(**options)
    expected.build((None, 4, 5))
    layer = layers.EinsumDense(**options | {"kernel_initializer": kerasish.initializers.GlorotUniform(1)})
    layer.build((None, 4, 5))
    np.testing.assert_allclose(layer.kernel.numpy(), expected.kernel, rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mask_zero": True},
        {"embeddings_regularizer": "l2", "embeddings_constraint": "max_norm", "embeddings_initializer": "ones"},
        {"lora_rank": 1, "mask_zero": True},
        {"dtype": "mixed_bfloat16", "mask_zero": True, "activity_regularizer": "l2"},
    ],
)
def test_embedding(options):
    tolerance = 2e-2 if "dtype" in options else None  # Keras rounds the gradient of the table too
    assert_same("Embedding", {"input_dim": 5, "output_dim": 2, **options}, INTEGERS, tolerance=tolerance)


def test_embedding_with_float_and_single_inputs():
    assert_same("Embedding", {"input_dim": 5, "output_dim": 2}, np.array([1.0, 3.0], "float32"), gradients=False)


def test_embedding_takes_weights():
    table = np.arange(6.0, dtype="float32").reshape(3, 2)
    for weights in (table, [table]):
        layer = layers.Embedding(3, 2, weights=weights)
        np.testing.assert_array_equal(layer(np.array([2, 0])), table[[2, 0]])


def test_embedding_refuses():
    assert_rejected("Embedding", {"input_dim": 0, "output_dim": 2}, match="input_dim")
    assert_rejected("Embedding", {"input_dim": 2, "output_dim": 2.5}, match="output_dim")
    with pytest.warns(UserWarning, match="input_length"):
        layers.Embedding(3, 2, input_length=4)


def test_lora():
    layer = layers.Dense(3, kernel_initializer="ones")
    with pytest.raises(ValueError, match="not built"):
        layer.enable_lora(2)
    x = np.ones((2, 4), "float32")
    before = layer(x)
    layer.enable_lora(2, lora_alpha=4)
    np.testing.assert_allclose(layer(x), before)
    assert [weight.name for weight in layer.trainable_weights] == ["bias", "lora_kernel_a", "lora_kernel_b"]
    with pytest.raises(ValueError, match="once"):
        layer.enable_lora(2)
    layer.lora_kernel_b.assign(np.ones((2, 3)))
    merged = 1 + 2 * layer.lora_kernel_a.numpy() @ np.ones((2, 3))
    np.testing.assert_allclose(np.asarray(layer.kernel), merged, rtol=1e-6)
    store = {}
    layer.save_own_variables(store)
    assert sorted(store) == ["0", "1"]
    np.testing.assert_allclose(store["0"], merged, rtol=1e-6)
    expected = layer(x)
    plain = layers.Dense(3)
    plain.build((None, 4))
    plain.load_own_variables(store)
    np.testing.assert_allclose(plain(x), expected, rtol=1e-5)
    layer.load_own_variables(store)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5)
    with pytest.raises(ValueError, match="kernel_constraint"):
        layers.Dense(3, kernel_constraint="non_neg", lora_rank=1)(x)


def test_identity():
    mask = np.array([[True, False, True]] * 2)
    assert_same("Identity", {}, (2, 3, 4), masks=[mask])
    assert layers.Identity().built


@pytest.mark.parametrize("value", [0.0, 2.0])
def test_masking(value):
    x = np.array([[[0, 0], [1, 2], [2, 2]], [[2, 2], [0, 2], [0, 0]]], "float32")
    assert_same("Masking", {"mask_value": value}, x)
    assert_same("Masking", {"mask_value": value, "dtype": "mixed_bfloat16"}, x)


def test_masking_config_with_a_tensor():
    config = keras.layers.Masking(mask_value=np.array([1.0, 2.0], "float32")).get_config()
    config["mask_value"] = keras.saving.serialize_keras_object(config["mask_value"])
    config["dtype"] = "float32"
    layer = layers.Masking.from_config(config)
    np.testing.assert_array_equal(masks.get_mask(layer(np.array([[[1.0, 2.0], [1.0, 1.0]]]))), [[False, True]])


def test_lambda():
    assert_same(lambda lib: lib.layers.Lambda(lambda x: x**2 + 1), None, (2, 3), config=False)
    assert_same(lambda lib: lib.layers.Lambda(lambda x, k: x * k, arguments={"k": 3.0}), None, (2, 3), config=False)
    assert_same(lambda lib: lib.layers.Lambda(lambda x, training: x * 2 if training else x), None, (2, 3), config=False)
    mask = np.array([[True, False, True]] * 2)
    assert_same(
        lambda lib: lib.layers.Lambda(lambda x, mask: x, mask=lambda x, mask: mask),
        None, (2, 3, 1), masks=[mask], config=False,
    )  # fmt: skip
    layer = layers.Lambda(lambda inputs: inputs[0] + inputs[1])
    assert layer([KerasTensor((None, 3)), KerasTensor((None, 3))]).shape == (None, 3)
    assert layers.Lambda(lambda x: x, output_shape=(7,))(KerasTensor((None, 3))).shape == (None, 7)
    assert layers.Lambda(lambda x: x, output_shape=lambda s: (s[0], 9))(KerasTensor((None, 3))).shape == (None, 9)


def test_lambda_config():
    layer = layers.Lambda(lambda x: x + 1, name="plus")
    again = layers.Lambda.from_config(layer.get_config())
    np.testing.assert_array_equal(again(np.zeros(2)), [1, 1])
    with pytest.raises(ValueError, match="lambda"):
        registry.serialize_keras_object(layer)
    config = keras.saving.serialize_keras_object(keras.layers.Lambda(lambda x: x + 1))
    with pytest.raises(ValueError, match="never run"):
        registry.deserialize_keras_object(config)
    with pytest.raises(TypeError, match="function"):
        layers.Lambda(3)

    @registry.register_keras_serializable()
    def twice(x):
        return 2 * x

    again = registry.deserialize_keras_object(registry.serialize_keras_object(layers.Lambda(twice)))
    np.testing.assert_array_equal(again(np.ones(2)), [2, 2])


def test_input():
    for options in ({"shape": (3, None)}, {"shape": (3,), "batch_size": 4, "dtype": "int32"}, {"batch_shape": (2, 3)}):
        expected, tensor = keras.Input(**options, name="x"), layers.Input(**options, name="x")
        assert (tensor.shape, tensor.dtype, tensor.name) == (expected.shape, expected.dtype, expected.name)
        layer, keras_layer = tensor._keras_history.operation, expected._keras_history.operation
        assert isinstance(layer, layers.InputLayer)
        assert layer.get_config() == keras_layer.get_config()
        assert layers.InputLayer.from_config(layer.get_config()).batch_shape == layer.batch_shape
    x = KerasTensor((None, 3))
    assert layers.Input(tensor=x) is x
    assert layers.Input((2,)).dtype == "float32"
    assert layers.Input(())._keras_history.operation.name.startswith("input_layer")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "shape"),
        ({"shape": (2,), "batch_shape": (1, 2)}, "batch_shape"),
        ({"batch_size": 2, "batch_shape": (1, 2)}, "batch_size"),
        ({"shape": "abc"}, None),
        ({"shape": (2,), "ragged": True}, "ragged"),
    ],
)
def test_input_refuses(options, match):
    for library in (keras, layers):
        with pytest.raises((ValueError, TypeError), match=match if library is layers else None):
            library.Input(**options)


def test_input_layer_refuses_what_contradicts_its_tensor():
    x = KerasTensor((None, 3))
    others = {"shape": (2,), "batch_size": 2, "batch_shape": (None, 2), "dtype": "int32", "sparse": True}
    for options in ({name: value} for name, value in others.items()):
        with pytest.raises(ValueError, match=next(iter(options))):
            layers.InputLayer(input_tensor=x, **options)
    with pytest.raises(ValueError, match="input_tensor"):
        layers.InputLayer(input_tensor=np.ones(2))
