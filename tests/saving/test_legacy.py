"""Keras's older HDF5 files: whole models both ways, files of Keras 2, and weights by order and by name."""

import json

import h5py
import numpy as np
import pytest

import kerasish
from kerasish import layers
from kerasish.saving import RefusedFileError, legacy
from tests.saving import families, zoo
from tests.saving.test_models import assert_equal_outputs, classes_for, outputs

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.filterwarnings("ignore")

MODELS = [zoo.sequential, zoo.nested, zoo.operations, zoo.recurrent, zoo.attention, zoo.mixed_functional_subclass]
MODELS += [families.merges, families.many_operations, families.dictionaries, families.embedding]


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_files_of_keras_load_here_and_ours_in_keras(make, tmp_path):
    theirs, x = zoo.of_keras(make)
    expected = outputs(theirs, x, keras)
    theirs.save(tmp_path / "theirs.h5")
    model = kerasish.models.load_model(tmp_path / "theirs.h5", custom_objects=classes_for(make, kerasish))
    assert_equal_outputs(outputs(model, x, kerasish), expected)
    model.save(tmp_path / "ours.h5")
    back = keras.models.load_model(tmp_path / "ours.h5", custom_objects=classes_for(make, keras))
    assert_equal_outputs(outputs(back, x, keras), expected)


def names(*texts):
    return np.array([text.encode() for text in texts])


