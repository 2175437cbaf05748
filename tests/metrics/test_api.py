"""Names, configs, state and errors of metrics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish.losses as losses
import kerasish.metrics as metrics
from kerasish.core import lifted
from kerasish.core.variable import Variable

keras = pytest.importorskip("keras")

ARGUMENTS = {
    "IoU": {"num_classes": 3, "target_class_ids": (0, 2)},
    "MeanIoU": {"num_classes": 3},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [1]},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "MeanMetricWrapper": {"fn": None},
}
BASES = ("Metric", "MeanMetricWrapper")
CLASSES = [name for name, obj in vars(keras.metrics).items() if isinstance(obj, type) and name not in BASES]


def test_public_names_are_those_of_keras():
    public = {name for name in dir(keras.metrics) if not name.startswith("_")}
    assert public <= set(metrics.__all__)


@pytest.mark.parametrize("name", CLASSES)
def test_config_equals_keras(name):
    arguments = ARGUMENTS.get(name, {})
    keras.utils.clear_session()
    ours, theirs = getattr(metrics, name)(**arguments), getattr(keras.metrics, name)(**arguments)
    assert ours.name == theirs.name
    assert ours.get_config() == theirs.get_config()
    assert metrics.serialize(ours) == keras.metrics.serialize(theirs)
    assert getattr(ours, "_direction", None) == getattr(theirs, "_direction", None)
    again = metrics.deserialize(keras.metrics.serialize(theirs))
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()
    described = [[(v.path, v.shape, v.dtype, v.trainable) for v in m.variables] for m in (ours, theirs)]
    assert described[0] == [(path, tuple(shape), *rest) for path, shape, *rest in described[1]]


def test_arguments_of_configs():
    arguments = {"thresholds": [0.2, 0.5], "multi_label": True, "label_weights": [1.0, 2.0], "curve": "pr", "name": "a"}
    auc, theirs = metrics.AUC(**arguments), keras.metrics.AUC(**arguments)
    config, expected = auc.get_config(), theirs.get_config()
    np.testing.assert_array_equal(config.pop("label_weights"), expected.pop("label_weights"))
    assert config == expected
    assert metrics.AUC.from_config(auc.get_config()).thresholds == auc.thresholds
    assert metrics.CosineSimilarity.from_config(metrics.CosineSimilarity(axis=1).get_config()).axis == 1


def test_get_takes_every_name_of_keras():
    for name, cls in keras.src.metrics.ALL_OBJECTS_DICT.items():
        if cls.__name__ in ARGUMENTS or cls.__name__ == "Metric":
            continue
        assert type(metrics.get(name)).__name__ == cls.__name__
    assert metrics.get(None) is None
    assert metrics.get("huber") is losses.huber
    assert metrics.get(metrics.hinge) is metrics.hinge
    with pytest.raises(ValueError, match="categorical_accuracy"):
        metrics.get("categorical_acuracy")
    with pytest.raises(ValueError, match="metric"):
        metrics.get(3)


def test_wrapper_round_trip():
    wrapper = metrics.MeanMetricWrapper(losses.huber, name="huber", delta=2.0)
    theirs = keras.metrics.MeanMetricWrapper(keras.losses.huber, name="huber", delta=2.0)
    assert metrics.serialize(wrapper) == keras.metrics.serialize(theirs)
    again = metrics.deserialize(metrics.serialize(wrapper))
    assert again._fn is losses.huber
    assert again.name == "huber"
    assert again._direction == "down"
    y_true, y_pred = np.zeros((2, 1)), np.full((2, 1), 3.0)
    assert again(y_true, y_pred) == theirs(y_true, y_pred)
    assert metrics.MeanMetricWrapper(losses.Huber(delta=2.0))(y_true, y_pred) == theirs.result()
    assert metrics.MeanMetricWrapper(lambda a, b: a)._direction is None


def test_inputs_of_every_kind():
    for y in ([[0, 1]], np.array([[0, 1]]), jnp.array([[0, 1]]), Variable([[0.0, 1.0]])):
        for name in ("BinaryAccuracy", "Precision", "AUC", "MeanSquaredError", "F1Score", "MeanIoU"):
            metric = getattr(metrics, name)(**{"MeanIoU": {"num_classes": 2}}.get(name, {}))
            metric.update_state(y, y)
            assert np.isfinite(metric.result()).any(), name


def test_state():
    metric = metrics.Mean()
    metric.update_state([1.0, 3.0])
    before = [v.value for v in metric.variables]
    updated = metric.stateless_update_state(before, [5.0])
    assert metric.result() == 2.0
    assert metric.stateless_result(updated) == 3.0
    assert metric.stateless_reset_state() == [0.0, 0.0]
    assert metric.result() == 2.0
    metric.reset_state()
    assert metric.result() == 0.0
    with pytest.raises(ValueError, match="2 variables"):
        metric.stateless_update_state([0.0], [5.0])


def test_state_under_lifted_jit():
    metric = metrics.AUC(num_thresholds=3)
    step = lifted.jit(lambda y, p: metric(y, p))
    value = step(np.array([0, 0, 1, 1]), np.array([0, 0.5, 0.3, 0.9]))
    assert value == metric.result() == 0.75


def test_lazy_state_may_be_built_while_tracing():
    metric = metrics.R2Score()
    assert metric.result() == 0.0
    x = np.arange(6.0, dtype="float32").reshape(3, 2)
    jax.eval_shape(lambda y: metric.stateless_update_state([0.0], y, y), x)
    assert len(metric.variables) == 5
    assert metric(x, x) == 1.0


def test_custom_metric():
    class Largest(metrics.Metric):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.own = Variable(0.0, name="own", trainable=False)
            self.largest = self.add_weight(initializer="ones", name="largest")
            self.parts = [metrics.Mean(name="a"), {"b": metrics.Sum(name="b")}]

        def update_state(self, values, sample_weight=None):
            self.largest.assign(jnp.maximum(self.largest.value, jnp.max(values)))
            self.parts[0].update_state(values)
            self.parts[1]["b"].update_state(values)

        def result(self):
            return {"largest": self.largest.value, "mean": self.parts[0].result()}

    metric = Largest()
    assert metric.name == "largest"
    assert repr(metric) == "<Largest name=largest>"
    assert [v.name for v in metric.variables] == ["largest", "own", "total", "count", "total"]
    assert metric(jnp.array([1.0, 4.0])) == {"largest": 4.0, "mean": 2.5}
    state = metric.stateless_update_state([v.value for v in metric.variables], jnp.array([9.0]))
    assert metric.stateless_result(state)["largest"] == 9.0
    metric.reset_state()
    assert metric.result()["largest"] == 0.0

    class Forgetful(metrics.Metric):
        def __init__(self):
            self.x = self.add_weight()

    with pytest.raises(RuntimeError, match="super"):
        Forgetful()


def test_construction_compiles_nothing():
    events = []
    jax.monitoring.register_event_duration_secs_listener(lambda name, *_, **__: events.append(name))
    metrics.AUC(num_thresholds=123).reset_state()
    metrics.MeanIoU(num_classes=17)
    metrics.Precision(thresholds=[0.1, 0.2, 0.9])
    assert not [name for name in events if "compile" in name]
    jnp.ones(321) + jnp.ones(321)
    assert [name for name in events if "compile" in name]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: metrics.AUC(curve="LOG"), "curve"),
        (lambda: metrics.AUC(summation_method="x"), "summation_method"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds"),
        (lambda: metrics.AUC(num_labels=3), "multi_label"),
        (lambda: metrics.AUC(multi_label=True).update_state([0.0], [1.0]), "batch, labels"),
        (lambda: metrics.Precision(thresholds=[0.5, 1.5]), "1.5"),
        (lambda: metrics.Precision(class_id=1).update_state([0.0, 1.0], [0.0, 1.0]), "class_id"),
        (lambda: metrics.Precision().update_state([0, 1], np.zeros((2, 3))), "same shape"),
        (lambda: metrics.PrecisionAtRecall(1.5), "recall"),
        (lambda: metrics.SensitivityAtSpecificity(0.5, num_thresholds=0), "num_thresholds"),
        (lambda: metrics.F1Score(average="all"), "average"),
        (lambda: metrics.FBetaScore(beta=1), "beta"),
        (lambda: metrics.F1Score(threshold=2.0), "threshold"),
        (lambda: metrics.F1Score().update_state([1.0], [1.0]), "batch, classes"),
        (lambda: metrics.R2Score(class_aggregation="all"), "class_aggregation"),
        (lambda: metrics.R2Score(num_regressors=-1), "num_regressors"),
        (lambda: metrics.R2Score().update_state([1.0], [1.0]), "batch, outputs"),
        (lambda: metrics.IoU(2, [2]), "target_class_ids"),
    ],
)
def test_errors_name_the_argument(make, text):
    with pytest.raises(ValueError, match=text):
        make()
