"""Random flips and affine maps: RandomFlip, RandomRotation, RandomTranslation, RandomZoom, RandomShear."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.layers import arguments
from kerasish.layers.augmentation import bounding_boxes as box_ops
from kerasish.layers.augmentation.base import ImageLayer, per_image
from kerasish.ops import image as ops

Factor = float | Sequence[float]
_FILL_MODES = ("reflect", "wrap", "constant", "nearest")
_INTERPOLATIONS = ("nearest", "bilinear")


class RandomFlip(ImageLayer):
    """Flips images at random, each with probability one half.

    Args:
        mode: `"horizontal"`, `"vertical"` or `"horizontal_and_vertical"`, which does both or nothing.
        seed: integer to start the layer's random generator from.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.

    Example:
        >>> RandomFlip("horizontal")(np.zeros((4, 8, 8, 3)))
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._set_seed(seed)
        modes = ("horizontal", "vertical", "horizontal_and_vertical")
        self.mode = arguments.choice(self, "mode", mode, modes)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw which images are flipped."""
        count, height, width = self._sizes(data)
        if not training:
            return None
        shape = [height, width, None] if self.data_format == "channels_last" else [None, height, width]
        return {"flips": self._uniform(seed, (count, 1, 1, 1)) <= 0.5, "input_shape": (count, *shape)}

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Return a batch of images, some of them flipped."""
        images = self._cast(images)
        if not training or transformation is None:
            return images
        axes = []
        if "horizontal" in self.mode:
            axes.append(self._width_axis)
        if "vertical" in self.mode:
            axes.append(self._height_axis)
        return jnp.where(transformation["flips"], jnp.flip(images, axes), images)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Return masks flipped as the images."""
        return self.transform_images(segmentation_masks, transformation, training=training)

    def transform_bounding_boxes(self, bounding_boxes: dict, transformation: Any, training: bool = True) -> dict:
        """Return boxes flipped as the images."""
        if not training or transformation is None:
            return bounding_boxes
        shape = transformation["input_shape"]
        size = shape[self._height_axis], shape[self._width_axis]
        boxes = box_ops.convert_format(bounding_boxes, self.bounding_box_format, "rel_xyxy", *size)
        x1, y1, x2, y2 = jnp.moveaxis(boxes["boxes"], -1, 0)
        if "horizontal" in self.mode:
            x1, x2 = 1 - x2, 1 - x1
        if "vertical" in self.mode:
            y1, y2 = 1 - y2, 1 - y1
        flipped = jnp.stack([x1, y1, x2, y2], axis=-1)
        chosen = jnp.where(per_image(transformation["flips"], 3), flipped, boxes["boxes"])
        boxes = box_ops.clip_to_image_size({**boxes, "boxes": chosen}, bounding_box_format="rel_xyxy")
        return box_ops.convert_format(boxes, "rel_xyxy", self.bounding_box_format, *size)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | {"seed": self.seed, "mode": self.mode}


class AffineLayer(ImageLayer):
    """A layer that reads each image at places given by a matrix; masks are read at the nearest pixel.

    A subclass writes `_draw(count, height, width, seed)`, `_matrix(drawn, height, width)` (eight numbers for each image
    as `ops.image.affine_transform` takes them) and `_move_boxes(boxes, drawn, height, width)` for corners.
    """

    def _set_options(self, interpolation: str, fill_mode: str, fill_value: float, seed: int | None) -> None:
        self.interpolation = arguments.choice(self, "interpolation", interpolation, _INTERPOLATIONS)
        self.fill_mode = arguments.choice(self, "fill_mode", fill_mode, _FILL_MODES)
        self.fill_value = fill_value
        self._set_seed(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw the map of each image."""
        count, height, width = self._sizes(data)
        if not training:
            return None
        shape = [height, width, None] if self.data_format == "channels_last" else [None, height, width]
        return self._draw(count, height, width, seed) | {"input_shape": (count, *shape)}

    def _draw(self, count: int, height: int, width: int, seed: Any) -> dict[str, jax.Array]:
        raise NotImplementedError

    def _matrix(self, drawn: dict, height: int, width: int) -> jax.Array:
        raise NotImplementedError

    def _move_boxes(self, boxes: dict, drawn: dict, height: int, width: int) -> dict:
        raise NotImplementedError

    def _read(self, images: jax.Array, transformation: dict, interpolation: str) -> jax.Array:
        matrix = self._matrix(transformation, images.shape[self._height_axis], images.shape[self._width_axis])
        return ops.affine_transform(
            images, matrix, interpolation=interpolation, fill_mode=self.fill_mode, fill_value=self.fill_value,
            data_format=self.data_format,
        )  # fmt: skip

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Return a batch of images, moved."""
        images = self._cast(images)
        if not training or transformation is None:
            return images
        return self._read(images, transformation, self.interpolation).astype(self.compute_dtype)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Return masks moved as the images, without mixing their values."""
        if not training or transformation is None:
            return segmentation_masks
        return self._read(segmentation_masks, transformation, "nearest")

    def transform_bounding_boxes(self, bounding_boxes: dict, transformation: Any, training: bool = True) -> dict:
        """Return the boxes around the boxes moved as the images."""
        if not training or transformation is None:
            return bounding_boxes
        shape = transformation["input_shape"]
        size = shape[self._height_axis], shape[self._width_axis]
        boxes = box_ops.convert_format(bounding_boxes, self.bounding_box_format, "xyxy", *size)
        boxes = box_ops.clip_to_image_size(self._move_boxes(boxes, transformation, *size), *size)
        return box_ops.convert_format(boxes, "xyxy", self.bounding_box_format, *size)

    def _range(self, name: str, value: Any, low: float, high: float, open_low: bool = False) -> tuple:
        """Return the pair that `value` stands for: itself, or `(-value, value)`; raises ValueError out of range."""
        values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
        numbers = all(isinstance(number, (int, float)) for number in values)
        if not numbers or len(values) > 2 or any(v > high or v < low or (open_low and v == low) for v in values):
            bounds = f"{'more than ' if open_low else ''}{low} and at most {high}"
            raise arguments.complaint(self, name, value, f"a number, or a pair of numbers, of at least {bounds}")
        return tuple(sorted(values)) if len(values) == 2 else (-abs(values[0]), abs(values[0]))

    def _options(self, *names: str) -> dict:
        names = (*names, "fill_mode", "interpolation", "seed", "fill_value")
        return {name: getattr(self, name) for name in names}


