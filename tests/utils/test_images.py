"""Images as arrays and back, against Keras's functions on the same files."""

import io

import numpy as np
import pytest

from kerasish import utils

keras = pytest.importorskip("keras")
pytest.importorskip("PIL")

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("scale", [True, False])
def test_arrays_become_the_same_images(channels, data_format, scale):
    shape = (5, 7, channels) if data_format == "channels_last" else (channels, 5, 7)
    array = RNG.uniform(0, 255, shape)
    theirs, ours = (
        lib.utils.array_to_img(array, data_format, scale) for lib in (keras, type("L", (), {"utils": utils}))
    )
    assert ours.mode == theirs.mode
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
    for dtype in (None, "uint8"):
        expected = keras.utils.img_to_array(theirs, data_format, dtype)
        result = utils.img_to_array(ours, data_format, dtype)
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"color_mode": "grayscale"},
        {"color_mode": "rgba"},
        {"target_size": (4, 6)},
        {"target_size": (4, 6), "interpolation": "bilinear", "keep_aspect_ratio": True},
        {"target_size": (12, 3), "interpolation": "lanczos", "keep_aspect_ratio": True},
    ],
)
def test_files_are_read_alike(tmp_path, options):
    path = tmp_path / "image.png"
    utils.save_img(path, RNG.uniform(0, 255, (8, 10, 3)), scale=False)
    expected, result = keras.utils.load_img(path, **options), utils.load_img(path, **options)
    assert result.mode == expected.mode
    np.testing.assert_array_equal(np.asarray(result), np.asarray(expected))


def test_save_img_formats(tmp_path):
    array = RNG.uniform(0, 255, (4, 4, 4))
    with pytest.warns(UserWarning, match="JPEG"):
        utils.save_img(tmp_path / "image.jpg", array)
    assert utils.load_img(tmp_path / "image.jpg").size == (4, 4)
    stream = io.BytesIO()
    utils.save_img(stream, array, file_format="png")
    stream.seek(0)
    assert utils.load_img(stream, color_mode="rgba").mode == "RGBA"


def test_bad_arguments():
    with pytest.raises(ValueError, match="channels"):
        utils.array_to_img(np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match="shape"):
        utils.img_to_array(np.zeros(3))
    with pytest.raises(ValueError, match="color_mode"):
        utils.load_img("x.png", color_mode="cmyk")
    with pytest.raises(TypeError, match="path"):
        utils.load_img(3)
