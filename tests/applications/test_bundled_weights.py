"""The weights in the package: what the list says is so, and networks with and without classifier read them."""

from importlib import resources

import numpy as np
import pytest

import kerasish
from kerasish import applications
from kerasish.applications import architecture, bundled_weights
from kerasish.datasets import fashion_mnist_small

ENTRIES = applications.bundled()


def network(entry, **arguments):
    return getattr(applications, entry.network)(weights=entry.weights, **arguments)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a download was tried")

    monkeypatch.setattr(architecture, "get_file", refuse)


def test_there_are_two_and_they_are_small():
    assert [(entry.network, entry.weights) for entry in ENTRIES] == [("ResNet8", "cifar100"), ("ResNet14", "cifar100")]
    folder = resources.files("kerasish.applications").joinpath("weights")
    files = {file.name: len(file.read_bytes()) for file in folder.iterdir()}
    assert files == {f"{entry.network.lower()}_cifar100.h5": entry.bytes for entry in ENTRIES}
    assert sum(files.values()) <= 8_000_000


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.network)
def test_networks_take_them_without_being_asked(entry):
    model = getattr(applications, entry.network)()
    assert model.count_params() == entry.parameters
    assert model.input_shape == (None, entry.input_size, entry.input_size, 3)
    for weight, same in zip(model.get_weights(), network(entry).get_weights(), strict=True):
        np.testing.assert_array_equal(weight, same)
    untrained = getattr(applications, entry.network)(weights=None)
    assert all(np.any(a != b) for a, b in zip(model.get_weights(), untrained.get_weights(), strict=True))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.network)
def test_features_are_what_the_classifier_sees(entry):
    x = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    model = network(entry, classifier_activation=None)
    features = network(entry, include_top=False, pooling="avg").predict(x, verbose=0)
    kernel, bias = (np.asarray(weight) for weight in model.get_layer("predictions").weights)
    np.testing.assert_allclose(features @ kernel + bias, model.predict(x, verbose=0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.network)
def test_features_know_more_about_pictures_than_those_of_an_untrained_network(entry):
    (x, y), _ = fashion_mnist_small.load_data()
    x = np.pad(x, ((0, 0), (2, 2), (2, 2)))[..., None].repeat(3, axis=-1)[:1000]

    def same_class(weights):
        model = getattr(applications, entry.network)(weights=weights, include_top=False, pooling="avg")
        features = model.predict(x, batch_size=250, verbose=0)
        features = features - features.mean(axis=0)
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        similarity = unit @ unit.T
        np.fill_diagonal(similarity, -1)
        return (y[similarity.argmax(axis=1)] == y[:1000]).mean()

    kerasish.utils.set_random_seed(0)
    assert same_class("cifar100") > same_class(None) + 0.03


def test_other_classes_need_a_classifier_of_their_own():
    with pytest.raises(ValueError, match="`classes` must be 100 with weights='cifar100'"):
        applications.ResNet8(classes=10)
    assert applications.ResNet8(weights=None, classes=10).output_shape == (None, 10)


def test_a_changed_file_is_refused(monkeypatch):
    monkeypatch.setattr(bundled_weights, "_BUNDLED", tuple(entry._replace(sha256="0" * 64) for entry in ENTRIES))
    with pytest.raises(ValueError, match="not the file that came with the package"):
        applications.ResNet8()
