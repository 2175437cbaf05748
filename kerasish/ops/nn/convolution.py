"""Convolutions, and the patches and blocks of images that are arranged like them."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from kerasish.core.config import standardize_data_format
from kerasish.core.platform_forms.convolution import convolution
from kerasish.core.symbolic import op
from kerasish.ops._tensors import Array, Ints, TensorLike, as_saved, as_tuple, tensor


def _convolve(
    x: Array, kernel: Array, strides: tuple[int, ...], padding: Any, channels_last: bool, dilation: tuple[int, ...],
    groups: int = 1, input_dilation: tuple[int, ...] | None = None,
) -> Array:  # fmt: skip
    """Convolve `x` with `kernel` (spatial..., in, out): the one place where all convolutions are computed."""
    spatial = "DHW"[3 - len(strides) :] if len(strides) <= 3 else "ABDEFGHW"[: len(strides)]
    layout = f"N{spatial}C" if channels_last else f"NC{spatial}"
    return convolution(
        x,
        kernel,
        window_strides=strides,
        padding=padding,
        lhs_dilation=input_dilation,
        rhs_dilation=dilation,
        dimension_numbers=(layout, f"{spatial}IO", layout),
        feature_group_count=groups,
    )


def _prepare(inputs: Any, kernel: Any, strides: Any, dilation_rate: Any, data_format: str | None) -> tuple:
    """Return inputs in the kernel's dtype, kernel, strides, dilations, whether channels are last, their number."""
    kernel = tensor(kernel)
    inputs = tensor(inputs, str(kernel.dtype))
    rank = inputs.ndim - 2
    if kernel.ndim != inputs.ndim or rank < 1:
        raise ValueError(
            "Convolution: `inputs` and `kernel` must have the same rank, at least 3, received shapes "
            f"{inputs.shape} and {kernel.shape}."
        )
    channels_last = standardize_data_format(data_format) == "channels_last"
    strides, dilation = as_tuple(strides, rank, "strides"), as_tuple(dilation_rate, rank, "dilation_rate")
    return inputs, kernel, strides, dilation, channels_last, inputs.shape[-1 if channels_last else 1]


def _check_channels(inputs: Array, kernel: Array, expected: int, channels: int) -> None:
    if channels != expected:
        raise ValueError(
            f"Convolution: the kernel of shape {kernel.shape} is for {expected} input channels, received `inputs` of "
            f"shape {inputs.shape} with {channels}."
        )


