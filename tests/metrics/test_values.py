"""Results of every metric equal Keras's after two batches, with options, sample weights and masks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish.metrics as metrics
from kerasish.core.masks import mask_frame, set_mask

keras = pytest.importorskip("keras")

BATCH, CLASSES = 5, 4
# (class, arguments, kind of data)
CASES = [
    ("Accuracy", {}, "labels_labels"),
    ("BinaryAccuracy", {"threshold": 0.4}, "binary"),
    ("CategoricalAccuracy", {}, "one_hot"),
    ("SparseCategoricalAccuracy", {}, "labels"),
    ("SparseCategoricalAccuracy", {}, "labels_column"),
    ("TopKCategoricalAccuracy", {"k": 2}, "one_hot"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "labels"),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, "sorted_ids"),
    ("MeanSquaredError", {}, "real"),
    ("MeanAbsoluteError", {}, "real"),
    ("MeanAbsolutePercentageError", {}, "real"),
    ("MeanSquaredLogarithmicError", {}, "binary"),
    ("LogCoshError", {}, "real"),
    ("RootMeanSquaredError", {}, "real"),
    ("CosineSimilarity", {}, "real"),
    ("R2Score", {}, "real"),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, "real"),
    ("R2Score", {"class_aggregation": None}, "real"),
    ("PearsonCorrelation", {}, "real"),
    ("PearsonCorrelation", {"axis": 0}, "real"),
    ("ConcordanceCorrelation", {}, "real"),
    ("Hinge", {}, "binary"),
    ("SquaredHinge", {}, "binary"),
    ("CategoricalHinge", {}, "one_hot"),
    ("KLDivergence", {}, "one_hot"),
    ("Poisson", {}, "binary"),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, "binary"),
    ("CategoricalCrossentropy", {"from_logits": True}, "one_hot"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, "labels"),
    ("TruePositives", {}, "binary"),
    ("FalsePositives", {"thresholds": [0.2, 0.7]}, "binary"),
    ("TrueNegatives", {"thresholds": [0.0, 0.5, 1.0]}, "binary"),
    ("FalseNegatives", {"thresholds": 0.3}, "binary"),
    ("Precision", {}, "binary"),
    ("Precision", {"top_k": 2}, "one_hot"),
    ("Precision", {"thresholds": [0.0, 0.5, 1.0], "class_id": 1}, "one_hot"),
    ("Recall", {"thresholds": [0.3, 0.6]}, "binary"),
    ("Recall", {"top_k": 2, "class_id": 3}, "one_hot"),
    ("SensitivityAtSpecificity", {"specificity": 0.4}, "binary"),
    ("SpecificityAtSensitivity", {"sensitivity": 0.4, "num_thresholds": 1}, "binary"),
    ("PrecisionAtRecall", {"recall": 0.6, "num_thresholds": 20}, "binary"),
    ("RecallAtPrecision", {"precision": 0.5, "class_id": 2}, "one_hot"),
    ("AUC", {}, "binary"),
    ("AUC", {"curve": "PR", "num_thresholds": 7}, "binary"),
    ("AUC", {"curve": "PR", "summation_method": "majoring"}, "binary"),
    ("AUC", {"curve": "PRGAIN", "num_thresholds": 20}, "binary"),
    ("AUC", {"summation_method": "minoring", "thresholds": [0.1, 0.25, 0.7]}, "binary"),
    ("AUC", {"multi_label": True, "num_labels": CLASSES, "num_thresholds": 9}, "binary"),
    ("AUC", {"multi_label": True, "num_labels": CLASSES, "label_weights": [1.0, 0, 2, 1], "curve": "PR"}, "binary"),
    ("AUC", {"multi_label": True, "num_labels": CLASSES, "thresholds": [0.2, 0.3]}, "binary"),
    ("AUC", {"label_weights": [1.0, 0, 2, 1], "from_logits": True}, "binary"),
    ("FBetaScore", {"beta": 2.0, "threshold": 0.5}, "binary"),
    ("FBetaScore", {"average": "micro"}, "one_hot"),
    ("F1Score", {"average": "macro"}, "one_hot"),
    ("F1Score", {"average": "weighted", "threshold": 0.4}, "binary"),
    ("IoU", {"num_classes": CLASSES, "target_class_ids": [0, 2], "dtype": "float32"}, "labels_labels"),
    ("MeanIoU", {"num_classes": CLASSES, "ignore_class": 1, "dtype": "float32"}, "labels_labels"),
    ("MeanIoU", {"num_classes": CLASSES - 1, "sparse_y_pred": False, "dtype": "float32"}, "labels"),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.4, "dtype": "float32"}, "binary_column"),
    ("OneHotIoU", {"num_classes": CLASSES, "target_class_ids": [1, 3], "dtype": "float32"}, "one_hot"),
    ("OneHotMeanIoU", {"num_classes": CLASSES, "dtype": "float32"}, "one_hot"),
]
# These learn the number of classes from the first batch.
LAZY = ("R2Score", "FBetaScore", "F1Score")


def batch(kind, rng):
    shape = (BATCH, CLASSES)
    labels = rng.integers(0, CLASSES, BATCH)
    probabilities = rng.uniform(0.01, 1, shape).astype("float32")
    return {
        "real": lambda: (rng.normal(size=shape).astype("float32"), rng.normal(size=shape).astype("float32")),
        "binary": lambda: (rng.integers(0, 2, shape), probabilities),
        "binary_column": lambda: (rng.integers(0, 2, BATCH), probabilities[:, 0]),
        "one_hot": lambda: (np.eye(CLASSES, dtype="float32")[labels], probabilities),
        "labels": lambda: (labels, probabilities),
        "labels_column": lambda: (labels[:, None], probabilities),
        "labels_labels": lambda: (labels, rng.integers(0, CLASSES, BATCH)),
        "sorted_ids": lambda: (labels, np.argsort(-probabilities, axis=-1)),
    }[kind]()


def result(module, name, arguments, first, second):
    metric = getattr(module, name)(**arguments)
    if name in LAZY:
        metric._build(first[0].shape, first[1].shape)

    def run(first, second):
        state = metric.stateless_reset_state()
        state = metric.stateless_update_state(state, *first)
        before = metric.stateless_result(state)
        state = metric.stateless_update_state(state, second[0], second[1], sample_weight=second[2])
        return before, metric.stateless_result(state), state

    # Keras cannot trace this one.
    eager = module is keras.metrics and "thresholds" in arguments and "multi_label" in arguments
    return (run if eager else jax.jit(run))(first, second)


@pytest.mark.parametrize(("name", "arguments", "kind"), CASES, ids=lambda x: x if isinstance(x, str) else "")
def test_equals_keras(name, arguments, kind, rng):
    weights = rng.integers(0, 3, BATCH).astype("float32") + 0.5
    if arguments.get("axis") == 0:
        weights = weights[:CLASSES]
    inputs = (name, arguments, batch(kind, rng), (*batch(kind, rng), weights))
    ours, theirs = result(metrics, *inputs), result(keras.metrics, *inputs)
    for value, expected in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert value.shape == expected.shape
        np.testing.assert_allclose(value, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", ["Mean", "Sum"])
@pytest.mark.parametrize("weight_shape", [None, (), (3,), (3, 1), (3, 2), (3, 2, 2)])
@pytest.mark.parametrize("value_shape", [(3,), (3, 2), (3, 2, 2)])
def test_reductions_equal_keras(name, weight_shape, value_shape, rng):
    if weight_shape is not None and len(weight_shape) > len(value_shape) and weight_shape[-1] != 1:
        pytest.skip("more weights than values")
    values = rng.normal(size=value_shape).astype("float32")
    weights = None if weight_shape is None else rng.uniform(0.5, 1, weight_shape).astype("float32")
    ours, theirs = (getattr(m, name)() for m in (metrics, keras.metrics))
    np.testing.assert_allclose(ours(values, weights), theirs(values, weights), rtol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_masks_equal_keras(weighted, rng):
    y_true, y_pred = rng.normal(size=(2, 3, 1)), rng.normal(size=(2, 3, 1)).astype("float32")
    mask = np.array([[True, False, True], [False, False, True]])
    weights = rng.uniform(size=(2, 3)) if weighted else None
    ours, theirs = metrics.MeanSquaredError(), keras.metrics.MeanSquaredError()
    x, y = jnp.asarray(y_pred), jnp.asarray(y_pred)
    with mask_frame():
        set_mask(x, jnp.asarray(mask))
        ours.update_state(y_true, x, weights)
    keras.src.backend.set_keras_mask(y, jnp.asarray(mask))
    theirs.update_state(y_true, y, weights)
    np.testing.assert_allclose(ours.result(), theirs.result(), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_inputs(dtype, rng):
    y_true, y_pred = rng.integers(0, 2, (5, 4)), rng.uniform(0.1, 0.9, (5, 4)).astype(jnp.dtype(dtype))
    for name in ("BinaryAccuracy", "MeanSquaredError", "AUC", "Precision"):
        ours, theirs = (getattr(m, name)()(y_true, y_pred) for m in (metrics, keras.metrics))
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-2)


def test_half_precision_scores_keep_class_numbers_apart():
    # Keras compares class numbers in the dtype of the scores, where 257 is 256.
    scores = jnp.zeros((1, 300), "bfloat16").at[0, 257].set(1.0)
    assert metrics.sparse_categorical_accuracy([256], scores) == 0
    assert metrics.categorical_accuracy(np.eye(300)[[256]], scores) == 0
    assert metrics.SparseCategoricalAccuracy()(np.array([[257]]), scores) == 1


def test_exact_areas(rng):
    """With thresholds between all predictions, the areas are the exact ones."""
    y_true = rng.integers(0, 2, 60)
    y_pred = rng.permutation(60) / 60 + 1 / 120
    pairs = y_pred[y_true == 1][:, None] > y_pred[y_true == 0][None]
    np.testing.assert_allclose(metrics.AUC(num_thresholds=61)(y_true, y_pred), pairs.mean(), rtol=1e-5)
    # Precision never falls where recall grows, so the majoring sum is the average precision.
    order = np.argsort(-y_pred)
    hits = y_true[order]
    precision = np.cumsum(hits) / np.arange(1, 61)
    average_precision = (precision * hits).sum() / hits.sum()
    curve = metrics.AUC(num_thresholds=61, curve="PR", summation_method="majoring")(y_true, y_pred)
    np.testing.assert_allclose(curve, average_precision, rtol=1e-5)


def test_correlations_against_numpy(rng):
    y_true, y_pred = rng.normal(size=(3, 9)), rng.normal(size=(3, 9))
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(y_true, y_pred)]
    np.testing.assert_allclose(metrics.pearson_correlation(y_true, y_pred), expected, rtol=1e-4)
    moments = [(np.cov(a, b, bias=True), (a.mean() - b.mean()) ** 2) for a, b in zip(y_true, y_pred)]
    expected = [2 * c[0, 1] / (c[0, 0] + c[1, 1] + d) for c, d in moments]
    np.testing.assert_allclose(metrics.concordance_correlation(y_true, y_pred), expected, rtol=1e-4)


def test_adjusted_r2(rng):
    y_true, y_pred = rng.normal(size=(8, 1)), rng.normal(size=(8, 1))
    ours, theirs = (m.R2Score(num_regressors=2) for m in (metrics, keras.metrics))
    np.testing.assert_allclose(ours(y_true, y_pred), theirs(y_true, y_pred), rtol=1e-4)
    traced = jax.jit(ours.stateless_result)([v.value for v in ours.variables])
    np.testing.assert_allclose(traced, ours.result(), rtol=1e-6)
    few = metrics.R2Score(num_regressors=8)
    with pytest.warns(UserWarning, match="too many"):
        value = few(y_true, y_pred)
    np.testing.assert_allclose(value, metrics.R2Score()(y_true, y_pred), rtol=1e-6)


def test_iou_with_classes_in_front():
    labels = np.array([[0, 1, 1]])
    scores = np.moveaxis(np.eye(2)[labels], -1, 1)
    metric = metrics.MeanIoU(num_classes=2, sparse_y_pred=False, axis=1)
    np.testing.assert_allclose(metric(labels, scores), 1.0, rtol=1e-6)
    with pytest.warns(UserWarning, match="cut to int32"):
        metric.update_state(labels, scores, np.full((1, 3), 0.5, "float32"))