class RandomRotation(AffineLayer):
    """Rotates images around their middle.

    Args:
        factor: pair of numbers between -1 and 1, or a number `f` for `(-f, f)`: fractions of a full turn between which
            each image's is drawn, counter-clockwise.
        fill_mode: beyond the border: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: integer to start the layer's random generator from.
        fill_value: for `"constant"`.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.

    Example:
        >>> RandomRotation(0.1)(np.zeros((4, 8, 8, 3)))
    """

    def __init__(
        self,
        factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = self._range("factor", factor, -1, 1)
        self._set_options(interpolation, fill_mode, fill_value, seed)

    def _draw(self, count: int, height: int, width: int, seed: Any) -> dict[str, jax.Array]:
        angle = self._uniform(seed, (count,), self.factor[0] * 360.0, self.factor[1] * 360.0)
        return {"angle": angle, "rotation_matrix": _rotation(angle, height, width)}

    def _matrix(self, drawn: dict, height: int, width: int) -> jax.Array:
        return drawn["rotation_matrix"]

    def _move_boxes(self, boxes: dict, drawn: dict, height: int, width: int) -> dict:
        angle = drawn["angle"]
        zeros, ones = jnp.zeros_like(angle), jnp.ones_like(angle)
        moved = box_ops.affine_transform(boxes["boxes"], angle, zeros, zeros, ones, zeros, zeros, height, width)
        return {**boxes, "boxes": moved}

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | self._options("factor")


def _rotation(angle: jax.Array, height: int, width: int) -> jax.Array:
    """Return the maps that rotate by degrees around the middle."""
    angle = angle * (math.pi / 180.0)
    x, y = 0.5 * (width - 1), 0.5 * (height - 1)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    zeros = jnp.zeros_like(angle)
    rows = [cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos, zeros, zeros]
    return jnp.stack(rows, axis=1)


class RandomTranslation(AffineLayer):
    """Moves images.

    Args:
        height_factor: pair of numbers between -1 and 1, or a number `f` for `(-f, f)`: fractions of the height between
            which the shift down is drawn.
        width_factor: likewise, fractions of the width for the shift to the right.
        fill_mode: beyond the border: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: integer to start the layer's random generator from.
        fill_value: for `"constant"`.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height_factor = height_factor
        self.height_lower, self.height_upper = self._range("height_factor", height_factor, -1, 1)
        self.width_factor = width_factor
        self.width_lower, self.width_upper = self._range("width_factor", width_factor, -1, 1)
        self._set_options(interpolation, fill_mode, fill_value, seed)

    def _draw(self, count: int, height: int, width: int, seed: Any) -> dict[str, jax.Array]:
        down = self._uniform(seed, (count, 1), self.height_lower, self.height_upper) * height
        right = self._uniform(seed, (count, 1), self.width_lower, self.width_upper) * width
        return {"translations": jnp.concatenate([right, down], axis=1).astype("float32")}

    def _matrix(self, drawn: dict, height: int, width: int) -> jax.Array:
        right, down = jnp.moveaxis(drawn["translations"], -1, 0)
        ones, zeros = jnp.ones_like(right), jnp.zeros_like(right)
        return jnp.stack([ones, zeros, -right, zeros, ones, -down, zeros, zeros], axis=1)

    def _move_boxes(self, boxes: dict, drawn: dict, height: int, width: int) -> dict:
        shift = jnp.tile(drawn["translations"], 2)[:, None, :]
        return {**boxes, "boxes": boxes["boxes"] + shift}

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | self._options("height_factor", "width_factor")


class RandomZoom(AffineLayer):
    """Zooms images around their middle.

    Args:
        height_factor: pair of numbers between -1 (excluded) and 1, or a number `f` for `(-f, f)`: the part of the image
            shown has the height of the image times one plus a number drawn between them, so negative numbers zoom in.
        width_factor: likewise for the width; None for the factor of the height.
        fill_mode: beyond the border: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: integer to start the layer's random generator from.
        fill_value: for `"constant"`.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height_factor = height_factor
        self.height_lower, self.height_upper = self._range("height_factor", height_factor, -1, 1, open_low=True)
        self.width_factor = width_factor
        if width_factor is not None:
            self.width_lower, self.width_upper = self._range("width_factor", width_factor, -1, 1, open_low=True)
        self._set_options(interpolation, fill_mode, fill_value, seed)

    def _draw(self, count: int, height: int, width: int, seed: Any) -> dict[str, jax.Array]:
        down = across = self._uniform(seed, (count, 1), 1.0 + self.height_lower, 1.0 + self.height_upper)
        if self.width_factor is not None:
            across = self._uniform(seed, (count, 1), 1.0 + self.width_lower, 1.0 + self.width_upper)
        return {"height_zoom": down, "width_zoom": across}

    def _matrix(self, drawn: dict, height: int, width: int) -> jax.Array:
        across, down = drawn["width_zoom"][:, 0], drawn["height_zoom"][:, 0]
        zeros = jnp.zeros_like(across)
        left, top = (width - 1.0) / 2.0 * (1.0 - across), (height - 1.0) / 2.0 * (1.0 - down)
        return jnp.stack([across, zeros, left, zeros, down, top, zeros, zeros], axis=1)

    def _move_boxes(self, boxes: dict, drawn: dict, height: int, width: int) -> dict:
        across, down = drawn["width_zoom"], drawn["height_zoom"]
        left, top = (width - 1.0) / 2.0 * (1.0 - across), (height - 1.0) / 2.0 * (1.0 - down)
        corner = jnp.concatenate([left, top, left, top], axis=1)[:, None, :]
        zoom = jnp.concatenate([across, down, across, down], axis=1)[:, None, :]
        return {**boxes, "boxes": (boxes["boxes"] - corner) / zoom}

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | self._options("height_factor", "width_factor")


class RandomShear(AffineLayer):
    """Shears images.

    Args:
        x_factor: pair of numbers between -1 and 1, or a number `f` for `(-f, f)`: how far a row moves to the side for
            each row it is below the first is drawn between them, in either direction.
        y_factor: likewise, how far a column moves.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode: beyond the border: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        fill_value: for `"constant"`.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        seed: integer to start the layer's random generator from.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self,
        x_factor: Factor = 0.0,
        y_factor: Factor = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.x_factor = self._shear_range("x_factor", x_factor)
        self.y_factor = self._shear_range("y_factor", y_factor)
        self._set_options(interpolation, fill_mode, fill_value, seed)

    def _shear_range(self, name: str, value: Any) -> tuple:
        # The pair that a number stands for must be accepted when it comes back from a config.
        return self._range(name, value, -1 if isinstance(value, (tuple, list)) else 0, 1)

    def _draw(self, count: int, height: int, width: int, seed: Any) -> dict[str, jax.Array]:
        dtype = self.compute_dtype
        direction = jnp.where(self._uniform(seed, (count, 1), dtype=dtype) > 0.5, -1.0, 1.0)
        down = self._uniform(seed, (count, 1), *self.y_factor, dtype=dtype)
        across = self._uniform(seed, (count, 1), *self.x_factor, dtype=dtype)
        return {"shear_factor": (jnp.concatenate([across, down], axis=1) * direction).astype(dtype)}

    def _matrix(self, drawn: dict, height: int, width: int) -> jax.Array:
        across, down = jnp.moveaxis(drawn["shear_factor"].astype("float32"), -1, 0)
        ones, zeros = jnp.ones_like(across), jnp.zeros_like(across)
        return jnp.stack([ones, across, zeros, down, ones, zeros, zeros, zeros], axis=1)

    def _move_boxes(self, boxes: dict, drawn: dict, height: int, width: int) -> dict:
        size = jnp.array([width, height, width, height], "float32")
        x1, y1, x2, y2 = jnp.moveaxis(boxes["boxes"] / size, -1, 0)
        across, down = (factor[:, None] for factor in jnp.moveaxis(drawn["shear_factor"].astype("float32"), -1, 0))
        # Each side goes where the corner goes that gets farthest out.
        x1, x2 = (
            x1 - across * jnp.where(across < 0, y1, y2),
            x2 - across * jnp.where(across < 0, y2, y1),
        )
        y1, y2 = (
            y1 - down * jnp.where(down > 0, x2, x1),
            y2 - down * jnp.where(down > 0, x1, x2),
        )
        return {**boxes, "boxes": jnp.stack([x1, y1, x2, y2], axis=-1) * size}

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | self._options("x_factor", "y_factor")
