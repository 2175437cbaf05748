"""Networks side by side with Keras's of the same name: layers, weights, parameters, predictions."""

import contextlib

import h5py
import numpy as np
import pytest

import kerasish

keras = pytest.importorskip("keras")


@contextlib.contextmanager
def quick_random_weights(seed=0):
    """Let Keras draw initial weights with NumPy: it spends most of its building time compiling generators."""
    from keras.src.initializers import random_initializers

    generator = np.random.default_rng(seed)

    def draw(self, shape, dtype=None):
        fan_in = max(int(np.prod(shape[:-1])), 1)
        return (generator.standard_normal(shape, dtype="float32") * np.sqrt(2.0 / fan_in)).astype(dtype or "float32")

    classes = [random_initializers.RandomInitializer, *random_initializers.RandomInitializer.__subclasses__()]
    with pytest.MonkeyPatch.context() as patch:
        for cls in classes:
            patch.setattr(cls, "__call__", draw)
        yield


def pair(name, **arguments):
    """Return Keras's network and ours, both with random weights of their own, automatic names counted from zero."""
    keras.utils.clear_session()
    kerasish.utils.clear_session()
    with quick_random_weights():
        reference = getattr(keras.applications, name)(weights=None, **arguments)
    # Statistics that are not 0 and 1 show a swapped mean and variance; a small variance would drown in float32.
    generator = np.random.default_rng(1)
    for weight in reference.weights:
        if weight.path.endswith(("moving_mean", "beta", "bias")):
            weight.assign(0.1 * generator.standard_normal(weight.shape))
        elif weight.path.endswith(("moving_variance", "gamma")):
            weight.assign(generator.uniform(0.7, 1.3, weight.shape))
    return reference, getattr(kerasish.applications, name)(weights=None, **arguments)


def connections(model):
    """Return the names of all layers, each with those of the layers whose outputs it takes."""
    sources = []
    for layer in model.layers:
        inputs = [tensor for node in layer._inbound_nodes for tensor in node.input_tensors]
        sources.append((layer.name, [tensor._keras_history[0].name for tensor in inputs]))
    return sources


def assert_same_network(reference, model):
    """Compare layer names and how they are connected, weight names and shapes in order, and parameter counts."""
    assert connections(model) == connections(reference)
    assert [(w.path, tuple(w.shape)) for w in model.weights] == [(w.path, tuple(w.shape)) for w in reference.weights]
    assert model.count_params() == reference.count_params()


def save_in_older_layout(model, path):
    """Write weights of a model of Keras as the official files have them."""
    with h5py.File(path, "w") as file:
        keras.src.legacy.saving.legacy_h5_format.save_weights_to_hdf5_group(file, model)


def difference(reference, model, size, scale=255.0):
    """Return how far predictions on two random images lie apart at most, relative to the largest."""
    x = np.random.default_rng(2).uniform(0, scale, (2, size, size, 3)).astype("float32")
    expected, received = (np.asarray(network.predict(x, verbose=0)) for network in (reference, model))
    assert received.shape == expected.shape
    assert np.isfinite(expected).all() and np.ptp(expected) > 0
    return float(np.abs(received - expected).max() / np.abs(expected).max())


def assert_same_predictions(reference, model, size, tolerance=1e-5, scale=255.0):
    """Compare predictions on two random images, relative to the largest."""
    assert difference(reference, model, size, scale) <= tolerance
