"""Attention layers, compared with Keras's."""

import numpy as np
import pytest

from kerasish import layers
from kerasish.core import masks
from kerasish.core.symbolic import KerasTensor
from tests.layers.compare import assert_rejected, assert_same, keras, kerasish

Q, V = (2, 3, 4), (2, 5, 4)
Q_MASK = np.array([[True, True, False], [True, False, True]])
V_MASK = np.array([[True, True, False, True, False], [False, True, True, True, True]])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Attention", {}),
        ("Attention", {"use_scale": True, "dropout": 0.3, "seed": 1}),
        ("Attention", {"score_mode": "concat", "use_scale": True}),
        ("AdditiveAttention", {}),
        ("AdditiveAttention", {"use_scale": False, "dropout": 0.3, "seed": 1}),
    ],
)
def test_plain(name, options):
    assert_same(name, options, [Q, V], masks=[Q_MASK, V_MASK])
    assert_same(name, options, [Q, V, V], call_options={"use_causal_mask": True}, config=False, training=(False,))


def test_plain_returns_scores():
    options = {"return_attention_scores": True, "use_causal_mask": True}
    assert_same("Attention", {}, [Q, V], masks=[None, V_MASK], call_options=options, training=(False,))
    assert_same("Attention", {"dtype": "mixed_bfloat16"}, [Q, V], training=(False,), tolerance=3e-2)


@pytest.mark.parametrize("name", ["Attention", "AdditiveAttention"])
def test_plain_refuses(name):
    assert_rejected(name, {}, (2, 3, 4), match="list")
    assert_rejected(name, {}, [(2, 3, 4)], match="list")
    with pytest.raises(ValueError, match="mask"):
        getattr(layers, name)()([np.ones(Q), np.ones(V)], mask=Q_MASK)


def test_attention_refuses():
    assert_rejected("Attention", {"score_mode": "no"}, match="score_mode")
    assert_rejected("Attention", {"dropout": 2.0}, match="dropout", keras_too=False)


@pytest.mark.parametrize(
    ("options", "call"),
    [
        ({}, {}),
        # Keras on JAX cannot call its layer without scores if `value_dim` differs from `key_dim`.
        ({"value_dim": 2, "use_bias": False, "output_shape": 5}, {"return_attention_scores": True}),
        ({"use_gate": True, "kernel_regularizer": "l2", "bias_constraint": "non_neg"}, {"use_causal_mask": True}),
        ({"dropout": 0.4, "seed": 1}, {"use_causal_mask": True}),
        ({"sliding_window": 2, "activity_regularizer": "l2"}, {"return_attention_scores": True}),
    ],
)
def test_multi_head(options, call):
    # Keras infers the scores' shape as if there were as many keys as queries.
    symbolic = "return_attention_scores" not in call
    assert_same(
        "MultiHeadAttention", {"num_heads": 2, "key_dim": 3, **options}, Q, V, call_options=call, symbolic=symbolic
    )


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_multi_head_masks(dropout):
    options = {"num_heads": 2, "key_dim": 3, "dropout": dropout, "seed": 1}
    mask = np.random.default_rng(0).random((2, 3, 5)) > 0.3
    mask[:, :, 1] = True
    assert_same("MultiHeadAttention", options, Q, V, masks=[Q_MASK, V_MASK], config=False)
    call = {"attention_mask": mask, "use_causal_mask": True}
    more = {"config": False, "training": (False,), "symbolic": False}
    assert_same("MultiHeadAttention", options, Q, V, V, call_options=call, **more)


def test_multi_head_over_several_axes():
    options = {"num_heads": 2, "key_dim": 2, "attention_axes": (1, 2)}
    assert_same("MultiHeadAttention", options, (2, 2, 3, 4), (2, 2, 3, 4), training=(False,))
    options = {"num_heads": 2, "key_dim": 2, "attention_axes": -2, "output_shape": (2, 3)}
    assert_same("MultiHeadAttention", options, (2, 2, 3, 4), (2, 2, 3, 4), training=(False,))


def test_multi_head_mixed_precision():
    options = {"num_heads": 2, "key_dim": 3, "dtype": "mixed_bfloat16"}
    assert_same("MultiHeadAttention", options, Q, V, training=(False,), tolerance=4e-2)


def test_multi_head_values_of_another_size():
    layer = layers.MultiHeadAttention(2, 3, value_dim=2)
    query, value = np.random.default_rng(0).normal(size=(2, *Q)).astype("float32")
    expected, _ = layer(query, value, return_attention_scores=True)
    np.testing.assert_allclose(layer(query, value), expected, rtol=1e-5)


def test_multi_head_shapes_and_masks():
    layer = layers.MultiHeadAttention(2, 3)
    query, value = KerasTensor((None, None, 4)), KerasTensor((None, 7, 4))
    output, scores = layer(query, value, return_attention_scores=True)
    assert (output.shape, scores.shape) == ((None, None, 4), (None, 2, None, 7))
    x = layers.Masking()(np.ones(Q))
    assert masks.get_mask(layer(x, x)) is not None
    assert layer.query_dense.name == "query" and layer.output_dense.name == "attention_output"


def test_multi_head_attention_can_be_overridden():
    class First(layers.MultiHeadAttention):
        def _compute_attention(
            self, query, key, value, attention_mask=None, training=None, return_attention_scores=False
        ):
            assert attention_mask.shape == (1, 3, 3)
            return value, None

    layer = First(2, 3)
    assert layer(np.ones(Q), np.ones(Q), use_causal_mask=True).shape == Q


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"num_heads": 0}, "num_heads"),
        ({"key_dim": 1.5}, "key_dim"),
        ({"value_dim": -1}, "value_dim"),
        ({"attention_axes": "a"}, "attention_axes"),
        ({"sliding_window": 0}, "sliding_window"),
        ({"dropout": 0.5, "flash_attention": True}, "flash"),
    ],
)
def test_multi_head_refuses(options, match):
    assert_rejected("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, **options}, match=match)


def test_multi_head_refuses_values_and_keys_of_different_lengths():
    assert_rejected("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, Q, V, (2, 6, 4), match="last axis")


@pytest.mark.parametrize(
    ("options", "call"),
    [
        ({}, {}),
        ({"use_bias": False, "sliding_window": 2}, {"use_causal_mask": True}),
        ({"dropout": 0.3, "seed": 1, "use_gate": True}, {"return_attention_scores": True}),
        ({"dropout": 0.3, "seed": 1}, {"use_causal_mask": True}),
    ],
)
def test_grouped_query(options, call):
    given = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2, **options}
    assert_same("GroupQueryAttention", given, Q, V, masks=[Q_MASK, V_MASK], call_options=call)


def test_grouped_query_regularizes_as_keras():
    given = {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1, "activity_regularizer": "l2"}
    query, value = (np.random.default_rng(0).normal(size=shape).astype("float32") for shape in (Q, V))
    expected, layer = (lib.layers.GroupQueryAttention(**given) for lib in (keras, kerasish))
    expected(query, value), layer(query, value)
    layer.set_weights(expected.get_weights())
    layer(query, value)
    np.testing.assert_allclose(layer.losses, expected.losses, rtol=1e-5)


def test_grouped_query_refuses():
    options = {"head_dim": 3, "num_query_heads": 3, "num_key_value_heads": 2}
    assert_rejected(lambda lib: lib.layers.GroupQueryAttention(**options), None, match="divisible")