@op(saved=as_saved)
def conv(
    inputs: TensorLike, kernel: TensorLike, strides: Ints = 1, padding: str = "valid", data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Array:  # fmt: skip
    """Convolve over any number of spatial axes.

    Args:
        inputs: tensor of shape `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` for channels_first.
        kernel: tensor of shape `(*window, channels // groups, filters)`; the groups follow from it.
        strides: step of the window on each axis.
        padding: `"valid"`, or `"same"` for outputs of size `ceil(input / stride)`.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        dilation_rate: distance of the kernel's elements.

    Returns:
        Tensor of the inputs' layout and the kernel's dtype.

    Raises:
        ValueError: if the channels do not fit, or the inputs are smaller than the window.
    """
    inputs, kernel, strides, dilation, last, channels = _prepare(inputs, kernel, strides, dilation_rate, data_format)
    if channels % kernel.shape[-2]:
        _check_channels(inputs, kernel, kernel.shape[-2], channels)
    result = _convolve(inputs, kernel, strides, padding.upper(), last, dilation, channels // kernel.shape[-2])
    if result.size == 0 and inputs.size != 0:
        raise ValueError(
            f"conv: `inputs` of shape {inputs.shape} are smaller than the window of the kernel of shape {kernel.shape} "
            f"(strides={strides}, dilation_rate={dilation}, padding={padding!r}); the result would be empty."
        )
    return result


@op(saved=as_saved)
def depthwise_conv(
    inputs: TensorLike, kernel: TensorLike, strides: Ints = 1, padding: str = "valid", data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Array:  # fmt: skip
    """Convolve each channel with kernels of its own; the arguments are those of `conv`, except for `kernel`.

    The kernel has shape `(*window, channels, multiplier)`; channel `c` becomes the channels from `c * multiplier` on.
    """
    inputs, kernel, strides, dilation, last, channels = _prepare(inputs, kernel, strides, dilation_rate, data_format)
    _check_channels(inputs, kernel, kernel.shape[-2], channels)
    kernel = jnp.reshape(kernel, (*kernel.shape[:-2], 1, channels * kernel.shape[-1]))
    return _convolve(inputs, kernel, strides, padding.upper(), last, dilation, channels)


@op(saved=as_saved)
def separable_conv(
    inputs: TensorLike, depthwise_kernel: TensorLike, pointwise_kernel: TensorLike, strides: Ints = 1,
    padding: str = "valid", data_format: str | None = None, dilation_rate: Ints = 1,
) -> Array:  # fmt: skip
    """Return `depthwise_conv` with the first kernel, then `conv` with the second, of window 1."""
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, data_format=data_format)


@op(saved=as_saved)
def conv_transpose(
    inputs: TensorLike, kernel: TensorLike, strides: Ints = 1, padding: str = "valid",
    output_padding: Ints | None = None, data_format: str | None = None, dilation_rate: Ints = 1,
) -> Array:  # fmt: skip
    """Apply the transpose of a convolution, which enlarges the spatial axes `strides` times.

    Args:
        inputs: tensor of shape `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` for channels_first.
        kernel: tensor of shape `(*window, filters, channels)`.
        strides: factor on each axis.
        padding: `"valid"`, or `"same"` for outputs of size `input * stride`.
        output_padding: additional size at the end of each axis; None for the sizes above.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        dilation_rate: distance of the kernel's elements.
    """
    inputs, kernel, strides, dilation, last, channels = _prepare(inputs, kernel, strides, dilation_rate, data_format)
    _check_channels(inputs, kernel, kernel.shape[-1], channels)
    rank = len(strides)
    extra = (None,) * rank if output_padding is None else as_tuple(output_padding, rank, "output_padding")
    pads = tuple(transpose_padding(*sizes, padding) for sizes in zip(kernel.shape, strides, dilation, extra))
    kernel = jnp.swapaxes(jnp.flip(kernel, range(rank)), -1, -2)
    return _convolve(inputs, kernel, (1,) * rank, pads, last, dilation, input_dilation=strides)


def transpose_padding(
    window: int, stride: int, dilation: int, output_padding: int | None, padding: str
) -> tuple[int, int]:
    """Return how many zeros go before and after the stretched input of a transposed convolution on one axis.

    Raises:
        ValueError: if `padding` is neither "valid" nor "same".
    """
    window = (window - 1) * dilation + 1
    if padding.lower() == "valid":
        extra = max(stride - window, 0) if output_padding is None else output_padding
        return window - 1, window - 1 + extra
    if padding.lower() != "same":
        raise ValueError(f"conv_transpose: `padding` must be 'valid' or 'same', received padding={padding!r}.")
    total = stride + window - 2 if output_padding is None else window + window % 2 - 2 + output_padding
    before = min((total + 1) // 2, window - 1)
    return before, total - before


@op(tensors=("x",))
def unfold(
    x: TensorLike, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1,
) -> Array:  # fmt: skip
    """Return the windows of images as columns.

    Args:
        x: tensor of shape `(batch, channels, height, width)`.
        kernel_size: size of the window.
        dilation: distance of its elements.
        padding: zeros on both sides of each axis.
        stride: step of the window.

    Returns:
        Tensor of shape `(batch, channels * kernel_height * kernel_width, windows)`.
    """
    x = tensor(x)
    if x.ndim != 4:
        raise ValueError(f"unfold: `x` must have shape (batch, channels, height, width), received shape {x.shape}.")
    pads = [(size, size) for size in as_tuple(padding, 2, "padding")]
    patches = lax.conv_general_dilated_patches(
        x,
        as_tuple(kernel_size, 2, "kernel_size"),
        as_tuple(stride, 2, "stride"),
        pads,
        rhs_dilation=as_tuple(dilation, 2, "dilation"),
    )
    return jnp.reshape(patches, (*patches.shape[:2], -1))


@op(tensors=("x",))
def fold(
    x: TensorLike, output_size: Ints, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1,
) -> Array:  # fmt: skip
    """Sum windows, of shape `(batch, channels * window size, windows)`, into images `(batch, channels, *output_size)`.

    This is the transpose of `unfold`, whose arguments it takes; `padding` is cut off.
    """
    x = tensor(x)
    if x.ndim != 3:
        raise ValueError(f"fold: `x` must have shape (batch, values, windows), received shape {x.shape}.")
    height, width = as_tuple(kernel_size, 2, "kernel_size")
    shape = (x.shape[0], x.shape[1] // (height * width), *as_tuple(output_size, 2, "output_size"))
    forward = functools.partial(unfold, kernel_size=(height, width), dilation=dilation, padding=padding, stride=stride)
    return jax.linear_transpose(forward, jax.ShapeDtypeStruct(shape, x.dtype))(x)[0]


@op(tensors=("x",), saved=as_saved)
def depth_to_space(x: TensorLike, block_size: int, data_format: str = "channels_last") -> Array:
    """Turn groups of `block_size**2` channels into blocks of pixels.

    Args:
        x: images of shape `(batch, height, width, channels)`, or channels_first.
        block_size: side of a block, at least 2.
        data_format: `"channels_last"` or `"channels_first"`.
    """
    x, b, last = tensor(x), _block(block_size), standardize_data_format(data_format) == "channels_last"
    if last:
        n, h, w, c = x.shape
        x = jnp.transpose(jnp.reshape(x, (n, h, w, b, b, c // b**2)), (0, 1, 3, 2, 4, 5))
        return jnp.reshape(x, (n, h * b, w * b, c // b**2))
    n, c, h, w = x.shape
    x = jnp.transpose(jnp.reshape(x, (n, c // b**2, b, b, h, w)), (0, 1, 4, 2, 5, 3))
    return jnp.reshape(x, (n, c // b**2, h * b, w * b))


@op(tensors=("x",), saved=as_saved)
def space_to_depth(x: TensorLike, block_size: int, data_format: str = "channels_last") -> Array:
    """Turn blocks of pixels into channels: the inverse of `depth_to_space`, with its arguments."""
    x, b, last = tensor(x), _block(block_size), standardize_data_format(data_format) == "channels_last"
    if last:
        n, h, w, c = x.shape
        x = jnp.transpose(jnp.reshape(x, (n, h // b, b, w // b, b, c)), (0, 1, 3, 2, 4, 5))
        return jnp.reshape(x, (n, h // b, w // b, c * b**2))
    n, c, h, w = x.shape
    x = jnp.transpose(jnp.reshape(x, (n, c, h // b, b, w // b, b)), (0, 1, 3, 5, 2, 4))
    return jnp.reshape(x, (n, c * b**2, h // b, w // b))


def _block(block_size: int) -> int:
    if block_size < 2:
        raise ValueError(f"`block_size` must be at least 2, received block_size={block_size}.")
    return block_size
