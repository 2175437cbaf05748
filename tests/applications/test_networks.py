"""One network of each family against Keras: structure, files of Keras in both layouts, predictions."""

import numpy as np
import pytest

import kerasish
from tests.applications.compare import (
    assert_same_network,
    assert_same_predictions,
    keras,
    pair,
    save_in_older_layout,
)

# Network, size of the images, further arguments.
NETWORKS = [
    ("ConvNeXtTiny", 32, {}),
    ("DenseNet121", 32, {}),
    ("EfficientNetB0", 33, {}),
    ("EfficientNetV2B0", 32, {}),
    ("MobileNet", 32, {"alpha": 0.25, "depth_multiplier": 2}),
    ("MobileNetV2", 32, {"alpha": 0.35}),
    ("MobileNetV3Small", 32, {"alpha": 0.75}),
    ("ResNet50", 32, {}),
    ("ResNet50V2", 32, {}),
    ("VGG16", 32, {}),
    ("Xception", 71, {}),
]
# Networks that take long to compile, with the layer up to which predictions are compared; their names, weights and
# connections are compared to the end, and their predictions in benchmarks/applications.py.
LARGE = [
    ("InceptionResNetV2", 75, "block35_2_ac"),
    ("InceptionV3", 75, "mixed5"),
    ("NASNetMobile", 32, "normal_concat_0"),
]


@pytest.mark.parametrize("name, size, arguments", NETWORKS, ids=[name for name, *_ in NETWORKS])
def test_networks_read_the_files_of_keras_and_predict_the_same(name, size, arguments, tmp_path):
    # Logits, since the softmax of a random network hides differences: often one class has all.
    reference, model = pair(name, input_shape=(size, size, 3), classes=7, classifier_activation=None, **arguments)
    assert_same_network(reference, model)
    reference.save_weights(tmp_path / "w.weights.h5")
    model.load_weights(tmp_path / "w.weights.h5")
    assert_same_predictions(reference, model, size)


@pytest.mark.parametrize("name, size, arguments", NETWORKS, ids=[name for name, *_ in NETWORKS])
def test_networks_without_classifier_read_the_older_layout(name, size, arguments, tmp_path):
    reference, model = pair(name, input_shape=(size, size, 3), include_top=False, pooling="avg", **arguments)
    assert_same_network(reference, model)
    save_in_older_layout(reference, tmp_path / "w.h5")
    model.load_weights(tmp_path / "w.h5")
    assert_same_predictions(reference, model, size)


@pytest.mark.parametrize("name, size, layer", LARGE, ids=[name for name, *_ in LARGE])
def test_large_networks_are_connected_alike_and_predict_the_same_up_to_a_layer(name, size, layer, tmp_path):
    reference, model = pair(name, input_shape=(size, size, 3), classes=7)
    assert_same_network(reference, model)
    save_in_older_layout(reference, tmp_path / "w.h5")
    model.load_weights(tmp_path / "w.h5")
    reference = keras.Model(reference.inputs, reference.get_layer(layer).output)
    model = kerasish.Model(model.inputs, model.get_layer(layer).output)
    assert_same_predictions(reference, model, size)


@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV2", "MobileNetV3Small"])
def test_classifiers_end_in_softmax_by_default(name):
    network = getattr(kerasish.applications, name)
    arguments = {"weights": None, "input_shape": (32, 32, 3), "alpha": 0.1, "classes": 5}
    model, logits = network(**arguments), network(**arguments, classifier_activation=None)
    logits.set_weights(model.get_weights())
    x = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    expected = np.asarray(kerasish.ops.softmax(logits.predict(x, verbose=0)))
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5)
