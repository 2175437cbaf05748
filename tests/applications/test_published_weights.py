"""weights="imagenet": the published file comes from the cache, and where it cannot, the error says what to do."""

import urllib.error

import numpy as np
import pytest

from kerasish import applications
from kerasish.applications import architecture
from kerasish.saving import legacy
from kerasish.utils import data_files


@pytest.mark.parametrize("include_top", [True, False])
def test_the_file_in_the_cache_is_loaded(include_top, tmp_path, monkeypatch):
    arguments = {"alpha": 0.25, "input_shape": (128, 128, 3), "include_top": include_top}
    original = applications.MobileNet(weights=None, **arguments)
    legacy.save_weights(original, tmp_path / "published.h5")
    asked = []

    def get_file(name, origin, cache_subdir, file_hash):
        asked.append((name, cache_subdir))
        return str(tmp_path / "published.h5")

    monkeypatch.setattr(architecture, "get_file", get_file)
    model = applications.MobileNet(weights="imagenet", **arguments)
    assert asked == [(f"mobilenet_2_5_128_tf{'' if include_top else '_no_top'}.h5", "models")]
    for expected, received in zip(original.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(received, expected)


def test_without_a_network_the_error_names_url_cache_and_remedy(tmp_path, monkeypatch):
    def offline(*args, **kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setenv("KERASISH_HOME", str(tmp_path))
    monkeypatch.setattr(data_files, "_fetch", offline)
    with pytest.raises(ConnectionError) as caught:
        applications.ResNet50()
    file = "resnet50_weights_tf_dim_ordering_tf_kernels.h5"
    assert f"https://storage.googleapis.com/tensorflow/keras-applications/resnet/{file}" in str(caught.value)
    assert str(tmp_path / "models" / file) in str(caught.value)
    assert f"weights='path/to/{file}'" in "".join(caught.value.__notes__)


def test_a_damaged_file_in_the_cache_is_not_used(tmp_path, monkeypatch):
    file = tmp_path / "models" / "resnet50_weights_tf_dim_ordering_tf_kernels.h5"
    file.parent.mkdir()
    file.write_bytes(b"not the weights")
    monkeypatch.setenv("KERASISH_HOME", str(tmp_path))
    monkeypatch.setattr(data_files, "_fetch", lambda *args, **kwargs: (_ for _ in ()).throw(ConnectionError("offline")))
    with pytest.raises(ConnectionError, match="does not have the expected hash"):
        applications.ResNet50()
