"""Erasing and mixing: RandomErasing, CutMix, MixUp."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kerasish import random
from kerasish.layers import arguments
from kerasish.layers.augmentation.base import ImageLayer, factor_range, per_image


class _RectangleLayer(ImageLayer):
    """A layer that draws a rectangle in each image."""

    def _interval(self, seed: Any, length: int, share: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Draw where an interval of `share * length` starts; return start and end for each image."""
        size = (share * length).astype(self.compute_dtype)
        start = self._uniform(seed, share.shape, dtype=self.compute_dtype) * (length - size)
        return start, start + size

    def _inside(self, height: int, width: int, across: tuple, down: tuple) -> jax.Array:
        """Return which pixels are in the rectangle of each image, with a channel axis of size 1."""
        x, y = jnp.arange(width, dtype=self.compute_dtype), jnp.arange(height, dtype=self.compute_dtype)
        columns = (x >= across[0][:, None]) & (x < across[1][:, None])
        rows = (y >= down[0][:, None]) & (y < down[1][:, None])
        return jnp.expand_dims(rows[:, :, None] & columns[:, None, :], self._channel_axis)


class RandomErasing(_RectangleLayer):
    """Fills a random rectangle of each image with noise or a colour.

    Source: Zhong et al., 2017, https://arxiv.org/abs/1708.04896.

    Args:
        factor: pair of probabilities between which each image's is drawn, or a number `f` for `(0, f)`.
        scale: pair of numbers between 0 and 1, or a number `s` for `(0, s)`: the square of height and of width of the
            rectangle, relative to the image's, are drawn between them.
        fill_value: number, or three numbers, one for each channel; None for normal numbers.
        value_range: smallest and largest value; what is filled in is clipped to them.
        seed: integer to start the layer's random generator from.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: float | Sequence[float] | None = None,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(self, "factor", factor, 0, 1)
        self.scale = factor_range(self, "scale", scale, 0, 1)
        several = isinstance(fill_value, (tuple, list))
        if fill_value is not None and (len(fill_value) != 3 if several else not isinstance(fill_value, (int, float))):
            raise arguments.complaint(self, "fill_value", fill_value, "a number, three numbers or None")
        self.fill_value = fill_value
        self.value_range = value_range
        self._set_seed(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw which images get a rectangle, where, and what is in it."""
        count, height, width = self._sizes(data)
        if not training:
            return None
        shares = jnp.sqrt(self._uniform(seed, (count, 2), *self.scale, self.compute_dtype))
        across = self._interval(seed, width, shares[:, 0])
        down = self._interval(seed, height, shares[:, 1])
        chosen = self._chance(seed, count)
        images = data["images"] if isinstance(data, dict) else data
        return {
            "apply_erasing": chosen,
            "batch_masks": self._inside(height, width, across, down),
            "fill_value": self._filling(seed, (count, *images.shape[-3:])),
        }

    def _filling(self, seed: Any, shape: tuple) -> jax.Array:
        if self.fill_value is None:
            seed = self.generator if seed is None else seed
            values = random.normal(shape, dtype=self.compute_dtype, seed=seed) * self.value_range[1]
        else:
            values = jnp.asarray(self.fill_value, self.compute_dtype)
            values = values[:, None, None] if values.ndim and self.data_format == "channels_first" else values
        return jnp.clip(values, *self.value_range)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """Return a batch of images, some with a rectangle filled."""
        images = self._cast(images)
        if not training or transformation is None:
            return images
        erased = transformation["batch_masks"] & per_image(transformation["apply_erasing"])
        return jnp.where(erased, transformation["fill_value"], images)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = ("factor", "scale", "fill_value", "value_range", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}


def _mixed(first: jax.Array, second: jax.Array, weight: jax.Array) -> jax.Array:
    weight = per_image(weight, first.ndim)
    return weight * first + (1.0 - weight) * second