def keras_2_file(path, model_config, weights, training_config=None, optimizer=()):
    """Write a file as tf.keras 2.4 did: attributes of bytes, names of weights with ':0'."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"2.4.0"
        file.attrs["backend"] = b"tensorflow"
        file.attrs["model_config"] = json.dumps(model_config).encode()
        if training_config:
            file.attrs["training_config"] = json.dumps(training_config).encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = names(*weights)
        group.attrs["backend"] = b"tensorflow"
        for layer, arrays in weights.items():
            of_layer = group.create_group(layer)
            of_layer.attrs["weight_names"] = names(*(f"{layer}/{name}:0" for name in arrays))
            for name, array in arrays.items():
                of_layer.create_dataset(f"{layer}/{name}:0", data=array)
        if optimizer:
            group = file.create_group("optimizer_weights")
            group.attrs["weight_names"] = names(*dict(optimizer))
            for name, array in optimizer:
                group.create_dataset(name, data=array)


def initializer(name, **config):
    return {"class_name": name, "config": config}


def keras_2_dense(name, units, activation, **config):
    return {
        "class_name": "Dense",
        "config": {
            "name": name,
            "trainable": True,
            "dtype": "float32",
            "units": units,
            "activation": activation,
            "use_bias": True,
            "kernel_initializer": initializer("GlorotUniform", seed=None),
            "bias_initializer": initializer("Zeros"),
            "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.01}},
            "bias_regularizer": None,
            "activity_regularizer": None,
            "kernel_constraint": None,
            "bias_constraint": None,
            **config,
        },
    }


def normalization(name):
    config = {"name": name, "trainable": True, "dtype": "float32", "axis": [1], "momentum": 0.99, "epsilon": 0.001}
    ones = dict.fromkeys(("gamma_initializer", "moving_variance_initializer"), initializer("Ones"))
    zeros = dict.fromkeys(("beta_initializer", "moving_mean_initializer"), initializer("Zeros"))
    return {"class_name": "BatchNormalization", "config": config | {"center": True, "scale": True} | ones | zeros}


def arrays(*shapes):
    random = np.random.default_rng(0)
    return [np.abs(random.normal(size=shape)).astype("float32") for shape in shapes]


def test_a_sequential_model_of_keras_2(tmp_path):
    kernel, bias, gamma, beta, mean, variance = arrays((4, 3), (3,), (3,), (3,), (3,), (3,))
    inputs = {"batch_input_shape": [None, 4], "dtype": "float32", "sparse": False, "ragged": False, "name": "input_1"}
    stack = [{"class_name": "InputLayer", "config": inputs}, keras_2_dense("dense", 3, "relu"), normalization("bn")]
    training = {
        "loss": "mse",
        "metrics": [[{"class_name": "MeanMetricWrapper", "config": {"name": "mae", "dtype": "float32", "fn": "mae"}}]],
        "weighted_metrics": None,
        "loss_weights": None,
        "sample_weight_mode": None,
        "optimizer_config": {
            "class_name": "Adam",
            "config": {"name": "Adam", "learning_rate": 0.01, "decay": 0.0, "beta_1": 0.9, "beta_2": 0.999,
                       "epsilon": 1e-07, "amsgrad": False},
        },
    }  # fmt: skip
    config = {"class_name": "Sequential", "config": {"name": "sequential", "layers": stack}}
    weights = {
        "dense": {"kernel": kernel, "bias": bias},
        "bn": {"gamma": gamma, "beta": beta, "moving_mean": mean, "moving_variance": variance},
    }
    keras_2_file(tmp_path / "m.h5", config, weights, training, [("training/Adam/iter:0", np.int64(3))])
    with pytest.warns(UserWarning, match="starts anew"):
        model = kerasish.models.load_model(tmp_path / "m.h5")
    x = arrays((2, 4))[0]
    wanted = (np.maximum(x @ kernel + bias, 0) - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-5, atol=1e-5)
    assert model.optimizer.get_config()["learning_rate"] == pytest.approx(0.01)
    assert set(model.evaluate(x, wanted, verbose=0, return_dict=True)) == {"loss", "mae"}


def test_a_functional_model_of_keras_2(tmp_path):
    kernel, bias, other, other_bias = arrays((4, 3), (3,), (4, 3), (3,))
    inputs = {"batch_input_shape": [None, 4], "dtype": "float32", "sparse": False, "ragged": False, "name": "input_1"}
    add = {"class_name": "Add", "config": {"name": "add", "trainable": True, "dtype": "float32"}, "name": "add"}
    policy = {"class_name": "Policy", "config": {"name": "float32"}}
    nodes = [["input_1", 0, 0, {}]]
    config = {
        "class_name": "Model",
        "config": {
            "name": "model",
            "layers": [
                {"class_name": "InputLayer", "config": inputs, "name": "input_1", "inbound_nodes": []},
                {**keras_2_dense("a", 3, "linear"), "name": "a", "inbound_nodes": [nodes]},
                {**keras_2_dense("b", 3, "linear", dtype=policy), "name": "b", "inbound_nodes": [nodes]},
                {**add, "inbound_nodes": [[["a", 0, 0, {}], ["b", 0, 0, {}]]]},
            ],
            "input_layers": [["input_1", 0, 0]],
            "output_layers": [["add", 0, 0]],
        },
    }
    weights = {"input_1": {}, "a": {"kernel": kernel, "bias": bias}, "b": {"kernel": other, "bias": other_bias}}
    keras_2_file(tmp_path / "m.h5", config, weights | {"add": {}})
    model = kerasish.models.load_model(tmp_path / "m.h5")
    x = arrays((2, 4))[0]
    np.testing.assert_allclose(model(x), x @ kernel + bias + x @ other + other_bias, rtol=1e-5)


def dense(*units, prefix="layer"):
    made = [layers.Dense(count, name=f"{prefix}_{index}") for index, count in enumerate(units)]
    return kerasish.Sequential([kerasish.Input((4,)), *made])


def test_weights_alone_by_order_and_by_name(tmp_path):
    path, saved = tmp_path / "w.h5", dense(3, 2)
    legacy.save_weights(saved, path)
    model = dense(3, 2, prefix="other")
    model.load_weights(path)
    np.testing.assert_array_equal(model.get_weights()[2], saved.get_weights()[2])
    theirs = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
    theirs.load_weights(path)
    np.testing.assert_array_equal(theirs.get_weights()[2], saved.get_weights()[2])
    other = dense(3, 5)
    before = other.get_weights()
    with pytest.raises(ValueError, match="layer_1: 'layer_1/.*kernel' has shape"):
        other.load_weights(path, by_name=True)
    np.testing.assert_array_equal(other.get_weights()[0], before[0])
    with pytest.warns(UserWarning, match="What fits was loaded"):
        other.load_weights(path, by_name=True, skip_mismatch=True)
    np.testing.assert_array_equal(other.get_weights()[0], saved.get_weights()[0])
    np.testing.assert_array_equal(other.get_weights()[2], before[2])
    with pytest.raises(ValueError, match="3 layers with weights"):
        dense(3, 2, 1).load_weights(path)
    dense(3, 2, 1).load_weights(path, by_name=True)
    with pytest.raises(ValueError, match="older layout only"):
        model.load_weights(path.rename(tmp_path / "w.weights.h5"), by_name=True)


def test_weights_load_from_whole_models_too(tmp_path):
    saved, model = dense(3, 2), dense(3, 2, prefix="other")
    saved.save(tmp_path / "m.h5")
    model.load_weights(tmp_path / "m.h5")
    np.testing.assert_array_equal(model.get_weights()[0], saved.get_weights()[0])


def test_long_lists_of_names_are_split(tmp_path):
    saved, model = (dense(*[2] * 40, prefix=prefix * 1100) for prefix in "ab")
    saved.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as file:
        assert "layer_names1" not in file["model_weights"].attrs or "layer_names" not in file["model_weights"].attrs
    model.load_weights(tmp_path / "m.h5")
    np.testing.assert_array_equal(model.get_weights()[-1], saved.get_weights()[-1])


@pytest.mark.parametrize("key", ["model_config", "training_config"])
@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"class_name": 3}', "null", '{"config": {}, "class_name": "Nothing"}']
)
def test_damaged_configurations_are_refused(key, text, tmp_path):
    model = dense(2)
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "a") as file:
        file.attrs[key] = text
    if key == "training_config" and text in ('{"class_name": 3}', '{"config": {}, "class_name": "Nothing"}'):
        assert not kerasish.models.load_model(tmp_path / "m.h5").optimizer
        return
    with pytest.raises(RefusedFileError, match=key):
        kerasish.models.load_model(tmp_path / "m.h5")


def test_weights_alone_are_no_model(tmp_path):
    legacy.save_weights(dense(2), tmp_path / "w.h5")
    with pytest.raises(RefusedFileError, match="only weights"):
        kerasish.models.load_model(tmp_path / "w.h5")
