"""Random changes of colour: brightness, contrast, saturation, hue, loss of colour, inversion."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kerasish import random
from kerasish.core.config import epsilon
from kerasish.layers import arguments
from kerasish.layers.augmentation.base import ImageLayer, factor_range, grey, per_image, rescaled
from kerasish.layers.augmentation.base import value_range as checked_range
from kerasish.ops import image as ops

Factor = float | Sequence[float]
Range = Sequence[float]


class _ColorLayer(ImageLayer):
    """A layer that changes colours by a factor drawn for each image; annotations stay."""

    def _set(self, factor: Factor, low: float, high: float, seed: int | None) -> None:
        self.factor = factor_range(self, "factor", factor, low, high)
        self._set_seed(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw a factor for each image."""
        count = self._sizes(data)[0]
        return {"factor": self._uniform(seed, (count,), *self.factor)} if training else None

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Return a batch of images with other colours."""
        images = self._cast(images)
        return self._recolor(images, transformation) if training and transformation is not None else images

    def _recolor(self, images: jax.Array, transformation: dict) -> jax.Array:
        raise NotImplementedError

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        config = super().get_config() | {"factor": self.factor, "seed": self.seed}
        return config | {"value_range": self.value_range} if hasattr(self, "value_range") else config


class RandomBrightness(_ColorLayer):
    """Adds a random number to all values of an image.

    Args:
        factor: pair of numbers between -1 and 1, or a number `f` for `(-f, f)`: the ends of what is added, as
            fractions of the range of values.
        value_range: smallest and largest value; the result is clipped to them.
        seed: integer to start the layer's random generator from.
        **kwargs: `bounding_box_format`, `data_format`, and arguments of `Layer`.

    Example:
        >>> RandomBrightness(0.2)(np.zeros((4, 8, 8, 3)))
    """

    def __init__(self, factor: Factor, value_range: Range = (0, 255), seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set(factor, -1, 1, seed)
        self.value_range = checked_range(self, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw what is added to each image."""
        count = self._sizes(data)[0]
        if not training:
            return None
        delta = self._uniform(seed, (count, 1, 1, 1), *self.factor)
        return {"rgb_delta": delta * (self.value_range[1] - self.value_range[0])}

    def _recolor(self, images: jax.Array, transformation: dict) -> jax.Array:
        return jnp.clip(images + transformation["rgb_delta"].astype(images.dtype), *self.value_range)


