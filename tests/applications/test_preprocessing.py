"""`preprocess_input` and `decode_predictions` of all modules against Keras."""

import importlib
import inspect
import json

import numpy as np
import pytest

import kerasish
from kerasish.applications import architecture, imagenet_utils
from tests.applications.compare import keras

MODULES = [name for name, value in vars(keras.applications).items() if inspect.ismodule(value)]
RAW = np.random.default_rng(0).uniform(0, 255, (2, 3, 3, 3)).astype("float32")


def images(form):
    return {"batch": RAW, "image": RAW[0], "uint8": RAW.astype("uint8"), "float64": RAW.astype("float64")}[form].copy()


def assert_same(theirs, ours, x, **options):
    expected = theirs(x.copy(), **options)
    received = ours(x.copy(), **options)
    assert isinstance(received, np.ndarray)
    assert received.dtype == expected.dtype
    np.testing.assert_allclose(received, expected, rtol=1e-6, atol=1e-5)
    if x.dtype == "float32":
        expected = np.asarray(theirs(keras.ops.convert_to_tensor(x), **options))
        received = ours(kerasish.ops.convert_to_tensor(x), **options)
        assert not isinstance(received, np.ndarray)
        np.testing.assert_allclose(np.asarray(received), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("module", [name for name in MODULES if name != "imagenet_utils"])
def test_preprocess_input_of_every_module(module):
    theirs = importlib.import_module(f"keras.applications.{module}").preprocess_input
    ours = importlib.import_module(f"kerasish.applications.{module}").preprocess_input
    assert_same(theirs, ours, images("batch"))


@pytest.mark.parametrize("data_format", [None, "channels_last", "channels_first"])
@pytest.mark.parametrize("form", ["batch", "image", "uint8", "float64"])
@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_modes(mode, form, data_format):
    options = {"mode": mode, "data_format": data_format}
    assert_same(
        keras.applications.imagenet_utils.preprocess_input, imagenet_utils.preprocess_input, images(form), **options
    )


@pytest.mark.parametrize("options", [{"mode": "other"}, {"data_format": "channels_middle"}])
def test_unknown_options(options):
    for library in (keras, kerasish):
        with pytest.raises(ValueError):
            library.applications.imagenet_utils.preprocess_input(images("batch"), **options)


def test_preprocess_input_inside_a_model():
    inputs = kerasish.Input((3, 3, 3))
    model = kerasish.Model(inputs, imagenet_utils.preprocess_input(inputs, mode="torch"))
    expected = imagenet_utils.preprocess_input(images("batch"), mode="torch")
    np.testing.assert_allclose(np.asarray(model(RAW)), expected, rtol=1e-5, atol=1e-5)


def test_decode_predictions(monkeypatch, tmp_path):
    path = tmp_path / "classes.json"
    path.write_text(json.dumps({str(index): [f"n{index}", f"class {index}"] for index in range(1000)}))
    monkeypatch.setattr(architecture, "get_file", lambda *args, **kwargs: str(path))
    monkeypatch.setattr(keras.src.utils.file_utils, "get_file", lambda *args, **kwargs: str(path))
    monkeypatch.setattr(keras.src.applications.imagenet_utils, "CLASS_INDEX", None)
    imagenet_utils._classes.cache_clear()
    scores = np.random.default_rng(0).uniform(size=(2, 1000)).astype("float32")
    try:
        for arguments in ({}, {"top": 3}):
            for x in (scores, kerasish.ops.convert_to_tensor(scores)):
                expected = keras.applications.vgg16.decode_predictions(scores, **arguments)
                assert kerasish.applications.vgg16.decode_predictions(x, **arguments) == expected
    finally:
        imagenet_utils._classes.cache_clear()
    for library in (keras, kerasish):
        with pytest.raises(ValueError):
            library.applications.imagenet_utils.decode_predictions(np.zeros((2, 10)))
