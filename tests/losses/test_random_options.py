"""Every loss in three dtypes, with options, inputs, weights and reductions drawn at random: values and gradients."""

import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish.losses as losses

keras = pytest.importorskip("keras")

# Compiling takes most of the time of these tests.
FAST = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
TOLERANCE = {"float32": 2e-5, "float16": 0.01, "bfloat16": 0.06}
REDUCTIONS = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none"]
BATCH, TIME, CLASSES = 3, 2, 4


def probabilities(rng):
    return rng.uniform(0.1, 0.9, (BATCH, TIME, CLASSES))


def numbers(rng):
    return rng.normal(size=(BATCH, TIME, CLASSES)), rng.normal(size=(BATCH, TIME, CLASSES))


def positive(rng):
    return probabilities(rng) * 3, probabilities(rng) * 3


def binary(rng):
    return rng.integers(0, 2, (BATCH, TIME, CLASSES)), probabilities(rng)


def one_hot(rng):
    return np.eye(CLASSES)[rng.integers(0, CLASSES, (BATCH, TIME))], probabilities(rng)


def labels(rng):
    return rng.integers(0, CLASSES, (BATCH, TIME)), probabilities(rng)


def with_logits(data, rng, arguments):
    """Return labels, and predictions in the form that `from_logits` says."""
    y_true, y_pred = data(rng)
    return y_true, np.log(y_pred / (1 - y_pred)) if arguments.get("from_logits") else y_pred


def sequences(rng):
    return np.array([[1, 2, 2], [3, 1, 0], [2, 0, 0]]), rng.normal(size=(BATCH, 6, CLASSES))


def embeddings(rng):
    y_pred = rng.normal(size=(6, 4))
    return np.array([0, 0, 1, 1, 2, 1]), y_pred / np.linalg.norm(y_pred, axis=1, keepdims=True)


def crossentropy(rng):
    return {"from_logits": bool(rng.integers(2)), "label_smoothing": rng.uniform(0, 0.3)}


def focal(rng):
    return {**crossentropy(rng), "alpha": rng.uniform(0.2, 0.6), "gamma": rng.uniform(1.0, 2.5)}


def nothing(rng):
    return {}


# Class -> how its data and its options are drawn.
DRAWS = {
    "BinaryCrossentropy": (binary, crossentropy),
    "BinaryFocalCrossentropy": (binary, lambda r: {**focal(r), "apply_class_balancing": bool(r.integers(2))}),
    "CTC": (sequences, nothing),
    "CategoricalCrossentropy": (one_hot, crossentropy),
    "CategoricalFocalCrossentropy": (one_hot, focal),
    "CategoricalGeneralizedCrossEntropy": (labels, lambda r: {"q": r.uniform(0.2, 0.9)}),
    "CategoricalHinge": (one_hot, nothing),
    "Circle": (embeddings, lambda r: {"gamma": r.uniform(2, 8), "margin": r.uniform(0.1, 0.5)}),
    "CosineSimilarity": (numbers, lambda r: {"axis": int(r.choice([-1, 1, 2]))}),
    "Dice": (binary, lambda r: {"axis": [None, (1, 2), -1][r.integers(3)]}),
    "Hinge": (binary, nothing),
    "Huber": (numbers, lambda r: {"delta": r.uniform(0.2, 2)}),
    "KLDivergence": (positive, nothing),
    "LogCosh": (numbers, nothing),
    "MeanAbsoluteError": (numbers, nothing),
    "MeanAbsolutePercentageError": (positive, nothing),
    "MeanSquaredError": (numbers, nothing),
    "MeanSquaredLogarithmicError": (positive, nothing),
    "Poisson": (positive, nothing),
    "SparseCategoricalCrossentropy": (
        labels,
        lambda r: {"from_logits": bool(r.integers(2)), "ignore_class": [None, 1][r.integers(2)]},
    ),
    "SquaredHinge": (binary, nothing),
    "Tversky": (binary, lambda r: {"alpha": r.uniform(0.2, 0.8), "beta": r.uniform(0.2, 0.8)}),
}


def test_every_loss_is_drawn():
    classes = {name for name, obj in vars(keras.losses).items() if isinstance(obj, type) and name != "Loss"}
    assert classes == set(DRAWS)


def draw(name):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    data, options = DRAWS[name]
    arguments = options(rng) | {"reduction": str(rng.choice(REDUCTIONS))}
    y_true, y_pred = with_logits(data, rng, arguments)
    # Numbers that exist in all three dtypes.
    y_pred = y_pred.astype(jnp.bfloat16).astype("float32")
    y_true = y_true if y_true.dtype.kind == "i" else y_true.astype(jnp.bfloat16).astype("float32")
    unweighted = getattr(losses, name)(**{**arguments, "reduction": "none"})(y_true, y_pred)
    weights = rng.integers(1, 5, unweighted.shape) / 4 if rng.integers(2) else None
    return arguments, y_true, y_pred, weights


def compute(name, arguments, y_true, y_pred, weights):
    """Return value and gradient by library and dtype, from one program."""

    def one(library, dtype):
        loss = getattr(library, name)(dtype=dtype, **arguments)

        def total(y_pred):
            value = loss(y_true, y_pred, weights)
            return jnp.sum(
                value.astype("float32") * (1 + jnp.arange(value.size).reshape(value.shape)) / value.size
            ), value

        gradient, value = jax.grad(total, has_aux=True)(y_pred.astype(dtype))
        return value, gradient

    return jax.jit(
        lambda y_pred: [{dtype: one(library, dtype) for dtype in TOLERANCE} for library in (losses, keras.losses)],
        compiler_options=FAST,
    )(y_pred)


def distance(x, y):
    """Return the largest difference, relative to the largest number."""
    return np.max(np.abs(x - y), initial=0) / np.max(np.abs(y), initial=1e-30)


@pytest.mark.parametrize("name", DRAWS)
def test_values_and_gradients(name):
    arguments, *data = draw(name)
    ours, theirs = compute(name, arguments, *(x if x is None else jnp.asarray(x) for x in data))
    for dtype, tolerance in TOLERANCE.items():
        for x, y, exact in zip(ours[dtype], theirs[dtype], theirs["float32"], strict=True):
            assert (x.dtype, x.shape) == (y.dtype, y.shape)
            x, y, exact = (np.asarray(array, "float32") for array in (x, y, exact))
            assert distance(x, y) < tolerance, (dtype, arguments)
            assert distance(x, exact) < tolerance, (dtype, arguments)
