"""Layers that change the size of images: Resizing, CenterCrop, RandomCrop; and MaxNumBoundingBoxes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kerasish.layers import arguments
from kerasish.layers.augmentation import bounding_boxes as box_ops
from kerasish.layers.augmentation.base import ImageLayer, as_dtype
from kerasish.ops import image as ops

# No image is higher or wider: what is larger comes from a damaged file, and would take all memory.
_LARGEST = 2**20


class _SizeLayer(ImageLayer):
    """A layer whose results have a fixed height and width."""

    def _set_size(self, height: Any, width: Any) -> None:
        self.height = arguments.positive_integer(self, "height", height)
        self.width = arguments.positive_integer(self, "width", width)
        for name, size in (("height", self.height), ("width", self.width)):
            if size > _LARGEST:
                raise arguments.complaint(self, name, size, f"at most {_LARGEST}")

    def _window(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the largest window of an image that has the target's aspect ratio."""
        fitting_height = int(float(width * self.height) / self.width)
        fitting_width = int(float(height * self.width) / self.height)
        return max(min(height, fitting_height), 1), max(min(width, fitting_width), 1)

    def _fit(self, images: jax.Array) -> jax.Array:
        """Return the largest window in the middle that has the target's aspect ratio, resized to the target."""
        size = (self.height, self.width)
        return ops.resize(images, size=size, crop_to_aspect_ratio=True, data_format=self.data_format)

    def _cut(self, images: jax.Array, top: Any, left: Any, height: int, width: int) -> jax.Array:
        images = lax.dynamic_slice_in_dim(images, top, height, axis=images.ndim + self._height_axis)
        return lax.dynamic_slice_in_dim(images, left, width, axis=images.ndim + self._width_axis)

    def _move_boxes(self, bounding_boxes: dict, size: tuple, window: tuple) -> dict:
        """Return the boxes after a window `(top, left, height, width)` was cut out and resized to the target."""
        top, left, height, width = window
        boxes = box_ops.convert_format(bounding_boxes, self.bounding_box_format, "xyxy", *size)
        cut = box_ops.crop(boxes["boxes"], top, left, height, width)
        scales = jnp.array([self.width / width, self.height / height] * 2, cut.dtype)
        boxes = box_ops.clip_to_image_size({**boxes, "boxes": cut * scales}, self.height, self.width)
        return box_ops.convert_format(boxes, "xyxy", self.bounding_box_format, self.height, self.width)


def _between_neighbours(values: jax.Array, axis: int, size: int) -> jax.Array:
    """Return values resized along an axis, each from its two neighbours: several times as fast as a full product."""
    old = values.shape[axis]
    places = np.clip((np.arange(size) + 0.5) * (old / size) - 0.5, 0, old - 1)
    before = np.floor(places).astype("int32")
    shape = [1] * values.ndim
    shape[axis] = size
    share = (places - before).astype("float32").reshape(shape)
    after = np.minimum(before + 1, old - 1)
    return (
        jnp.take(values, before, axis, mode="clip") * (1 - share) + jnp.take(values, after, axis, mode="clip") * share
    )


