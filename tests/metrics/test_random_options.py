"""Every metric in three dtypes, with options, inputs and weights drawn at random, against Keras."""

import inspect
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish.metrics as metrics

keras = pytest.importorskip("keras")

# Compiling takes most of the time of these tests.
FAST = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
TOLERANCE = {"float32": 2e-5, "float16": 0.01, "bfloat16": 0.06}
BATCH, CLASSES = 6, 4

LABELS = ["SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "SparseCategoricalCrossentropy"]
ONE_HOT = [
    "CategoricalAccuracy", "TopKCategoricalAccuracy", "CategoricalHinge", "CategoricalCrossentropy", "OneHotIoU",
    "OneHotMeanIoU",
]  # fmt: skip
NUMBERS = [
    "MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "LogCoshError", "RootMeanSquaredError",
    "CosineSimilarity", "R2Score", "PearsonCorrelation", "ConcordanceCorrelation",
]  # fmt: skip
BINARY = [
    "BinaryAccuracy", "MeanSquaredLogarithmicError", "Hinge", "SquaredHinge", "KLDivergence", "Poisson",
    "BinaryCrossentropy", "TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives", "Precision", "Recall",
    "SensitivityAtSpecificity", "SpecificityAtSensitivity", "PrecisionAtRecall", "RecallAtPrecision", "AUC",
    "FBetaScore", "F1Score", "BinaryIoU",
]  # fmt: skip
INTEGERS = ["Accuracy", "IoU", "MeanIoU"]
VALUES = ["Mean", "Sum"]
# These learn the number of classes from the first batch.
LAZY = ["R2Score", "FBetaScore", "F1Score"]

# Option -> how it is drawn, in whichever class has it.
OPTIONS = {
    "average": lambda r: [None, "micro", "macro", "weighted"][r.integers(4)],
    "beta": lambda r: r.uniform(0.5, 2),
    "class_aggregation": lambda r: [None, "uniform_average", "variance_weighted_average"][r.integers(3)],
    "class_id": lambda r: [None, 1, 2][r.integers(3)],
    "curve": lambda r: str(r.choice(["ROC", "PR"])),
    "ignore_class": lambda r: [None, 1][r.integers(2)],
    "k": lambda r: int(r.integers(1, 4)),
    "label_smoothing": lambda r: r.uniform(0, 0.3),
    "num_classes": lambda r: CLASSES,
    "num_thresholds": lambda r: int(r.integers(5, 30)),
    "precision": lambda r: r.uniform(0.3, 0.6),
    "recall": lambda r: r.uniform(0.3, 0.6),
    "sensitivity": lambda r: r.uniform(0.3, 0.6),
    "specificity": lambda r: r.uniform(0.3, 0.6),
    "summation_method": lambda r: str(r.choice(["interpolation", "minoring", "majoring"])),
    "target_class_ids": lambda r: [0, 1][: r.integers(1, 3)],
    "threshold": lambda r: r.uniform(0.3, 0.6),
    "top_k": lambda r: [None, 2][r.integers(2)],
}


def test_every_metric_is_drawn():
    classes = {name for name, obj in vars(keras.metrics).items() if isinstance(obj, type)}
    assert classes - {"Metric", "MeanMetricWrapper"} == {*LABELS, *ONE_HOT, *NUMBERS, *BINARY, *INTEGERS, *VALUES}


def batch(name, rng):
    """Return labels, predictions that exist in all three dtypes, and weights of samples or None."""
    shape = (BATCH, CLASSES)
    y_true, y_pred = rng.integers(0, 2, shape), rng.uniform(0.05, 0.95, shape)
    if name in LABELS:
        y_true = rng.integers(0, CLASSES, BATCH)
    elif name in ONE_HOT:
        y_true = np.eye(CLASSES, dtype="int32")[rng.integers(0, CLASSES, BATCH)]
    elif name in NUMBERS:
        y_true, y_pred = rng.normal(size=shape).astype(jnp.bfloat16).astype("float32"), rng.normal(size=shape)
    elif name in INTEGERS:
        y_true, y_pred = rng.integers(0, CLASSES, BATCH), rng.integers(0, CLASSES, BATCH)
    weights = rng.integers(1, 5, BATCH) / 4 if rng.integers(2) else None
    return y_true, y_pred.astype(jnp.bfloat16).astype("float32"), weights


def draw(name):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    parameters = inspect.signature(getattr(keras.metrics, name)).parameters
    arguments = {option: OPTIONS[option](rng) for option in parameters if option in OPTIONS}
    if arguments.get("top_k"):
        arguments["class_id"] = None
    return arguments, [batch(name, rng) for _ in range(2)]


def compute(name, arguments, batches):
    """Return the results after each of two batches, by library and dtype, from one program."""

    def one(library, dtype):
        metric = getattr(library, name)(dtype=dtype, **arguments)
        if name in LAZY:
            metric._build(batches[0][0].shape, batches[0][1].shape)
        state, results = metric.stateless_reset_state(), []
        for y_true, y_pred, weights in batches:
            y_pred = jnp.asarray(y_pred, dtype)
            inputs = (y_pred, weights) if name in VALUES else (y_true, y_pred, weights)
            state = metric.stateless_update_state(state, *inputs)
            results.append(metric.stateless_result(state))
        return results

    return jax.jit(
        lambda: [{dtype: one(library, dtype) for dtype in TOLERANCE} for library in (metrics, keras.metrics)],
        compiler_options=FAST,
    )()


@pytest.mark.parametrize("name", [*LABELS, *ONE_HOT, *NUMBERS, *BINARY, *INTEGERS, *VALUES])
def test_results(name):
    arguments, batches = draw(name)
    ours, theirs = compute(name, arguments, batches)
    for dtype, tolerance in TOLERANCE.items():
        for x, y, exact in zip(ours[dtype], theirs[dtype], theirs["float32"], strict=True):
            assert (x.dtype, x.shape) == (y.dtype, y.shape)
            x, y, exact = (np.asarray(array, "float32") for array in (x, y, exact))
            np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance, err_msg=f"{dtype} {arguments}")
            np.testing.assert_allclose(x, exact, rtol=tolerance, atol=tolerance, err_msg=f"{dtype} {arguments}")
