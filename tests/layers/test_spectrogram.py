"""Spectrograms are Keras's: weights, values, shapes, configs and rejections."""

import numpy as np
import pytest

from kerasish import layers
from tests.layers.compare import assert_rejected, assert_same

SMALL = {"frame_length": 8, "fft_length": 16}


@pytest.mark.parametrize(
    "options",
    [{"mode": mode} for mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft")]
    + [
        {"mode": "magnitude", "padding": "same", "frame_step": 3, "scaling": "spectrum", "periodic": True},
        {"mode": "psd", "expand_dims": True, "window": None, "scaling": None},
        {"mode": "stft", "expand_dims": True, "data_format": "channels_first"},
        {"mode": "real", "data_format": "channels_first", "window": "hamming"},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_stft_spectrogram(options):
    shape = (2, 3, 24) if options.get("data_format") == "channels_first" else (2, 24, 3)
    smooth = options["mode"] not in ("log", "angle")
    assert_same(
        "STFTSpectrogram", SMALL | options, shape, training=(None,), gradients=smooth, weights=lambda value, _: value,
        tolerance=1e-3,
    )  # fmt: skip


def test_stft_spectrogram_is_rejected():
    for options, match in (
        ({"frame_length": 0}, "frame_length"),
        ({"frame_length": 8, "frame_step": 9}, "frame_step"),
        ({"frame_length": 8, "fft_length": 4}, "fft_length"),
        ({"mode": "power"}, "mode"),
        ({"scaling": "loud"}, "scaling"),
        ({"padding": "full"}, "padding"),
        ({"window": "door"}, "window"),
    ):
        assert_rejected("STFTSpectrogram", options, match=match, keras_too="frame_length" not in match)
    with pytest.warns(UserWarning, match="power of two"):
        layers.STFTSpectrogram(frame_length=8, fft_length=12)
    with pytest.raises(TypeError, match="floats"):
        layers.STFTSpectrogram(**SMALL)(np.zeros((1, 24, 1), "int32"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sequence_length": 24, "window": "hamming", "max_freq": 6000.0, "min_freq": 200.0, "mag_exp": 1.0},
        {"power_to_db": False, "ref_power": 2.0},
        {"top_db": 20.0, "min_power": 1e-6, "ref_power": 0.5},
    ],
    ids=str,
)
def test_mel_spectrogram(options):
    options = {"fft_length": 32, "sequence_stride": 8, "num_mel_bins": 6} | options
    assert_same("MelSpectrogram", options, (2, 120), training=(None,), symbolic=False, gradients=False, tolerance=1e-3)
    one = np.random.default_rng(0).normal(size=120).astype("float32")
    layer = layers.MelSpectrogram(**options)
    np.testing.assert_allclose(layer(one), layer(one[None])[0], rtol=1e-4, atol=1e-4)


def test_mel_spectrogram_is_rejected():
    assert_rejected("MelSpectrogram", {"fft_length": 8, "sequence_length": 9}, match="sequence_length")