class RandomContrast(_ColorLayer):
    """Moves the values of each channel away from their mean or towards it by a random factor.

    Args:
        factor: pair of numbers between 0 and 1: values are multiplied, around their mean, by a number between
            `1 - factor[0]` and `1 + factor[1]`. A number `f` stands for `(0, f)`.
        value_range: smallest and largest value; the result is clipped to them.
        seed: integer to start the layer's random generator from.
        **kwargs: `bounding_box_format`, `data_format`, and arguments of `Layer`.
    """

    def __init__(self, factor: Factor, value_range: Range = (0, 255), seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set(factor, 0, 1, seed)
        self.value_range = value_range

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw the factor of each image."""
        count = self._sizes(data)[0]
        if not training:
            return None
        ends = 1.0 - self.factor[0], 1.0 + self.factor[1]
        return {"contrast_factor": self._uniform(seed, (count, 1, 1, 1), *ends, self.compute_dtype)}

    def _recolor(self, images: jax.Array, transformation: dict) -> jax.Array:
        # Rows first: they are contiguous where channels are last.
        mean = jnp.mean(jnp.mean(images, self._height_axis, keepdims=True), self._width_axis, keepdims=True)
        factor = transformation["contrast_factor"].astype(images.dtype)
        return jnp.clip((images - mean) * factor + mean, *self.value_range)


class RandomSaturation(_ColorLayer):
    """Makes colours stronger or weaker at random.

    Args:
        factor: pair of numbers between 0 and 1, or a number `f` for `(0, f)`; 0 gives grey, 0.5 the image itself, 1
            the strongest colours.
        value_range: smallest and largest value.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        seed: integer to start the layer's random generator from.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self,
        factor: Factor,
        value_range: Range = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._set(factor, -1, 1, seed)
        self.value_range = checked_range(self, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw what the saturation of each image is multiplied by."""
        drawn = super().get_random_transformation(data, training, seed)
        return drawn and {"factor": drawn["factor"] / (1 - drawn["factor"] + epsilon())}

    def _recolor(self, images: jax.Array, transformation: dict) -> jax.Array:
        hue, saturation, value = self._planes(ops.rgb_to_hsv(images, data_format=self.data_format))
        factor = per_image(transformation["factor"].astype(images.dtype), 3)
        planes = hue, jnp.clip(saturation * factor, *self.value_range), value
        return ops.hsv_to_rgb(jnp.stack(planes, axis=self._channel_axis), data_format=self.data_format)

    def _planes(self, images: jax.Array) -> jax.Array:
        return jnp.moveaxis(images, self._channel_axis, 0)


class RandomHue(_ColorLayer):
    """Turns the circle of colours at random.

    Args:
        factor: pair of numbers between 0 and 1, or a number `f` for `(0, f)`: by how much of half a turn, in either
            direction.
        value_range: smallest and largest value.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        seed: integer to start the layer's random generator from.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self,
        factor: Factor,
        value_range: Range = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._set(factor, 0, 1, seed)
        self.value_range = value_range

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw direction and amount of each image's turn."""
        count = self._sizes(data)[0]
        if not training:
            return None
        direction = jnp.where(self._uniform(seed, (count,)) > 0.5, -1.0, 1.0)
        return {"factor": direction * self._uniform(seed, (count,), *self.factor) * 0.5}

    def _recolor(self, images: jax.Array, transformation: dict) -> jax.Array:
        images = rescaled(images, self.value_range, (0, 1))
        planes = ops.rgb_to_hsv(images, data_format=self.data_format)
        hue, saturation, value = jnp.moveaxis(planes, self._channel_axis, 0)
        hue = hue + per_image(transformation["factor"].astype(images.dtype), 3)
        hue = jnp.where(hue > 1.0, hue - 1.0, jnp.where(hue < 0.0, hue + 1.0, hue))
        images = jnp.stack([hue, saturation, value], axis=self._channel_axis)
        images = jnp.clip(ops.hsv_to_rgb(images, data_format=self.data_format), 0, 1)
        return rescaled(images, (0, 1), self.value_range).astype(self.compute_dtype)


class RandomColorDegeneration(_ColorLayer):
    """Mixes images with their grey version.

    Args:
        factor: pair of numbers between 0 and 1, or a number `f` for `(-f, f)`: 0 gives the image, 1 the grey one.
        value_range: smallest and largest value; the result is clipped to them.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        seed: integer to start the layer's random generator from.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self,
        factor: Factor,
        value_range: Range = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._set(factor, -1, 1, seed)
        self.value_range = checked_range(self, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw the share of grey of each image."""
        drawn = super().get_random_transformation(data, training, seed)
        return drawn and {"factor": per_image(drawn["factor"])}

    def _recolor(self, images: jax.Array, transformation: dict) -> jax.Array:
        factor = transformation["factor"].astype(images.dtype)
        images = images + factor * (grey(images, self._channel_axis) - images)
        return jnp.clip(images, *self.value_range)


class RandomGrayscale(_ColorLayer):
    """Turns images grey, with three equal channels, at random; the dtype of the images stays.

    Args:
        factor: probability, between 0 and 1.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        seed: integer to start the layer's random generator from.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self, factor: float = 0.5, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = arguments.fraction(self, "factor", factor)
        self._set_seed(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw which images turn grey."""
        count = self._sizes(data)[0]
        return per_image(self._uniform(seed, (count,)) < self.factor) if training else None

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Return a batch of images, some of them grey."""
        if not training:
            return images
        chosen = self.get_random_transformation(images) if transformation is None else transformation
        return jnp.where(chosen, grey(images, self._channel_axis), images)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return {name: value for name, value in super().get_config().items() if name != "seed"}


class RandomInvert(_ColorLayer):
    """Replaces values by the largest value less them, at random.

    Args:
        factor: pair of probabilities between which each image's is drawn, or a number `f` for `(0, f)`.
        value_range: smallest and largest value.
        seed: integer to start the layer's random generator from.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self,
        factor: Factor = 1.0,
        value_range: Range = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._set(factor, 0, 1, seed)
        self.value_range = value_range

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw which images are inverted."""
        count = self._sizes(data)[0]
        return {"apply_inversion": self._chance(seed, count)} if training else None

    def _recolor(self, images: jax.Array, transformation: dict) -> jax.Array:
        return jnp.where(per_image(transformation["apply_inversion"]), self.value_range[1] - images, images)


class RandomPosterization(_ColorLayer):
    """Keeps a random number of the 8 bits of each value.

    Args:
        factor: pair of integers between 1 and 8: the least number of bits, and the number that all but the fixed case
            stay below. A number `f` stands for `(1, f)`; equal numbers are taken as they are.
        value_range: smallest and largest value.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        seed: integer to start the layer's random generator from.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self,
        factor: Factor,
        value_range: Range = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._set(factor, 1, 8, seed)
        self.value_range = checked_range(self, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw how many bits each image loses."""
        count = self._sizes(data)[0]
        if not training:
            return None
        low, high = self.factor
        if low == high:
            bits = jnp.full((count,), low, "uint8")
        else:
            bits = random.randint((count,), low, high, "uint8", self.generator if seed is None else seed)
        return {"shift_factor": 8 - bits}

    def _recolor(self, images: jax.Array, transformation: dict) -> jax.Array:
        shift = per_image(transformation["shift_factor"])
        images = rescaled(images, self.value_range, (0, 255), self.compute_dtype).astype("uint8")
        images = jnp.left_shift(jnp.right_shift(images, shift), shift).astype(self.compute_dtype)
        return rescaled(images, (0, 255), self.value_range, self.compute_dtype)


class RandomColorJitter(ImageLayer):
    """Changes brightness, contrast, saturation and hue, in this order.

    Args:
        value_range: smallest and largest value.
        brightness_factor: factor of `RandomBrightness`; None leaves it out.
        contrast_factor: factor of `RandomContrast`; None leaves it out.
        saturation_factor: factor of `RandomSaturation`; None leaves it out.
        hue_factor: factor of `RandomHue`; None leaves it out.
        seed: integer to start the layer's random generator from.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self,
        value_range: Range = (0, 255),
        brightness_factor: Factor | None = None,
        contrast_factor: Factor | None = None,
        saturation_factor: Factor | None = None,
        hue_factor: Factor | None = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range
        self.brightness_factor = brightness_factor
        self.contrast_factor = contrast_factor
        self.saturation_factor = saturation_factor
        self.hue_factor = hue_factor
        self._set_seed(seed)
        options = {"seed": seed, "data_format": self.data_format, "dtype": self.dtype_policy}
        self._steps = [
            kind(factor, value_range, **options)
            for kind, factor in (
                (RandomBrightness, brightness_factor),
                (RandomContrast, contrast_factor),
                (RandomSaturation, saturation_factor),
                (RandomHue, hue_factor),
            )
            if factor is not None
        ]

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw the transformations of all steps."""
        if not training:
            return None
        seed = self.generator if seed is None else seed
        return {"steps": [step.get_random_transformation(data, seed=seed) for step in self._steps]}

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Return a batch of images with other colours."""
        images = self._cast(images)
        if training:
            transformation = transformation or self.get_random_transformation(images)
            for step, drawn in zip(self._steps, transformation["steps"], strict=True):
                images = step.transform_images(images, drawn)
        return images

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = ("value_range", "brightness_factor", "contrast_factor", "saturation_factor", "hue_factor", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}
