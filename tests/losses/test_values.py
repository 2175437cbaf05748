"""Values and gradients of every loss equal Keras's, with options, sample weights, masks and half precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish.losses as losses
from kerasish.core.masks import mask_frame, set_mask

keras = pytest.importorskip("keras")

# (class, arguments, kind of data)
CASES = [
    ("MeanSquaredError", {}, "real"),
    ("MeanAbsoluteError", {}, "real"),
    ("MeanAbsolutePercentageError", {}, "real"),
    ("MeanSquaredLogarithmicError", {}, "real"),
    ("Huber", {"delta": 0.3}, "real"),
    ("LogCosh", {}, "real"),
    ("CosineSimilarity", {}, "real"),
    ("CosineSimilarity", {"axis": 1}, "real"),
    ("Hinge", {}, "binary"),
    ("Hinge", {}, "signs"),
    ("SquaredHinge", {}, "binary"),
    ("CategoricalHinge", {}, "one_hot"),
    ("KLDivergence", {}, "one_hot"),
    ("Poisson", {}, "binary"),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, "binary"),
    ("BinaryCrossentropy", {"from_logits": True, "axis": 1}, "logits_binary"),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.4, "gamma": 1.5}, "binary"),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, "logits_binary"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "one_hot"),
    ("CategoricalCrossentropy", {"from_logits": True}, "logits_one_hot"),
    ("CategoricalFocalCrossentropy", {"alpha": 0.4, "gamma": 1.5}, "one_hot"),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "logits_one_hot"),
    ("SparseCategoricalCrossentropy", {}, "labels"),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 2}, "logits_labels"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.7}, "labels"),
    ("Dice", {"axis": (1, 2)}, "binary"),
    ("Tversky", {"alpha": 0.3, "beta": 0.6, "axis": 2}, "binary"),
]
SHAPE = (4, 2, 3)


def data(kind, rng):
    real = rng.normal(size=SHAPE).astype("float32")
    y_pred = real
    if not kind.startswith("logits") and kind != "real":
        y_pred = (1 / (1 + np.exp(-real))).astype("float32")
    labels = rng.integers(0, 3, SHAPE[:2])
    y_true = {
        "real": lambda: rng.normal(size=SHAPE).astype("float32"),
        "binary": lambda: rng.integers(0, 2, SHAPE),
        "signs": lambda: 2 * rng.integers(0, 2, SHAPE) - 1,
        "one_hot": lambda: np.eye(3)[labels],
        "labels": lambda: labels,
    }[kind.removeprefix("logits_")]()
    return y_true, y_pred


def results(library, mark, name, arguments, y_true, y_pred, weights, mask):
    """Return values and gradients for several reductions, with weights and with a mask."""
    make = getattr(library.losses if hasattr(library, "losses") else library, name)

    def values(y_pred):
        out = {"none": make(reduction="none", **arguments)(y_true, y_pred)}
        out["mean"] = make(**arguments)(y_true, y_pred)
        loose = out["none"].shape == weights.shape
        w = weights if loose else weights[:, :1] if out["none"].ndim == 2 else weights[:, 0]
        out["weighted"] = make(reduction="sum", **arguments)(y_true, y_pred, w)
        out["weighted mean"] = make(reduction="mean_with_sample_weight", **arguments)(y_true, y_pred, w)
        if loose:
            with mask_frame():
                mark(y_pred, mask)
                out["masked"] = make(**arguments)(y_true, y_pred, weights)
        return sum(jnp.sum(v) * (i + 1) for i, v in enumerate(out.values())), out

    (_, out), gradient = jax.jit(jax.value_and_grad(values, has_aux=True))(y_pred)
    return {**out, "gradient": gradient}


@pytest.mark.parametrize(("name", "arguments", "kind"), CASES, ids=lambda x: x if isinstance(x, str) else "")
def test_equals_keras(name, arguments, kind, rng):
    y_true, y_pred = data(kind, rng)
    weights = rng.uniform(0.5, 2, SHAPE[:2]).astype("float32")
    mask = rng.integers(0, 2, SHAPE[:2]).astype(bool)
    inputs = (name, arguments, y_true, y_pred, weights, mask)
    ours = results(losses, set_mask, *inputs)
    theirs = results(keras, keras.src.backend.set_keras_mask, *inputs)
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        np.testing.assert_allclose(ours[key], value, rtol=2e-5, atol=2e-6, err_msg=key)
    config = getattr(losses, name)(**arguments).get_config()
    assert getattr(losses, name).from_config(config).get_config() == config
    assert getattr(keras.losses, name).from_config(config).name == config["name"]


@pytest.mark.parametrize("name", ["mean_squared_error", "huber", "cosine_similarity", "poisson", "hinge", "dice"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(name, dtype, rng):
    y_true = np.array([[0, 1, 1], [1, 0, 0], [1, 1, 1]])
    y_pred = rng.uniform(0.1, 0.9, (3, 3)).astype(jnp.dtype(dtype))
    ours = jax.jit(getattr(losses, name))(y_true, y_pred)
    theirs = jax.jit(getattr(keras.losses, name))(y_true, y_pred)
    assert ours.dtype == theirs.dtype == dtype
    np.testing.assert_allclose(ours.astype("float32"), theirs.astype("float32"), rtol=2e-2, atol=1e-2)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_crossentropies_of_half_precision_are_as_exact_as_float32(dtype, rng):
    # Keras's are not: `1 - epsilon` is 1 in half precision, and its binary cross-entropy of p = 1 is NaN.
    p = jnp.asarray([[0.999, 1.0, 0.3]], dtype)
    y = jnp.asarray([[1, 1, 0]])
    for name in ("binary_crossentropy", "categorical_crossentropy", "binary_focal_crossentropy"):
        value = getattr(losses, name)(y, p)
        exact = getattr(losses, name)(y, p.astype("float32"))
        assert value.dtype == dtype
        np.testing.assert_allclose(value.astype("float32"), exact, rtol=1e-2)
    assert jnp.isnan(keras.losses.binary_crossentropy(y, p)).all()


@pytest.mark.parametrize(("y_true_shape", "y_pred_shape"), [((4,), (4, 1)), ((4, 1), (4,)), ((4, 2), (4, 2, 1))])
@pytest.mark.parametrize("weight_shape", [(4,), (4, 1)])
def test_ranks_that_differ_by_a_last_axis(y_true_shape, y_pred_shape, weight_shape, rng):
    y_true, y_pred = rng.normal(size=y_true_shape), rng.normal(size=y_pred_shape).astype("float32")
    weights = rng.uniform(size=weight_shape)
    ours = losses.MeanSquaredError()(y_true, y_pred, weights)
    np.testing.assert_allclose(ours, keras.losses.MeanSquaredError()(y_true, y_pred, weights), rtol=1e-5)


def test_sample_weights_of_sequences_go_with_the_samples(rng):
    # Keras refuses (3, 2) values with (3,) weights, and with (2, 2) values weighs time steps.
    y_true, y_pred = np.zeros((2, 2, 1)), np.ones((2, 2, 1))
    value = losses.MeanSquaredError(reduction="none")(y_true, y_pred, np.array([1.0, 0.0]))
    np.testing.assert_array_equal(value, [[1, 1], [0, 0]])


def test_circle_equals_keras(rng):
    y_pred = rng.normal(size=(6, 4)).astype("float32")
    y_pred /= np.linalg.norm(y_pred, axis=1, keepdims=True)
    y_true = np.array([0, 0, 1, 1, 2, 1])  # the fifth sample has no partner
    for arguments in ({}, {"gamma": 10.0, "margin": 0.2, "remove_diagonal": False}):
        for call in (
            lambda module, x: module.Circle(**arguments)(y_true, x),
            lambda module, x: jnp.sum(module.circle(y_true, x, **arguments)),
        ):
            ours, theirs = (jax.jit(jax.value_and_grad(lambda x: call(m, x)))(y_pred) for m in (losses, keras.losses))
            np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)
            np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-3, atol=1e-4)


def test_ctc_equals_keras(rng):
    y_true = np.array([[1, 2, 2, 0], [3, 0, 0, 0]])
    y_pred = rng.normal(size=(2, 7, 4)).astype("float32")
    ours, theirs = (jax.jit(jax.value_and_grad(lambda x: m.CTC()(y_true, x)))(y_pred) for m in (losses, keras.losses))
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)
    np.testing.assert_allclose(ours[1], theirs[1], atol=1e-5)
    with pytest.raises(ValueError, match="y_true"):
        losses.ctc(y_true[0], y_pred)


def test_class_axis_in_the_middle(rng):
    # Keras's sparse cross-entropy cannot do this on JAX, and its label smoothing counts the last axis.
    labels, logits = rng.integers(0, 3, (2, 4)), rng.normal(size=(2, 3, 4)).astype("float32")
    last = np.moveaxis(logits, 1, -1)
    ours = losses.sparse_categorical_crossentropy(labels, logits, from_logits=True, axis=1)
    np.testing.assert_allclose(ours, losses.sparse_categorical_crossentropy(labels, last, from_logits=True), rtol=1e-6)
    one_hot = np.eye(3)[labels]
    options = {"from_logits": True, "label_smoothing": 0.1}
    ours = losses.categorical_crossentropy(np.moveaxis(one_hot, -1, 1), logits, axis=1, **options)
    np.testing.assert_allclose(ours, losses.categorical_crossentropy(one_hot, last, **options), rtol=1e-6)


def test_gradients_stay_finite_at_the_edges():
    zero = jnp.zeros((1, 3))
    for fn in (
        lambda x: losses.cosine_similarity(x, x),
        lambda x: losses.binary_crossentropy(x, x),
        lambda x: losses.categorical_generalized_cross_entropy([1], x, 0.5),
        lambda x: losses.circle([0], x),
        lambda x: losses.kl_divergence(x, x),
    ):
        assert jnp.isfinite(jax.jit(jax.grad(lambda x: jnp.sum(fn(x))))(zero)).all()
