"""Image files and PIL images as arrays and back (Pillow, an optional extra)."""

import os
import pathlib
import warnings
from typing import Any

import numpy as np

from kerasish.core import config

_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_GRAYSCALE_MODES = ("L", "I;16", "I")


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError('Reading and writing images needs Pillow: `pip install "kerasish[pillow]"`.') from error
    return Image


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """Read an image file.

    Args:
        path: path or binary file object.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        target_size: `(height, width)` to resize to; None keeps the size.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos"`, `"box"` or `"hamming"`.
        keep_aspect_ratio: crop the centre to the target's aspect ratio before resizing.

    Returns:
        A PIL image.

    Raises:
        ImportError: if Pillow is not installed.
        ValueError: for an unknown mode or interpolation.
    """
    image_module = _pillow()
    if color_mode not in _MODES:
        raise ValueError(f"load_img: `color_mode` must be one of {sorted(_MODES)}, received {color_mode!r}.")
    if not (isinstance(path, (str, bytes, os.PathLike)) or hasattr(path, "read")):
        raise TypeError(f"load_img: `path` must be a path or a binary file, received {path!r}.")
    with image_module.open(path) as opened:
        keeps_mode = color_mode == "grayscale" and opened.mode in _GRAYSCALE_MODES
        image = opened.copy() if keeps_mode or opened.mode == _MODES[color_mode] else opened.convert(_MODES[color_mode])
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    methods = {method.name.lower(): method for method in image_module.Resampling}
    if interpolation not in methods:
        raise ValueError(f"load_img: `interpolation` must be one of {sorted(methods)}, received {interpolation!r}.")
    size = (target_size[1], target_size[0])
    if not keep_aspect_ratio:
        return image.resize(size, methods[interpolation])
    width, height = image.size
    crop_width = min(width, height * size[0] // size[1])
    crop_height = min(height, width * size[1] // size[0])
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return image.resize(size, methods[interpolation], box=(left, top, left + crop_width, top + crop_height))


def img_to_array(img: Any, data_format: str | None = None, dtype: str | None = None) -> np.ndarray:
    """Return a PIL image as an array of shape (height, width, channels).

    Args:
        img: PIL image, or an array of two or three dimensions.
        data_format: `"channels_first"` puts channels in front; None: the global setting.
        dtype: dtype of the array; None: `floatx`.

    Raises:
        ValueError: if the image has another number of dimensions.
    """
    first = config.standardize_data_format(data_format) == "channels_first"
    array = np.asarray(img, dtype=dtype or config.floatx())
    if array.ndim == 2:
        return array[None] if first else array[..., None]
    if array.ndim != 3:
        raise ValueError(f"img_to_array: expected an image of 2 or 3 dimensions, received shape {array.shape}.")
    return array.transpose(2, 0, 1) if first else array


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: str | None = None) -> Any:
    """Return an array of shape (height, width, channels) as a PIL image.

    Args:
        x: array with 1, 3 or 4 channels.
        data_format: where the channels are; None: the global setting.
        scale: stretch the values to [0, 255]; otherwise they are taken as they are.
        dtype: dtype to compute in; None: `floatx`.

    Raises:
        ImportError: if Pillow is not installed.
        ValueError: for other shapes.
    """
    image_module = _pillow()
    array = np.asarray(x, dtype=dtype or config.floatx())
    if array.ndim != 3:
        raise ValueError(f"array_to_img: expected a single image of 3 dimensions, received shape {array.shape}.")
    if config.standardize_data_format(data_format) == "channels_first":
        array = array.transpose(1, 2, 0)
    if scale:
        array = array - array.min()
        largest = array.max()
        array = array / largest * 255 if largest else array
    channels = array.shape[-1]
    if channels not in (1, 3, 4):
        raise ValueError(f"array_to_img: expected 1, 3 or 4 channels, received {channels} (shape {array.shape}).")
    if channels > 1:
        return image_module.fromarray(array.astype("uint8"))
    gray = array[..., 0]
    return image_module.fromarray(gray.astype("int32" if gray.max() > 255 else "uint8"))


def save_img(
    path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True, **kwargs: Any
) -> None:
    """Write an array as an image file.

    Args:
        path: path or binary file object.
        x: array with 1, 3 or 4 channels.
        data_format: where the channels are; None: the global setting.
        file_format: such as `"png"`; by default that of the path's suffix.
        scale: stretch the values to [0, 255].
        **kwargs: further arguments of `PIL.Image.save`.
    """
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = pathlib.Path(path).suffix[1:].lower()
    if file_format and file_format.lower() == "jpg":
        file_format = "jpeg"
    image = array_to_img(x, data_format, scale)
    if image.mode == "RGBA" and file_format == "jpeg":
        warnings.warn("JPEG files have no transparency; the image is converted to RGB.", stacklevel=2)
        image = image.convert("RGB")
    image.save(path, format=file_format, **kwargs)
