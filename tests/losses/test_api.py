"""Names, configs, errors and the base class of losses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish.losses as losses
from kerasish.core import registry
from kerasish.core.variable import Variable
from kerasish.losses.loss import LossFunctionWrapper

keras = pytest.importorskip("keras")

CLASSES = [n for n, c in vars(keras.losses).items() if isinstance(c, type) and n != "Loss"]


def test_public_names_are_those_of_keras():
    public = {name for name in dir(keras.losses) if not name.startswith("_")}
    assert public <= set(losses.__all__)


@pytest.mark.parametrize("name", CLASSES)
def test_config_equals_keras(name):
    ours, theirs = getattr(losses, name)(), getattr(keras.losses, name)()
    assert ours.get_config() == theirs.get_config()
    assert losses.serialize(ours) == keras.losses.serialize(theirs)
    again = losses.deserialize(keras.losses.serialize(theirs))
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()


def test_arguments_that_keras_leaves_out_of_configs_are_kept():
    assert losses.Huber.from_config(losses.Huber(delta=3.0).get_config()).delta == 3.0
    assert losses.CosineSimilarity.from_config(losses.CosineSimilarity(axis=1).get_config()).axis == 1
    loss = keras.losses.deserialize(losses.serialize(losses.Huber(delta=3.0)))
    assert loss._fn_kwargs == {"delta": 3.0}


def test_get_takes_every_name_of_keras():
    for name, obj in keras.src.losses.ALL_OBJECTS_DICT.items():
        if isinstance(obj, type):
            if name not in ("Loss", "LossFunctionWrapper"):
                assert type(losses.get(name)).__name__ == name
        else:
            assert losses.get(name).__name__ == obj.__name__
            assert losses.serialize(losses.get(name)) == keras.losses.serialize(keras.losses.get(name))
    assert losses.get(None) is None
    assert losses.get(losses.hinge) is losses.hinge
    assert losses.get(losses.Huber).name == "huber_loss"
    loss = losses.get({"class_name": "BinaryCrossentropy", "config": {"from_logits": True}})
    assert isinstance(loss, losses.BinaryCrossentropy)
    assert loss.from_logits


@pytest.mark.parametrize("identifier", ["mean_square_error", 3, ["mse"]])
def test_unknown_identifiers(identifier):
    with pytest.raises(ValueError, match="loss"):
        losses.get(identifier)


def test_unknown_name_lists_close_ones():
    with pytest.raises(ValueError, match="mean_squared_error"):
        losses.get("mean_square_error")


def test_wrapper_round_trip():
    wrapper = LossFunctionWrapper(losses.huber, delta=2.0)
    theirs = keras.src.losses.losses.LossFunctionWrapper(keras.losses.huber, delta=2.0)
    assert losses.serialize(wrapper) == keras.losses.serialize(theirs)
    again = losses.deserialize(losses.serialize(wrapper))
    assert again.fn is losses.huber
    assert again(np.zeros((2, 1)), np.full((2, 1), 3.0)) == theirs(np.zeros((2, 1)), np.full((2, 1), 3.0))


def test_custom_function_and_class(monkeypatch):
    @registry.register_keras_serializable("test_losses")
    def fourth_power(y_true, y_pred):
        return jnp.mean((y_true - y_pred) ** 4, axis=-1)

    wrapper = LossFunctionWrapper(fourth_power, name="fourth")
    again = losses.deserialize(losses.serialize(wrapper))
    assert again.fn is fourth_power

    class Cubed(losses.Loss):
        def call(self, y_true, y_pred):
            return jnp.mean(jnp.abs(y_true - y_pred) ** 3, axis=-1)

    loss = Cubed()
    assert loss.name == "cubed"
    assert loss([[0.0], [1.0]], [[2.0], [1.0]], sample_weight=[0.5, 1.0]) == 2.0


def test_nested_inputs():
    loss = LossFunctionWrapper(lambda t, p: p["a"] - t["a"] + p["b"] - t["b"])
    y_true, y_pred = {"a": np.zeros(3), "b": np.zeros(3)}, {"a": np.ones((3, 1)), "b": np.ones(3)}
    assert loss(y_true, {**y_pred, "a": np.ones(3)}) == 2.0


def test_inputs_of_every_kind():
    for y in ([[1, 2]], np.array([[1, 2]]), jnp.array([[1, 2]]), Variable([[1.0, 2.0]])):
        assert losses.MeanSquaredError()(y, y) == 0.0
        assert losses.mean_squared_error(y, [[1.0, 2.0]]) == 0.0


@pytest.mark.parametrize("labels", [[0, 3], [-1, 2], [0.0, np.nan]])
def test_labels_out_of_range(labels):
    probabilities = np.full((2, 3), 1 / 3, "float32")
    for call in (
        lambda: losses.sparse_categorical_crossentropy(labels, probabilities),
        lambda: losses.SparseCategoricalCrossentropy()(labels, probabilities),
        lambda: losses.CategoricalGeneralizedCrossEntropy()(labels, probabilities),
        lambda: losses.check_labels(labels, 3),
    ):
        with pytest.raises(ValueError, match="from 0 to 2"):
            call()
    # Traced labels have no values; numbers out of range give loss 0, as in Keras.
    if not np.isnan(labels).any():
        value = jax.jit(losses.sparse_categorical_crossentropy)(np.array(labels), probabilities)
        np.testing.assert_allclose(value, keras.losses.sparse_categorical_crossentropy(np.array(labels), probabilities))


def test_ignored_class_may_be_out_of_range():
    probabilities = np.full((2, 3), 1 / 3, "float32")
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    theirs = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)
    np.testing.assert_allclose(loss([-1, 2], probabilities), theirs(np.array([-1, 2]), probabilities))
    losses.check_labels([-1, 2], 3, ignore_class=-1)


def test_half_precision_losses_keep_class_numbers_exact():
    logits = np.zeros((1, 3000), "float32")
    logits[0, 2049] = 10.0
    value = losses.SparseCategoricalCrossentropy(from_logits=True, dtype="bfloat16")([2049], logits)
    assert value < 0.2


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match="reduction"):
        losses.MeanSquaredError(reduction="average")
    with pytest.raises(ValueError, match="q=1"):
        losses.CategoricalGeneralizedCrossEntropy(q=1)
    with pytest.raises(ValueError, match="axis"):
        losses.categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]], axis=True)
    with pytest.warns(SyntaxWarning, match="binary_crossentropy"):
        losses.categorical_crossentropy([[1.0]], [[0.5]])
    with pytest.raises((TypeError, ValueError)) as error:
        losses.MeanSquaredError(name="mine")(np.zeros((4, 3)), np.zeros((4, 2)))
    assert "'mine': y_true has shape (4, 3), y_pred (4, 2)" in error.value.__notes__[-1]
    with pytest.raises(ValueError, match="received 1 and 2"):
        losses.MeanSquaredError()(np.zeros(3), [np.zeros(3), np.zeros(3)])