class Resizing(_SizeLayer):
    """Resizes images, the same in and outside training; the dtype of the images stays.

    Args:
        height: height of the result.
        width: width of the result.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        crop_to_aspect_ratio: cut the sides off first, so that nothing is stretched.
        pad_to_aspect_ratio: add borders first, so that nothing is stretched.
        fill_mode: of the borders; only `"constant"`.
        fill_value: value of the borders.
        antialias: smooth before making images smaller.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.

    Raises:
        ValueError: for sizes that are no positive integers, or an unknown interpolation.
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._set_size(height, width)
        methods = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
        self.interpolation = arguments.choice(self, "interpolation", interpolation, methods)
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError("Resizing: at most one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` may be True.")
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = arguments.choice(self, "fill_mode", fill_mode, ("constant",))
        self.fill_value = fill_value
        self.antialias = bool(antialias)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Return height and width of the images."""
        return self._sizes(data)[1:]

    def _resized(self, images: Any, interpolation: str) -> jax.Array:
        simple = not (self.crop_to_aspect_ratio or self.pad_to_aspect_ratio or self.antialias)
        if interpolation == "bilinear" and simple:
            images = jnp.asarray(images)
            values = images.astype(jnp.promote_types(images.dtype, "float32"))
            values = _between_neighbours(values, self._height_axis, self.height)
            return as_dtype(_between_neighbours(values, self._width_axis, self.width), images.dtype)
        return ops.resize(
            images,
            size=(self.height, self.width),
            interpolation=interpolation,
            antialias=self.antialias,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """Return a batch of images in the new size."""
        return self._resized(images, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Return masks in the new size, without mixing their values."""
        return self._resized(segmentation_masks, "nearest")

    def transform_bounding_boxes(self, bounding_boxes: dict, transformation: Any, training: bool = True) -> dict:
        """Return boxes in the new size; boxes of only 0 or only -1, which fill up a batch, become 0."""
        height, width = transformation
        boxes = bounding_boxes["boxes"]
        filler = jnp.all(boxes == -1, axis=-1) | jnp.all(boxes == 0, axis=-1)
        moved = box_ops.convert_format(bounding_boxes, self.bounding_box_format, "xyxy", height, width)
        scale_x, scale_y, left, top = self._placement(height, width)
        corners = moved["boxes"] * jnp.array([scale_x, scale_y] * 2) + jnp.array([left, top] * 2)
        moved = box_ops.clip_to_image_size({**moved, "boxes": corners}, self.height, self.width)
        moved["boxes"] = jnp.where(filler[..., None], 0.0, moved["boxes"])
        return box_ops.convert_format(moved, "xyxy", self.bounding_box_format, self.height, self.width)

    def _placement(self, height: int, width: int) -> tuple[float, float, float, float]:
        """Return by what x and y are multiplied, and what is added then."""
        scale_y, scale_x = self.height / height, self.width / width
        if self.pad_to_aspect_ratio:
            scale = min(scale_x, scale_y)
            return scale, scale, (self.width - width * scale) // 2, (self.height - height * scale) // 2
        if self.crop_to_aspect_ratio:
            aspect = width / height
            wider = aspect > self.width / self.height
            full_width, full_height = (
                (self.height * aspect, self.height) if wider else (self.width, self.width / aspect)
            )
            left, top = -((full_width - self.width) // 2), -((full_height - self.height) // 2)
            return full_width / width, full_height / height, left, top
        return scale_x, scale_y, 0.0, 0.0

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = (
            "height", "width", "interpolation", "crop_to_aspect_ratio", "pad_to_aspect_ratio", "fill_mode",
            "fill_value", "antialias",
        )  # fmt: skip
        return super().get_config() | {name: getattr(self, name) for name in names}


class CenterCrop(_SizeLayer):
    """Cuts out the middle of images, the same in and outside training.

    Of images smaller than the target, the largest window of the target's aspect ratio is cut out and resized.

    Args:
        height: height of the result.
        width: width of the result.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.

    Raises:
        ValueError: for sizes that are no positive integers.
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._set_size(height, width)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Return the shape of the images."""
        return {"input_shape": jnp.shape(data["images"] if isinstance(data, dict) else data)}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """Return the middles of a batch of images."""
        images = self._cast(images)
        down, across = (images.shape[axis] for axis in (self._height_axis, self._width_axis))
        down, across = down - self.height, across - self.width
        if down < 0 or across < 0:
            return self._fit(images).astype(images.dtype)
        return self._cut(images, down // 2, across // 2, self.height, self.width)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Return the middles of masks."""
        return self.transform_images(segmentation_masks, transformation, training=training)

    def transform_bounding_boxes(self, bounding_boxes: dict, transformation: Any, training: bool = True) -> dict:
        """Return the boxes in the middles."""
        shape = transformation["input_shape"]
        height, width = shape[self._height_axis], shape[self._width_axis]
        fits = height >= self.height and width >= self.width
        window = (self.height, self.width) if fits else self._window(height, width)
        corner = (height - window[0]) // 2, (width - window[1]) // 2
        return self._move_boxes(bounding_boxes, (height, width), (*corner, *window))

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | {"height": self.height, "width": self.width}


class RandomCrop(_SizeLayer):
    """Cuts a window out of images, at one random place for the whole batch.

    Outside training, the largest window in the middle that has the target's aspect ratio is resized to the target. In
    training, images that are not larger than the target are cut in the middle and resized.

    Args:
        height: height of the result.
        width: width of the result.
        seed: integer to start the layer's random generator from.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        name: name of the layer.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.

    Raises:
        ValueError: for sizes that are no positive integers.
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, name=name, **kwargs)
        self._set_size(height, width)
        self._set_seed(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw top and left of the window; height and width of the images come with them."""
        _, height, width = self._sizes(data)
        if training and height > self.height and width > self.width:
            sizes = (height - self.height, width - self.width)
            top, left = (self._uniform(seed, (), 0.0, float(free + 1)).astype("int32") for free in sizes)
            return top, left, height, width
        window = self._window(height, width)
        return (height - window[0]) // 2, (width - window[1]) // 2, height, width

    def _shape_in_training(self, height: int, width: int, top: Any, left: Any) -> tuple[int, int]:
        """Return height and width of what is cut out in training; a window may end at the border of the image."""
        if height > self.height and width > self.width:
            return self.height, self.width
        return min(self.height, height - top), min(self.width, width - left)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Return the windows of a batch of images."""
        images = self._cast(images)
        if not training:
            return self._fit(images).astype(images.dtype)
        top, left = transformation[:2]
        height, width = images.shape[self._height_axis], images.shape[self._width_axis]
        shape = self._shape_in_training(height, width, top, left)
        images = self._cut(images, top, left, *shape)
        if shape == (self.height, self.width):
            return images
        resized = ops.resize(images, size=(self.height, self.width), data_format=self.data_format)
        return resized.astype(self.compute_dtype)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Return the windows of masks."""
        return self.transform_images(segmentation_masks, transformation, training=training)

    def transform_bounding_boxes(self, bounding_boxes: dict, transformation: Any, training: bool = True) -> dict:
        """Return the boxes in the windows."""
        *corner, height, width = transformation
        shape = self._shape_in_training(height, width, *corner) if training else self._window(height, width)
        return self._move_boxes(bounding_boxes, (height, width), (*corner, *shape))

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | {"height": self.height, "width": self.width, "seed": self.seed}


class MaxNumBoundingBoxes(ImageLayer):
    """Gives every image the same number of bounding boxes: the first ones, filled up.

    Args:
        max_number: number of boxes.
        fill_value: what the coordinates and labels of boxes filled in are.
        **kwargs: `bounding_box_format`, `data_format`, and arguments of `Layer`.

    Raises:
        ValueError: if `max_number` is no positive integer.
    """

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_number = arguments.positive_integer(self, "max_number", max_number)
        self.fill_value = int(fill_value)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """Return the images as they are."""
        return images

    def transform_bounding_boxes(self, bounding_boxes: dict, transformation: Any, training: bool = True) -> dict:
        """Return `max_number` boxes and labels for each image."""

        def fill(values: jax.Array) -> jax.Array:
            missing = max(self.max_number - values.shape[1], 0)
            pads = [(0, 0), (0, missing)] + [(0, 0)] * (values.ndim - 2)
            return jnp.pad(values[:, : self.max_number], pads, constant_values=self.fill_value)

        return {**bounding_boxes, **{name: fill(bounding_boxes[name]) for name in ("boxes", "labels")}}

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        config = super().get_config() | {"max_number": self.max_number}
        return config if self.fill_value == -1 else config | {"fill_value": self.fill_value}
