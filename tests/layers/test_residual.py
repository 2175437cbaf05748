"""Layers that weigh residual branches, against Keras's of the same name, and models with them in Keras's files."""

import numpy as np
import pytest

import kerasish
from kerasish.layers.residual import CustomScaleLayer, LayerScale

keras = pytest.importorskip("keras")
from keras.src.applications import convnext, inception_resnet_v2  # noqa: E402


def test_layer_scale(rng):
    x = rng.normal(size=(2, 3, 4)).astype("float32")
    ours, theirs = LayerScale(1e-2, 4, name="a"), convnext.LayerScale(1e-2, 4, name="a")
    assert np.asarray(ours(x)) == pytest.approx(np.asarray(theirs(x)))
    weights = [rng.normal(size=(4,)).astype("float32")]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    assert np.asarray(ours(x)) == pytest.approx(np.asarray(theirs(x)))
    assert ours.get_config() == theirs.get_config() | {"dtype": ours.get_config()["dtype"]}
    with pytest.raises(ValueError, match="projection_dim"):
        LayerScale(1.0, 0)


def test_custom_scale_layer(rng):
    x = [rng.normal(size=(2, 3)).astype("float32") for _ in range(2)]
    ours, theirs = CustomScaleLayer(0.17, name="a"), inception_resnet_v2.CustomScaleLayer(0.17, name="a")
    assert np.asarray(ours(x)) == pytest.approx(np.asarray(theirs(x)))
    assert ours.get_config() == theirs.get_config() | {"dtype": ours.get_config()["dtype"]}


@pytest.mark.parametrize("source", ["keras", "kerasish"])
def test_models_with_them_go_through_files(source, rng, tmp_path):
    def model(library, scale, sums):
        inputs = library.Input((6, 4))
        x = scale(0.5, 4)(library.layers.Dense(4)(inputs))
        return library.Model(inputs, sums(0.17)([inputs, x]))

    if source == "keras":
        written = model(keras, convnext.LayerScale, inception_resnet_v2.CustomScaleLayer)
    else:
        written = model(kerasish, LayerScale, CustomScaleLayer)
    written.save(tmp_path / "model.keras")
    x = rng.normal(size=(2, 6, 4)).astype("float32")
    for library in (keras, kerasish):
        read = library.models.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(read.predict(x, verbose=0), written.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
