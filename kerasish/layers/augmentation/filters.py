"""Random smoothing and sharpening: RandomGaussianBlur, RandomSharpness."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.layers import arguments
from kerasish.layers.augmentation.base import ImageLayer, factor_range, per_image
from kerasish.layers.augmentation.base import value_range as checked_range


def bell(size: int, sigma: Any, dtype: Any) -> jax.Array:
    """Return `size` values of the bell curve around the middle, with sum 1; `sigma` may be traced."""
    x = jnp.arange(size, dtype=dtype) - jnp.asarray((size - 1) / 2, dtype)
    values = jnp.exp(-0.5 * jnp.square(x / sigma))
    return values / jnp.sum(values)


def smoothed(images: jax.Array, weights: jax.Array, axis: int) -> jax.Array:
    """Return weighted sums of neighbours along one axis, with zeros beyond the border.

    Sums of shifted images compile to one pass on every platform, which no convolution with one channel does on CPUs.
    """
    count, size = weights.shape[0], images.shape[axis]
    pads = [(0, 0)] * images.ndim
    pads[axis] = ((count - 1) // 2, count // 2)
    padded = jnp.pad(images, pads)
    shifted = (jax.lax.slice_in_dim(padded, i, i + size, axis=axis) * weights[i] for i in range(count))
    return sum(shifted, jnp.zeros((), images.dtype))


class RandomGaussianBlur(ImageLayer):
    """Smooths images with a bell-shaped kernel, at random.

    Args:
        factor: pair of probabilities between which each image's is drawn, or a number `f` for `(0, f)`.
        kernel_size: width and height of the kernel, odd; or one number for both.
        sigma: pair of numbers between 0 and 1, or a number `s` for `(0, s)`: the kernel's standard deviations are drawn
            between them.
        value_range: smallest and largest value; the result is clipped to them.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        seed: integer to start the layer's random generator from.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: int | Sequence[int] = 3,
        sigma: Any = 1.0,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(self, "factor", factor, 0, 1)
        self.kernel_size = arguments.integers(self, "kernel_size", kernel_size, 2)
        if any(size % 2 == 0 for size in self.kernel_size):
            raise arguments.complaint(self, "kernel_size", kernel_size, "odd")
        self.sigma = factor_range(self, "sigma", sigma, 0, 1)
        self.value_range = value_range
        self._set_seed(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw which images are smoothed, and the standard deviations across and down."""
        count = self._sizes(data)[0]
        if not training:
            return None
        chosen = self._chance(seed, count)
        sigma = self._uniform(seed, (2,), *self.sigma, self.compute_dtype) + 1e-6
        return {"should_apply_blur": chosen, "blur_factor": sigma}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """Return a batch of images, some of them smoothed."""
        images = self._cast(images)
        if not training or transformation is None:
            return images
        blurred = images
        axes = (self._width_axis, self._height_axis)
        for axis, size, sigma in zip(axes, self.kernel_size, transformation["blur_factor"], strict=True):
            blurred = smoothed(blurred, bell(size, sigma, images.dtype), axis)
        images = jnp.where(per_image(transformation["should_apply_blur"]), blurred, images)
        return jnp.clip(images, *self.value_range)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = ("factor", "kernel_size", "sigma", "value_range", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}


class RandomSharpness(ImageLayer):
    """Mixes images with a smoothed version, or moves them away from it.

    Args:
        factor: pair of numbers between 0 and 1, or a number `f` for `(0, f)`: 0 gives the smoothed image, 0.5 the image
            itself, 1 the sharpest one.
        value_range: smallest and largest value; the result is clipped to them.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        seed: integer to start the layer's random generator from.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self,
        factor: Any,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(self, "factor", factor, 0, 1)
        self.value_range = checked_range(self, value_range)
        self._set_seed(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw a factor for each image."""
        count = self._sizes(data)[0]
        return {"factor": self._uniform(seed, (count,), *self.factor)} if training else None

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """Return a batch of images, sharper or softer."""
        images = self._cast(images)
        if not training or transformation is None:
            return images
        factor = per_image((transformation["factor"] * 2).astype(images.dtype))
        ones = jnp.ones(3, images.dtype)
        neighbours = smoothed(smoothed(images, ones, self._width_axis), ones, self._height_axis)
        soft = (neighbours + 4 * images) / 13  # each of the 8 neighbours counts 1/13, the pixel itself 5/13
        return jnp.clip(images + (1.0 - factor) * (soft - images), *self.value_range)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | {"factor": self.factor, "value_range": self.value_range, "seed": self.seed}