class CutMix(_RectangleLayer):
    """Replaces a random rectangle of each image by that of another image of the batch, and mixes labels by area.

    Source: Yun et al., 2019, https://arxiv.org/abs/1905.04899.

    Args:
        factor: pair of numbers between 0 and 1, or a number `f` for `(0, f)`: the parameter of the beta distribution
            that the share of the image itself follows is drawn between them.
        seed: integer to start the layer's random generator from.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: arguments of `Layer`.
    """

    def __init__(
        self, factor: Any = 1.0, seed: int | None = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(self, "factor", factor, 0, 1)
        self._set_seed(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw the rectangles, and an order of the batch to take their contents from; None for a single image."""
        count, height, width = self._sizes(data)
        if not training or (not isinstance(data, dict) and data.ndim == 3):
            return None
        seed = self.generator if seed is None else seed
        alpha = self._uniform(seed, (), *self.factor, self.compute_dtype) + 1e-6
        kept = random.beta((count,), alpha, alpha, seed=seed, dtype=self.compute_dtype)
        share = jnp.sqrt(1.0 - kept)
        across, down = self._interval(seed, width, share), self._interval(seed, height, share)
        area = (across[1] - across[0]) * (down[1] - down[0])
        return {
            "permutation_order": random.shuffle(jnp.arange(count), seed=seed),
            "batch_masks": self._inside(height, width, across, down),
            "mix_weight": per_image(1.0 - area / (width * height)),
        }

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """Return a batch of images with rectangles of others."""
        images = self._cast(images)
        if not training or transformation is None:
            return images
        return jnp.where(transformation["batch_masks"], images[transformation["permutation_order"]], images)

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """Return labels mixed by area."""
        if not training or transformation is None:
            return labels
        return _mixed(labels, labels[transformation["permutation_order"]], transformation["mix_weight"])

    def transform_bounding_boxes(self, bounding_boxes: dict, transformation: Any, training: bool = True) -> dict:
        """Refuse bounding boxes, which cannot be cut and mixed.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("CutMix does not take bounding boxes; leave them out of the data.")

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Return masks with rectangles of others."""
        return self.transform_images(segmentation_masks, transformation, training)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | {"factor": self.factor, "seed": self.seed}


class MixUp(ImageLayer):
    """Mixes each image and its labels with another of the batch; bounding boxes of both are kept.

    Source: Zhang et al., 2017, https://arxiv.org/abs/1710.09412.

    Args:
        alpha: parameter of the beta distribution that the share of the image itself follows.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        seed: integer to start the layer's random generator from.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self, alpha: float = 0.2, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        if not isinstance(alpha, (int, float)) or alpha <= 0:
            raise arguments.complaint(self, "alpha", alpha, "a positive number")
        self.alpha = alpha
        self._set_seed(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw an order of the batch to mix with, and the share of each image itself."""
        count = self._sizes(data)[0]
        if not training:
            return None
        seed = self.generator if seed is None else seed
        order = random.shuffle(jnp.arange(count), seed=seed)
        return {"permutation_order": order, "mix_weight": random.beta((count,), self.alpha, self.alpha, seed=seed)}

    def _mix(self, values: Any, transformation: Any, training: bool) -> Any:
        if not training or transformation is None:
            return values
        return _mixed(values, values[transformation["permutation_order"]], transformation["mix_weight"])

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """Return a batch of mixed images."""
        return self._mix(self._cast(images), transformation, training).astype(self.compute_dtype)

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """Return mixed labels."""
        return self._mix(labels, transformation, training)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Return mixed masks."""
        return self._mix(segmentation_masks, transformation, training)

    def transform_bounding_boxes(self, bounding_boxes: dict, transformation: Any, training: bool = True) -> dict:
        """Return the boxes of both images."""
        if not training or transformation is None:
            return bounding_boxes
        order = transformation["permutation_order"]
        return {name: jnp.concatenate([value, value[order]], axis=1) for name, value in bounding_boxes.items()}

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | {"alpha": self.alpha, "seed": self.seed}
