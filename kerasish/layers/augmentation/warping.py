"""Random distortions: RandomPerspective, RandomElasticTransform."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core.random import draw_seed
from kerasish.layers import arguments
from kerasish.layers.augmentation import bounding_boxes as box_ops
from kerasish.layers.augmentation.base import ImageLayer, factor_range, per_image
from kerasish.layers.augmentation.filters import smoothed
from kerasish.ops import image as ops

_INTERPOLATIONS = ("nearest", "bilinear")


def homography(source: jax.Array, target: jax.Array) -> jax.Array:
    """Return the perspective maps that take four points to four others.

    Args:
        source: points `(x, y)`, of shape `(batch, 4, 2)`.
        target: points of the same shape.

    Returns:
        `a0, a1, a2, b0, b1, b2, c0, c1`, of shape `(batch, 8)`, in the meaning of `ops.image.affine_transform`.
    """
    plane = jnp.concatenate([source, jnp.ones_like(source[..., :1])], axis=-1)
    nothing = jnp.zeros_like(plane)
    # Two equations for each point: k x' = a0 x + a1 y + a2 and k y' = b0 x + b1 y + b2, with k = c0 x + c1 y + 1.
    for_x = jnp.concatenate([plane, nothing, -target[..., :1] * source], axis=-1)
    for_y = jnp.concatenate([nothing, plane, -target[..., 1:] * source], axis=-1)
    values = jnp.concatenate([target[..., 0], target[..., 1]], axis=-1)
    return jnp.linalg.solve(jnp.concatenate([for_x, for_y], axis=1), values[..., None])[..., 0]


class _WarpLayer(ImageLayer):
    """A layer that distorts a random selection of images; masks are read at the nearest pixel."""

    def _warped(self, images: jax.Array, transformation: dict, interpolation: str) -> jax.Array:
        raise NotImplementedError

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Return a batch of images, some of them distorted."""
        images = self._cast(images)
        if not training or transformation is None:
            return images
        return self._warped(images, transformation, self.interpolation)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Return masks distorted as the images, without mixing their values."""
        if not training or transformation is None:
            return segmentation_masks
        return self._warped(segmentation_masks, transformation, "nearest")


class RandomPerspective(_WarpLayer):
    """Moves the corners of images at random, and everything between them in perspective.

    Args:
        factor: pair of probabilities between which each image's is drawn, or a number `f` for `(0, f)`.
        scale: number between 0 and 1: corners move by at most half of it, times their coordinates.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: beyond the border.
        seed: integer to start the layer's random generator from.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(self, "factor", factor, 0, 1)
        self.scale = arguments.fraction(self, "scale", scale)
        self.interpolation = arguments.choice(self, "interpolation", interpolation, _INTERPOLATIONS)
        self.fill_value = fill_value
        self._set_seed(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw which images are distorted, and where their corners go."""
        count, height, width = self._sizes(data)
        if not training:
            return None
        chosen = self._chance(seed, count)
        half = 0.5 * self.scale
        moves = self._uniform(seed, (count, 4, 2), -half, half, self.compute_dtype)
        corners = [[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]]
        start = jnp.tile(jnp.asarray(corners, self.compute_dtype), (count, 1, 1))
        shape = [height, width, None] if self.data_format == "channels_last" else [None, height, width]
        return {
            "apply_perspective": chosen,
            "start_points": start,
            "end_points": start + start * moves,
            "input_shape": (count, *shape),
        }

    def _warped(self, images: jax.Array, transformation: dict, interpolation: str) -> jax.Array:
        start, end = (transformation[name].astype("float32") for name in ("start_points", "end_points"))
        moved = ops.affine_transform(
            images, homography(end, start), interpolation=interpolation, fill_mode="constant",
            fill_value=self.fill_value, data_format=self.data_format,
        )  # fmt: skip
        return jnp.where(per_image(transformation["apply_perspective"]), moved, images).astype(images.dtype)

    def transform_bounding_boxes(self, bounding_boxes: dict, transformation: Any, training: bool = True) -> dict:
        """Return the boxes around the boxes distorted as the images."""
        if not training or transformation is None:
            return bounding_boxes
        shape = transformation["input_shape"]
        size = shape[self._height_axis], shape[self._width_axis]
        boxes = box_ops.convert_format(bounding_boxes, self.bounding_box_format, "xyxy", *size)
        start, end = (transformation[name].astype("float32") for name in ("start_points", "end_points"))
        a0, a1, a2, b0, b1, b2, c0, c1 = (value[:, None, None] for value in jnp.moveaxis(homography(start, end), -1, 0))
        x, y = boxes["boxes"][..., np.array([0, 2, 0, 2])], boxes["boxes"][..., np.array([1, 3, 3, 1])]
        k = c0 * x + c1 * y + 1.0
        x, y = (a0 * x + a1 * y + a2) / k, (b0 * x + b1 * y + b2) / k
        moved = jnp.stack([x.min(-1), y.min(-1), x.max(-1), y.max(-1)], axis=-1)
        moved = jnp.where(per_image(transformation["apply_perspective"], 3), moved, boxes["boxes"])
        boxes = box_ops.clip_to_image_size({**boxes, "boxes": moved}, *size)
        return box_ops.convert_format(boxes, "xyxy", self.bounding_box_format, *size)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = ("factor", "scale", "interpolation", "fill_value", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}


class RandomElasticTransform(_WarpLayer):
    """Distorts images by a smooth random field of displacements along the diagonal.

    Args:
        factor: pair of probabilities between which each image's is drawn, or a number `f` for `(0, f)`.
        scale: pair of numbers between 0 and 1, or a number `s` for `(0, s)`: the strength of the distortion is drawn
            between them.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode: beyond the border: `"constant"`, `"nearest"`, `"wrap"`, `"mirror"` or `"reflect"`.
        fill_value: for `"constant"`.
        value_range: smallest and largest value; the result is clipped to them.
        seed: integer to start the layer's random generator from.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: `bounding_box_format`, and arguments of `Layer`. Bounding boxes are not changed.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(self, "factor", factor, 0, 1)
        self.scale = factor_range(self, "scale", scale, 0, 1)
        self.interpolation = arguments.choice(self, "interpolation", interpolation, _INTERPOLATIONS)
        modes = ("constant", "nearest", "wrap", "mirror", "reflect")
        self.fill_mode = arguments.choice(self, "fill_mode", fill_mode, modes)
        self.fill_value = fill_value
        self.value_range = value_range
        self._set_seed(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw which images are distorted, how strongly, and the key of the noise."""
        count = self._sizes(data)[0]
        if not training or self.scale[1] == 0 or self.factor[1] == 0:
            return None
        chosen = self._chance(seed, count)
        strength = self._uniform(seed, (), *self.scale, self.compute_dtype)
        key = draw_seed(self.generator if seed is None else seed)
        return {"apply_transform": chosen, "distortion_factor": strength, "seed": key}

    def _warped(self, images: jax.Array, transformation: dict, interpolation: str) -> jax.Array:
        count = images.shape[0]
        height, width = images.shape[self._height_axis], images.shape[self._width_axis]
        strength = transformation["distortion_factor"]
        sigma = min(height, width) * 0.05 * strength
        # The kernel ends at three standard deviations; its array is as large as the strongest distortion needs,
        # but no larger than the images on both sides.
        reach = jnp.floor_divide((6 * sigma).astype("int32"), 2)
        largest = int(min(6 * min(height, width) * 0.05 * self.scale[1], 2 * max(height, width))) // 2
        x = jnp.arange(-largest, largest + 1)
        kernel = jnp.where(jnp.abs(x) <= reach, jnp.exp(-0.5 * jnp.square(x / sigma)), 0.0)
        kernel = (kernel / jnp.sum(kernel)).astype(self.compute_dtype)
        # One field moves both coordinates, as in Keras.
        noise = jax.random.normal(draw_seed(transformation["seed"]), (count, 1, height, width), self.compute_dtype)
        shifts = smoothed(smoothed(noise * sigma, kernel, -1), kernel, -2) * (max(height, width) * 0.1 * strength)
        grid = jnp.stack(jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij"))
        order = _INTERPOLATIONS.index(interpolation)

        def read(plane: jax.Array, places: jax.Array) -> jax.Array:
            return ops.map_coordinates(plane, places, order, fill_mode=self.fill_mode, fill_value=self.fill_value)

        per_channel = jax.vmap(read, in_axes=(self._channel_axis, None), out_axes=self._channel_axis)
        moved = jax.vmap(per_channel)(images, grid + shifts).astype(images.dtype)
        images = jnp.where(per_image(transformation["apply_transform"]), moved, images)
        return jnp.clip(images, *self.value_range).astype(self.compute_dtype)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = ("factor", "scale", "interpolation", "fill_mode", "fill_value", "value_range", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}
