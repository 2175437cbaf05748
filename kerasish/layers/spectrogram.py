"""Spectrograms of sound: STFTSpectrogram, MelSpectrogram."""

import math
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish import initializers
from kerasish.core.config import epsilon
from kerasish.layers import arguments
from kerasish.layers.layer import Layer
from kerasish.layers.spec import InputSpec
from kerasish.ops import math as math_ops
from kerasish.ops.nn.convolution import conv

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
# Twice the size of the table from frequencies to bands; more comes from a damaged file, and would take all memory.
_LARGEST_BANK = 2**25


class STFTSpectrogram(Layer):
    """Short-time Fourier transform of each channel, as a convolution with weights that can be trained.

    Args:
        mode: `"log"`, `"magnitude"`, `"psd"` (power), `"real"`, `"imag"`, `"angle"` or `"stft"` (real parts, then
            imaginary ones).
        frame_length: samples of a frame.
        frame_step: samples from frame to frame; None for half a frame.
        fft_length: length of the transform; None for the next power of two.
        window: name of a window function, its values, or None.
        periodic: whether the window is the periodic or the symmetric form.
        scaling: norm the window is divided by: `"density"`, `"spectrum"` or None.
        padding: `"valid"` or `"same"`.
        expand_dims: keep channels and frequencies on separate axes.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: arguments of `Layer`.

    Inputs have shape `(batch, samples, channels)`; outputs `(batch, frames, channels * frequencies)`, or `(batch,
    frames, frequencies, channels)` with `expand_dims`; with channels first `(batch, channels, samples)`, `(batch,
    channels * frequencies, frames)` and `(batch, channels, frames, frequencies)`.

    Raises:
        ValueError: for lengths that do not fit, or an unknown mode, window, scaling or padding.
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.frame_length = arguments.positive_integer(self, "frame_length", frame_length)
        if frame_step is not None and not 1 <= frame_step <= frame_length:
            raise arguments.complaint(self, "frame_step", frame_step, f"between 1 and frame_length={frame_length}")
        if fft_length is not None and fft_length < frame_length:
            raise arguments.complaint(self, "fft_length", fft_length, f"at least frame_length={frame_length}")
        if fft_length is not None and fft_length & -fft_length != fft_length:
            warnings.warn(
                f"STFTSpectrogram: a power of two is best for `fft_length`, received {fft_length}.", stacklevel=2
            )
        self.mode = arguments.choice(self, "mode", mode, _MODES)
        self.frame_step = frame_step
        self._step = frame_step or frame_length // 2
        self.fft_length = fft_length
        self._frequencies = (fft_length or 2 ** math.ceil(math.log2(frame_length))) // 2 + 1
        self.window = window
        self.periodic = periodic
        self.scaling = scaling
        if scaling is not None:
            arguments.choice(self, "scaling", scaling, ("density", "spectrum"))
        try:
            parts = {side: initializers.STFT(side, window, scaling, periodic) for side in ("real", "imag")}
        except ValueError as error:
            error.add_note("In argument `window` of STFTSpectrogram.")
            raise
        self._initializers = parts
        self.padding = arguments.choice(self, "padding", padding, ("valid", "same"))
        self.expand_dims = expand_dims
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Any) -> None:
        """Make the kernels of the parts that the mode needs."""
        shape = (self.frame_length, 1, self._frequencies)
        if self.mode != "imag":
            self.real_kernel = self.add_weight(shape, self._initializers["real"], name="real_kernel")
        if self.mode != "real":
            self.imag_kernel = self.add_weight(shape, self._initializers["imag"], name="imag_kernel")

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the spectrogram.

        Raises:
            TypeError: if the inputs are no floats.
        """
        if not jnp.issubdtype(inputs.dtype, jnp.floating):
            raise TypeError(f"STFTSpectrogram: inputs must be floats, received dtype {inputs.dtype}.")
        if self.mode == "real":
            return self._arranged(self._frames(inputs, self.real_kernel))
        if self.mode == "imag":
            return self._arranged(self._frames(inputs, self.imag_kernel))
        real, imaginary = self._frames(inputs, self.real_kernel), self._frames(inputs, self.imag_kernel)
        if self.mode == "angle":
            return self._arranged(jnp.arctan2(imaginary, real))
        if self.mode == "stft":
            return self._arranged(jnp.concatenate([real, imaginary], axis=2))
        power = jnp.square(real) + jnp.square(imaginary)
        if self.mode == "psd":  # all but the first and the last frequency stand for two
            return self._arranged(power + jnp.pad(power[:, :, 1:-1], ((0, 0), (0, 0), (1, 1), (0, 0))))
        magnitude = self._arranged(jnp.sqrt(jnp.maximum(power, epsilon())))
        return magnitude if self.mode == "magnitude" else jnp.log(jnp.maximum(magnitude, epsilon()))

    def _frames(self, inputs: jax.Array, kernel: Any) -> jax.Array:
        """Return one part of the transform, of shape (batch, channels, frequencies, frames)."""
        signals = inputs if self.data_format == "channels_first" else jnp.moveaxis(inputs, 1, 2)
        batch, channels, samples = signals.shape
        kernel = kernel.value.astype(inputs.dtype)
        frames = conv(
            signals.reshape(batch * channels, samples, 1), kernel, strides=self._step, padding=self.padding,
            data_format="channels_last",
        )  # fmt: skip
        return jnp.moveaxis(frames, 1, 2).reshape(batch, channels, -1, frames.shape[1])

    def _arranged(self, outputs: jax.Array) -> jax.Array:
        batch, _, _, frames = outputs.shape
        last = self.data_format == "channels_last"
        if self.expand_dims:
            return outputs.transpose(0, 3, 2, 1) if last else outputs.transpose(0, 1, 3, 2)
        outputs = outputs.reshape(batch, -1, frames)
        return outputs.transpose(0, 2, 1) if last else outputs

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = (
            "mode", "frame_length", "frame_step", "fft_length", "window", "periodic", "scaling", "padding",
            "data_format", "expand_dims",
        )  # fmt: skip
        return super().get_config() | {name: getattr(self, name) for name in names}


