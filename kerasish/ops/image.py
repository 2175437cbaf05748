"""Images: colour spaces, resizing, geometric transforms, filters and patches."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kerasish.core.config import standardize_data_format
from kerasish.core.dtypes import is_float_dtype, is_int_dtype, result_type, standardize_dtype
from kerasish.core.random import draw_seed
from kerasish.core.symbolic import op
from kerasish.ops._tensors import Array, Ints, TensorLike, as_saved, as_tuple, tensor
from kerasish.ops.core import saturate_cast
from kerasish.ops.nn.convolution import conv, depthwise_conv

_ORDERS = {"nearest": 0, "bilinear": 1}
_FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
_RESIZE_METHODS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")
_SCALE_METHODS = ("linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5")
# Weights of red, green and blue in a grey value (ITU-R BT.601).
_GREY = (0.2989, 0.5870, 0.1140)


def _check_choice(name: str, value: Any, choices: Any) -> None:
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {tuple(choices)}, received {name}={value!r}.")


def _images(images: Any, data_format: str | None, ranks: tuple[int, ...] = (3, 4)) -> tuple[Array, bool]:
    """Return images as an array and whether their channels are last; raises ValueError for another rank."""
    images = tensor(images)
    if images.ndim not in ranks:
        raise ValueError(
            "Expected one image (height, width, channels) or a batch of images (rank 4), received images of shape "
            f"{images.shape}."
        )
    return images, standardize_data_format(data_format) == "channels_last"


def _float_images(images: Any, data_format: str | None) -> tuple[Array, int]:
    """Return images and their channel axis; raises ValueError unless they are floats."""
    images, last = _images(images, data_format)
    if not is_float_dtype(images.dtype):
        raise ValueError(f"Expected images of a floating type, received dtype {images.dtype}; divide by 255 first.")
    return images, -1 if last else -3


def _batched(images: Any, data_format: str | None) -> tuple[Array, Any]:
    """Return images as (batch, height, width, channels), and the function that undoes the change of layout."""
    images, last = _images(images, data_format)
    single = images.ndim == 3

    def restore(result: Array) -> Array:
        result = result if last else jnp.moveaxis(result, -1, 1)
        return result[0] if single else result

    images = images[None] if single else images
    return images if last else jnp.moveaxis(images, 1, -1), restore


@op(keras_class="RGBToGrayscale")
def rgb_to_grayscale(images: TensorLike, data_format: str | None = None) -> Array:
    """Return images with one channel, `0.2989 red + 0.587 green + 0.114 blue`, in the dtype that came in."""
    images, last = _images(images, data_format)
    axis = -1 if last else -3
    if images.shape[axis] not in (1, 3):
        raise ValueError(f"rgb_to_grayscale: `images` must have 3 channels (or 1), received shape {images.shape}.")
    if images.shape[axis] == 1:
        return images
    weights = jnp.asarray(_GREY, result_type(images.dtype, float))
    grey = jnp.tensordot(images.astype(weights.dtype), weights, axes=(axis, 0))
    return jnp.expand_dims(grey, axis).astype(images.dtype)


@op(keras_class="RGBToHSV")
def rgb_to_hsv(images: TensorLike, data_format: str | None = None) -> Array:
    """Turn red, green, blue in [0, 1] into hue, saturation, value in [0, 1]; floating types only."""
    images, axis = _float_images(images, data_format)
    images = jnp.where(jnp.abs(images) < jnp.finfo(images.dtype).eps, 0.0, images)
    red, green, blue = jnp.moveaxis(images, axis, 0)
    value = jnp.maximum(jnp.maximum(red, green), blue)
    spread = value - jnp.minimum(jnp.minimum(red, green), blue)
    saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1.0), 0.0)
    scale = 1.0 / (6.0 * jnp.where(spread > 0, spread, 1.0))
    hue = jnp.where(value == green, scale * (blue - red) + 2.0 / 6.0, scale * (red - green) + 4.0 / 6.0)
    hue = jnp.where(value == red, scale * (green - blue), hue)
    hue = jnp.where(spread > 0, hue, 0.0) + (hue < 0.0).astype(hue.dtype)
    return jnp.stack([hue, saturation, value], axis=axis)


@op(keras_class="HSVToRGB")
def hsv_to_rgb(images: TensorLike, data_format: str | None = None) -> Array:
    """Turn hue, saturation, value in [0, 1] into red, green, blue; floating types only."""
    images, axis = _float_images(images, data_format)
    hue, saturation, value = jnp.moveaxis(images, axis, 0)
    angle = jnp.mod(hue, 1.0) * 6.0
    shares = (jnp.abs(angle - 3.0) - 1.0, 2.0 - jnp.abs(angle - 2.0), 2.0 - jnp.abs(angle - 4.0))
    planes = [value * (1.0 - saturation + saturation * jnp.clip(share, 0.0, 1.0)) for share in shares]
    return jnp.stack(planes, axis=axis)


@op(tensors=("images",))
def resize(
    images: TensorLike, size: Sequence[int], interpolation: str = "bilinear", antialias: bool = False,
    crop_to_aspect_ratio: bool = False, pad_to_aspect_ratio: bool = False, fill_mode: str = "constant",
    fill_value: float = 0.0, data_format: str | None = None,
) -> Array:  # fmt: skip
    """Resize images to `size`; integers are rounded and kept in their range.

    Args:
        images: one image (rank 3) or a batch (rank 4).
        size: height and width of the result.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        antialias: smooth before making images smaller.
        crop_to_aspect_ratio: cut the sides off first, so that nothing is stretched.
        pad_to_aspect_ratio: add borders first, so that nothing is stretched.
        fill_mode: of the borders; only `"constant"`.
        fill_value: value of the borders.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
    """
    images, last = _images(images, data_format)
    if len(size) != 2 or min(size) <= 0:
        raise ValueError(f"resize: `size` must be a positive height and width, received size={size}.")
    _check_choice("interpolation", interpolation, _RESIZE_METHODS)
    _check_choice("fill_mode", fill_mode, ("constant",))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            "resize: only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` may be True, received both."
        )
    top = images.ndim - 3 if last else images.ndim - 2
    height, width = images.shape[top : top + 2]
    fitting = int(float(width * size[0]) / size[1]), int(float(height * size[1]) / size[0])
    if crop_to_aspect_ratio:
        for axis, (old, new) in enumerate(zip((height, width), fitting), start=top):
            new = max(min(old, new), 1)
            images = lax.slice_in_dim(images, (old - new) // 2, (old - new) // 2 + new, axis=axis)
    elif pad_to_aspect_ratio:
        borders = [(max(old, new) - old) // 2 for old, new in zip((height, width), fitting)]
        # Rounding may ask for borders on both axes; the vertical ones go first.
        borders = [borders[0], 0 if borders[0] > 0 else borders[1]]
        pads = [(borders[axis - top],) * 2 if axis - top in (0, 1) else (0, 0) for axis in range(images.ndim)]
        images = jnp.pad(images, pads, constant_values=fill_value)
    shape = (*images.shape[:top], *size, *images.shape[top + 2 :])
    resized = jax.image.resize(images, shape, method=interpolation, antialias=antialias)
    if resized.dtype == images.dtype:
        return resized
    return saturate_cast(jnp.round(resized) if is_int_dtype(images.dtype) else resized, str(images.dtype))


def _project(images: Array, transforms: Array, interpolation: str, fill_mode: str, fill_value: float) -> Array:
    """Read each pixel (x, y) of a batch at ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1.

    `transforms` holds a0, a1, a2, b0, b1, b2, c0, c1 for each image, or once for all.
    """
    height, width = images.shape[1:3]
    y, x = jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij")
    order = _ORDERS[interpolation]

    def one(image: Array, t: Array) -> Array:
        k = t[6] * x + t[7] * y + 1.0
        places = [(t[3] * x + t[4] * y + t[5]) / k, (t[0] * x + t[1] * y + t[2]) / k]
        read = functools.partial(
            jax.scipy.ndimage.map_coordinates, coordinates=places, order=order, mode=fill_mode, cval=fill_value
        )
        return jax.vmap(read, in_axes=-1, out_axes=-1)(image)

    return jax.vmap(one)(images, jnp.broadcast_to(transforms, (images.shape[0], 8)))


@op
def affine_transform(
    images: TensorLike, transform: TensorLike, interpolation: str = "bilinear", fill_mode: str = "constant",
    fill_value: float = 0, data_format: str | None = None,
) -> Array:  # fmt: skip
    """Move each output pixel's value from where the transform maps it.

    Args:
        images: one image (rank 3) or a batch (rank 4).
        transform: `a0, a1, a2, b0, b1, b2, c0, c1`, of shape `(8,)` or `(batch, 8)`: the output pixel (x, y) is read at
            `((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)` with `k = c0 x + c1 y + 1`.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode: beyond the border: `"constant"`, `"nearest"`, `"wrap"`, `"mirror"` or `"reflect"`.
        fill_value: for `"constant"`.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
    """
    _check_choice("interpolation", interpolation, _ORDERS)
    _check_choice("fill_mode", fill_mode, _FILL_MODES)
    images, restore = _batched(images, data_format)
    transform = tensor(transform)
    if transform.ndim not in (1, 2) or transform.shape[-1] != 8:
        raise ValueError(
            f"affine_transform: `transform` must have shape (8,) or (batch, 8), received {transform.shape}."
        )
    return restore(_project(images, transform, interpolation, fill_mode, fill_value))


@op
def perspective_transform(
    images: TensorLike, start_points: TensorLike, end_points: TensorLike, interpolation: str = "bilinear",
    fill_value: float = 0, data_format: str | None = None,
) -> Array:  # fmt: skip
    """Move four points `(x, y)` of each image, and everything between them in perspective.

    Args:
        images: one image (rank 3) or a batch (rank 4).
        start_points: where the points are, of shape `(4, 2)` or `(batch, 4, 2)`.
        end_points: where they go, of the same shape.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: beyond the border.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
    """
    _check_choice("interpolation", interpolation, _ORDERS)
    start, end = tensor(start_points, "float32"), tensor(end_points, "float32")
    if start.shape != end.shape or start.shape[-2:] != (4, 2) or start.ndim not in (2, 3):
        raise ValueError(
            "perspective_transform: `start_points` and `end_points` must both have shape (4, 2) or (batch, 4, 2), "
            f"received {start.shape} and {end.shape}."
        )
    images, restore = _batched(images, data_format)
    start, end = start.reshape(-1, 4, 2), end.reshape(-1, 4, 2)
    # Two equations for each point: k x = a0 x' + a1 y' + a2 and k y = b0 x' + b1 y' + b2.
    ones, zeros = jnp.ones_like(end[..., :1]), jnp.zeros_like(end[..., :1])
    plane = jnp.concatenate([end, ones], axis=-1)
    nothing = jnp.concatenate([zeros, zeros, zeros], axis=-1)
    rows = jnp.concatenate(
        [
            jnp.concatenate([plane, nothing, -start[..., :1] * end], axis=-1),
            jnp.concatenate([nothing, plane, -start[..., 1:] * end], axis=-1),
        ],
        axis=1,
    )
    target = jnp.concatenate([start[..., 0], start[..., 1]], axis=-1)
    transforms = jnp.linalg.solve(rows, target[..., None])[..., 0]
    return restore(_project(images, transforms, interpolation, "constant", fill_value))


def _saved_patches(settings: dict) -> dict:
    settings = as_saved(settings)
    size = settings["size"]
    settings["size"] = size = (size, size) if isinstance(size, int) else size
    return settings | {"strides": settings["strides"] or size}


@op(tensors=("images",), saved=_saved_patches)
def extract_patches(
    images: TensorLike, size: Ints, strides: Ints | None = None, dilation_rate: Ints = 1, padding: str = "valid",
    data_format: str | None = None,
) -> Array:  # fmt: skip
    """Return the windows of images (or volumes, for a `size` of three) with their elements as channels.

    Args:
        images: one image or volume, or a batch.
        size: size of the window.
        strides: step of the window; None: its size.
        dilation_rate: distance of the window's elements.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.

    Returns:
        Tensor of shape `(batch, rows, columns, window elements * channels)`, in the layout of the images.
    """
    if not isinstance(size, (int, tuple, list)):
        raise TypeError(f"extract_patches: `size` must be an integer or a tuple, received size={size!r}.")
    if not isinstance(size, int) and len(size) not in (2, 3):
        raise ValueError(f"extract_patches: `size` must hold 2 or 3 integers, received size={size}.")
    rank = 2 if isinstance(size, int) else len(size)
    window = as_tuple(size, rank, "size")
    images, last = _images(images, data_format, (rank + 1, rank + 2))
    single = images.ndim == rank + 1
    images = images[None] if single else images
    count = int(np.prod(window)) * images.shape[-1 if last else 1]
    # A convolution whose kernels each pick one element of the window.
    kernel = jnp.eye(count, dtype=images.dtype).reshape(*window, -1, count)
    patches = conv(images, kernel, strides or window, padding, data_format, dilation_rate)
    return patches[0] if single else patches


def extract_patches_3d(
    volumes: TensorLike, size: Ints, strides: Ints | None = None, dilation_rate: Ints = 1, padding: str = "valid",
    data_format: str | None = None,
) -> Array:  # fmt: skip
    """Return the windows of volumes (rank 4 or, in a batch, 5) with their elements as channels: `extract_patches`."""
    return extract_patches(volumes, as_tuple(size, 3, "size"), strides, dilation_rate, padding, data_format)


@op(tensors=("inputs", "coordinates"))
def map_coordinates(
    inputs: TensorLike, coordinates: TensorLike, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> Array:
    """Read a tensor at fractional places.

    Args:
        inputs: a tensor.
        coordinates: places, of shape `(rank of inputs, ...)`.
        order: 0 for the nearest element, 1 for linear interpolation.
        fill_mode: beyond the border: `"constant"`, `"nearest"`, `"wrap"`, `"mirror"` or `"reflect"`.
        fill_value: for `"constant"`.
    """
    inputs, coordinates = tensor(inputs), tensor(coordinates)
    if coordinates.ndim < 2 or coordinates.shape[0] != inputs.ndim:
        raise ValueError(
            f"map_coordinates: `coordinates` must have rank 2 at least and first size {inputs.ndim}, the rank of "
            f"`inputs`, received shape {coordinates.shape}."
        )
    _check_choice("fill_mode", fill_mode, _FILL_MODES)
    _check_choice("order", order, (0, 1))
    return jax.scipy.ndimage.map_coordinates(inputs, list(coordinates), order, fill_mode, fill_value)


def _borders(
    before: Any, after: Any, target: Any, size: int, names: tuple[str, str, str], grow: bool
) -> tuple[int, int]:
    """Work out the third of (before, after, target size) for padding (`grow`) or cropping an axis of `size`."""
    given = dict(zip(names, (before, after, target)))
    if list(given.values()).count(None) != 1:
        raise ValueError(f"Exactly two of {', '.join(names)} must be given, received {given}.")
    total = None if target is None else (target - size if grow else size - target)
    before = total - after if before is None else before
    after = total - before if after is None else after
    if before < 0 or after < 0 or (not grow and before + after > size):
        change = "padding" if grow else "cropping"
        raise ValueError(f"The {change} of an axis of size {size} would be ({before}, {after}), received {given}.")
    return before, after


@op
def pad_images(
    images: TensorLike, top_padding: int | None = None, left_padding: int | None = None,
    bottom_padding: int | None = None, right_padding: int | None = None, target_height: int | None = None,
    target_width: int | None = None, data_format: str | None = None,
) -> Array:  # fmt: skip
    """Add zeros around images; of top, bottom and target height exactly two are given, and likewise across."""
    images, last = _images(images, data_format)
    top = images.ndim - 3 if last else images.ndim - 2
    vertical = ("top_padding", "bottom_padding", "target_height")
    across = ("left_padding", "right_padding", "target_width")
    pads = [(0, 0)] * images.ndim
    pads[top] = _borders(top_padding, bottom_padding, target_height, images.shape[top], vertical, grow=True)
    pads[top + 1] = _borders(left_padding, right_padding, target_width, images.shape[top + 1], across, grow=True)
    return jnp.pad(images, pads)


@op
def crop_images(
    images: TensorLike, top_cropping: int | None = None, left_cropping: int | None = None,
    bottom_cropping: int | None = None, right_cropping: int | None = None, target_height: int | None = None,
    target_width: int | None = None, data_format: str | None = None,
) -> Array:  # fmt: skip
    """Cut the border off images; of top, bottom and target height exactly two are given, and likewise across."""
    images, last = _images(images, data_format)
    top = images.ndim - 3 if last else images.ndim - 2
    vertical = ("top_cropping", "bottom_cropping", "target_height")
    across = ("left_cropping", "right_cropping", "target_width")
    height, width = images.shape[top : top + 2]
    above, below = _borders(top_cropping, bottom_cropping, target_height, height, vertical, grow=False)
    left, right = _borders(left_cropping, right_cropping, target_width, width, across, grow=False)
    images = lax.slice_in_dim(images, above, height - below, axis=top)
    return lax.slice_in_dim(images, left, width - right, axis=top + 1)


def _gaussian(size: int, sigma: Any, dtype: Any) -> Array:
    """Return `size` values of the bell curve around the middle, with sum 1."""
    x = jnp.arange(size, dtype=dtype) - jnp.asarray((size - 1) / 2, dtype)
    values = jnp.exp(-0.5 * jnp.square(x / sigma))
    return values / jnp.sum(values)


def _filter(images: Array, kernel: Array, padding: str = "same") -> Array:
    """Convolve every channel of images (batch, height, width, channels) with one kernel (height, width)."""
    return depthwise_conv(
        images, jnp.tile(kernel[:, :, None, None], (1, 1, images.shape[-1], 1)), 1, padding, "channels_last"
    )


@op
def gaussian_blur(
    images: TensorLike, kernel_size: Sequence[int] = (3, 3), sigma: Sequence[float] = (1.0, 1.0),
    data_format: str | None = None,
) -> Array:  # fmt: skip
    """Smooth images with a bell-shaped kernel; `kernel_size` and `sigma` give its width first, then its height."""
    images, restore = _batched(images, data_format)
    sigma = tensor(sigma, str(images.dtype))
    across, down = (_gaussian(kernel_size[i], sigma[i], images.dtype) for i in (0, 1))
    return restore(_filter(images, jnp.outer(down, across)))


@op
def elastic_transform(
    images: TensorLike, alpha: float = 20.0, sigma: float = 5.0, interpolation: str = "bilinear",
    fill_mode: str = "reflect", fill_value: float = 0.0, seed: Any = None, data_format: str | None = None,
) -> Array:  # fmt: skip
    """Distort images by a smooth random field of displacements.

    Args:
        images: one image (rank 3) or a batch (rank 4) of a floating type.
        alpha: strength of the displacements.
        sigma: their smoothness in pixels.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode: beyond the border: `"constant"`, `"nearest"`, `"wrap"`, `"mirror"` or `"reflect"`.
        fill_value: for `"constant"`.
        seed: integer or SeedGenerator.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
    """
    _check_choice("interpolation", interpolation, _ORDERS)
    _check_choice("fill_mode", fill_mode, _FILL_MODES)
    images, restore = _batched(images, data_format)
    field = (images.shape[0], 2, *images.shape[1:3])
    noise = jax.random.normal(draw_seed(seed), field, images.dtype) * sigma
    width = int(6 * sigma) | 1
    bell = _gaussian(width, sigma, images.dtype)
    shifts = alpha * jnp.moveaxis(_filter(jnp.moveaxis(noise, 1, -1), jnp.outer(bell, bell)), -1, 1)
    grid = jnp.stack(jnp.meshgrid(*map(jnp.arange, images.shape[1:3]), indexing="ij"))
    order = _ORDERS[interpolation]

    def one(image: Array, places: Array) -> Array:
        def read(plane: Array) -> Array:
            return jax.scipy.ndimage.map_coordinates(plane, list(places), order, fill_mode, fill_value)

        return jax.vmap(read, in_axes=-1, out_axes=-1)(image)

    return restore(jax.vmap(one)(images, grid + shifts).astype(images.dtype))


@op(tensors=("images", "output_shape", "scale", "translation"))
def scale_and_translate(
    images: TensorLike, output_shape: Sequence[int], scale: TensorLike, translation: TensorLike,
    spatial_dims: Sequence[int], method: str, antialias: bool = True,
) -> Array:  # fmt: skip
    """Scale and move the axes `spatial_dims`: output place `x` is read at `(x - translation) / scale`.

    Args:
        images: a tensor.
        output_shape: shape of the result.
        scale: factor of each spatial axis.
        translation: shift of each spatial axis.
        spatial_dims: the axes.
        method: `"linear"`, `"cubic"`, `"lanczos3"`, `"lanczos5"` or another name for one of these.
        antialias: smooth before making images smaller.
    """
    _check_choice("method", method, _SCALE_METHODS)
    scale, translation = tensor(scale), tensor(translation)
    return jax.image.scale_and_translate(
        tensor(images), tuple(output_shape), tuple(spatial_dims), scale, translation, method, antialias
    )


@op
def sobel_edges(images: TensorLike, data_format: str | None = None) -> Array:
    """Return the vertical and horizontal gradients of a batch of images, stacked on a new last axis."""
    images, last = _images(images, data_format, (4,))
    planes = images if last else jnp.moveaxis(images, 1, -1)
    down = jnp.asarray([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], images.dtype)
    edges = jnp.stack([_filter(planes, down), _filter(planes, down.T)], axis=-1)
    return edges if last else jnp.moveaxis(edges, 3, 1)


@op(keras_class="SSIM")
def ssim(
    image1: TensorLike, image2: TensorLike, max_val: float = 1.0, filter_size: int = 11, filter_sigma: float = 1.5,
    k1: float = 0.01, k2: float = 0.03, data_format: str | None = None,
) -> Array:  # fmt: skip
    """Return the structural similarity of images, 1 for equal ones (Wang et al., 2004), averaged over each image.

    Args:
        image1: one image (rank 3) or a batch (rank 4).
        image2: images of the same shape.
        max_val: largest possible value.
        filter_size: width of the bell-shaped window.
        filter_sigma: its standard deviation.
        k1: small constant against division by zero.
        k2: likewise.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
    """
    dtype = standardize_dtype(tensor(image1).dtype)
    single = tensor(image1).ndim == 3
    x, y = (_batched(image, data_format)[0].astype(result_type(dtype, float)) for image in (image1, image2))
    bell = _gaussian(filter_size, filter_sigma, x.dtype)
    mean = functools.partial(_filter, kernel=jnp.outer(bell, bell), padding="valid")
    mean_x, mean_y = mean(x), mean(y)
    variances = mean(x * x) - mean_x**2 + mean(y * y) - mean_y**2
    covariance = mean(x * y) - mean_x * mean_y
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity = similarity / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))
    result = jnp.mean(similarity, axis=(1, 2, 3)).astype(dtype)
    return result[0] if single else result
