"""What sets EfficientNet with published weights apart: one more scaling of the images, for those weights only."""

import numpy as np
import pytest
from keras.src.applications import efficientnet as theirs

import kerasish
from kerasish.applications import architecture
from kerasish.applications import efficientnet as ours
from tests.applications.compare import assert_same_network, keras, quick_random_weights, save_in_older_layout


@pytest.fixture(params=["channels_last", "channels_first"])
def data_format(request):
    for library in (keras, kerasish):
        library.config.set_image_data_format(request.param)
    yield request.param
    for library in (keras, kerasish):
        library.config.set_image_data_format("channels_last")


def test_published_weights_come_with_their_scaling(data_format, tmp_path, monkeypatch):
    monkeypatch.setattr(theirs, "DEFAULT_BLOCKS_ARGS", theirs.DEFAULT_BLOCKS_ARGS[:2])
    monkeypatch.setattr(ours, "_STAGES", ours._STAGES[:2])
    path = tmp_path / "w.h5"
    for module in (theirs.file_utils, architecture):
        monkeypatch.setattr(module, "get_file", lambda *args, **kwargs: str(path))
    last = data_format == "channels_last"
    arguments = {"include_top": False, "pooling": "avg", "input_shape": (32, 33, 3) if last else (3, 32, 33)}
    with quick_random_weights():
        plain = keras.applications.EfficientNetB0(weights=None, **arguments)
        save_in_older_layout(plain, path)
        keras.utils.clear_session()
        reference = keras.applications.EfficientNetB0(**arguments)
    kerasish.utils.clear_session()
    model = kerasish.applications.EfficientNetB0(**arguments)
    assert_same_network(reference, model)
    assert "rescaling_1" in {layer.name for layer in model.layers}
    x = np.random.default_rng(0).uniform(0, 255, (2, *arguments["input_shape"])).astype("float32")
    expected = reference.predict(x, verbose=0)
    assert np.abs(expected - plain.predict(x, verbose=0)).max() > 0.1 * np.abs(expected).max()
    received = model.predict(x, verbose=0)
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