class MelSpectrogram(Layer):
    """Spectrogram of sound on the mel scale, by default in decibels.

    Args:
        fft_length: length of the transform.
        sequence_stride: samples from frame to frame.
        sequence_length: samples of a frame; None for `fft_length`.
        window: `"hann"`, `"hamming"`, the values of a window, or None.
        sampling_rate: samples per second.
        num_mel_bins: number of bands.
        min_freq: lowest frequency, in hertz.
        max_freq: highest frequency; None for half the sampling rate.
        power_to_db: whether the result is in decibels.
        top_db: how far below the largest value others are cut.
        mag_exp: exponent of the magnitude: 1 for amplitude, 2 for power.
        min_power: smallest power.
        ref_power: power that is 0 decibels.
        **kwargs: arguments of `Layer`.

    Inputs have shape `(samples,)` or `(batch, samples)`, outputs `(num_mel_bins, frames)` or one more axis in front.

    Raises:
        ValueError: if `sequence_length` is more than `fft_length`.
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fft_length = arguments.positive_integer(self, "fft_length", fft_length)
        self.sequence_stride = arguments.positive_integer(self, "sequence_stride", sequence_stride)
        self.sequence_length = sequence_length or fft_length
        if self.fft_length < self.sequence_length:
            raise arguments.complaint(self, "sequence_length", sequence_length, f"at most fft_length={fft_length}")
        self.window = window
        self.sampling_rate = sampling_rate
        self.num_mel_bins = arguments.positive_integer(self, "num_mel_bins", num_mel_bins)
        if self.num_mel_bins * self.fft_length > _LARGEST_BANK:
            expected = f"small enough that `num_mel_bins * fft_length` is at most {_LARGEST_BANK}"
            raise arguments.complaint(self, "num_mel_bins", num_mel_bins, expected)
        self.min_freq = min_freq
        self.max_freq = max_freq or int(sampling_rate / 2)
        self.power_to_db = power_to_db
        self.top_db = top_db
        self.mag_exp = mag_exp
        self.min_power = min_power
        self.ref_power = ref_power
        self._compiled = jax.jit(self._spectrogram)

    def __getstate__(self) -> Any:
        """Return what a copy starts from: the compiled program belongs to one layer."""
        return {name: value for name, value in self.__dict__.items() if name != "_compiled"}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._compiled = jax.jit(self._spectrogram)

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the spectrogram."""
        return self._compiled(inputs)

    def _spectrogram(self, inputs: jax.Array) -> jax.Array:
        dtype = self.compute_dtype if self.compute_dtype in ("float32", "float64") else "float32"
        real, imaginary = math_ops.stft(
            inputs.astype(dtype), sequence_length=self.sequence_length, sequence_stride=self.sequence_stride,
            fft_length=self.fft_length, window=self.window, center=True,
        )  # fmt: skip
        values = jnp.sqrt(jnp.square(real) + jnp.square(imaginary)) ** self.mag_exp
        values = jnp.tensordot(values, self.linear_to_mel_weight_matrix(
            self.num_mel_bins, values.shape[-1], self.sampling_rate, self.min_freq, self.max_freq
        ), axes=1)  # fmt: skip
        if self.power_to_db:
            reference = 10.0 * math.log10(max(abs(self.ref_power), self.min_power))
            values = 10.0 * jnp.log10(jnp.maximum(values, self.min_power)) - reference
            values = jnp.maximum(values, jnp.max(values) - self.top_db)
        return jnp.swapaxes(values, -1, -2).astype(self.compute_dtype)

    @staticmethod
    def linear_to_mel_weight_matrix(
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: int = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: str = "float32",
    ) -> jax.Array:
        """Return the matrix that turns a spectrum into bands: triangles of equal width on the mel scale.

        Args:
            num_mel_bins: number of bands.
            num_spectrogram_bins: number of frequencies of the spectrum.
            sampling_rate: samples per second.
            lower_edge_hertz: where the first band starts.
            upper_edge_hertz: where the last band ends.
            dtype: dtype of the result.

        Returns:
            Array of shape `(num_spectrogram_bins, num_mel_bins)`.
        """

        def mel(hertz: Any) -> Any:
            return 1127.0 * np.log1p(np.asarray(hertz, "float64") / 700.0)

        places = mel(np.linspace(0.0, sampling_rate / 2.0, num_spectrogram_bins)[1:])[:, None]
        edges = np.linspace(mel(lower_edge_hertz), mel(upper_edge_hertz), num_mel_bins + 2)
        rising = (places - edges[:-2]) / (edges[1:-1] - edges[:-2])
        falling = (edges[2:] - places) / (edges[2:] - edges[1:-1])
        matrix = np.maximum(0.0, np.minimum(rising, falling))
        return jnp.asarray(np.pad(matrix, ((1, 0), (0, 0))), dtype)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = (
            "fft_length", "sequence_stride", "sequence_length", "window", "sampling_rate", "num_mel_bins", "min_freq",
            "max_freq", "power_to_db", "top_db", "mag_exp", "min_power", "ref_power",
        )  # fmt: skip
        return super().get_config() | {name: getattr(self, name) for name in names}
