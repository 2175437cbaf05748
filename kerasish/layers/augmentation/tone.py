"""Curves of tone: Solarization, AutoContrast, Equalization, ContrastLimitedAdaptiveHistogramEqualization."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.layers.augmentation.base import ImageLayer, as_dtype, factor_range, rescaled
from kerasish.layers.augmentation.base import value_range as checked_range


class Solarization(ImageLayer):
    """Adds a random number to the values, then inverts those from a random threshold on.

    Args:
        addition_factor: pair of numbers between 0 and 1, or a number `f` for `(0, f)`: what is added, as a fraction of
            the range of values.
        threshold_factor: likewise, the threshold.
        value_range: smallest and largest value.
        seed: integer to start the layer's random generator from.
        **kwargs: `bounding_box_format`, `data_format`, and arguments of `Layer`.
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_seed(seed)
        self.addition_factor = factor_range(self, "addition_factor", addition_factor, 0, 1, symmetric=False)
        self.threshold_factor = factor_range(self, "threshold_factor", threshold_factor, 0, 1, symmetric=False)
        self.value_range = checked_range(self, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw addition and threshold of each image, on the scale up to 255."""
        count = self._sizes(data)[0]
        if not training:
            return None

        def draw(factor: tuple) -> jax.Array:
            return self._uniform(seed, (count, 1, 1, 1), factor[0], factor[1] * 255, self.compute_dtype)

        return {"additions": draw(self.addition_factor), "thresholds": draw(self.threshold_factor)}

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Return a batch of images, solarized."""
        images = self._cast(images)
        if not training or transformation is None:
            return images
        values = rescaled(images, self.value_range, (0, 255), self.compute_dtype)
        values = jnp.clip(values + transformation["additions"], 0, 255)
        values = jnp.where(values < transformation["thresholds"], values, 255 - values)
        return as_dtype(rescaled(values, (0, 255), self.value_range, self.compute_dtype), images.dtype)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = ("value_range", "addition_factor", "threshold_factor", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}


class AutoContrast(ImageLayer):
    """Stretches each channel of each image over the whole range of values; the same in and outside training.

    Args:
        value_range: smallest and largest value.
        **kwargs: `bounding_box_format`, `data_format`, and arguments of `Layer`.
    """

    def __init__(self, value_range: Sequence[float] = (0, 255), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = checked_range(self, value_range)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """Return a batch of images of full contrast; channels of a single value stay."""
        images = jnp.asarray(images)
        values = self._cast(rescaled(images, self.value_range, (0, 255), self.compute_dtype))
        axes = (self._height_axis, self._width_axis)
        low, high = (function(values, axis=axes, keepdims=True) for function in (jnp.min, jnp.max))
        scale = 255.0 / (high - low)
        stretched = jnp.clip(values * scale - low * scale, 0.0, 255.0)
        stretched = rescaled(stretched, (0, 255), self.value_range, self.compute_dtype)
        stretched = jnp.where(jnp.isnan(stretched) | (high == low), images.astype(stretched.dtype), stretched)
        return as_dtype(stretched, values.dtype)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | {"value_range": self.value_range}


class Equalization(ImageLayer):
    """Spreads the values of each channel so that all are about as frequent, counted over the whole batch.

    Args:
        value_range: smallest and largest value.
        bins: how many classes of values are counted.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.bins = bins
        self.value_range = checked_range(self, value_range)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """Return a batch of images with equalized channels."""
        images = self._cast(images)
        if not training:
            return images
        values = rescaled(images, self.value_range, (0, 255))
        planes = jnp.moveaxis(values, self._channel_axis, 0)
        equalized = jnp.moveaxis(jnp.stack([self._equalized(plane) for plane in planes]), 0, self._channel_axis)
        return rescaled(equalized, (0, 255), self.value_range).astype(self.compute_dtype)

    def _equalized(self, values: jax.Array) -> jax.Array:
        # Compiled code multiplies by the rounded reciprocal, which must not push whole numbers below themselves.
        positions = values.astype("float32") * np.float32((self.bins - 1) / 255)
        classes = jnp.clip((positions + 1e-4 * (self.bins != 256)).astype("int32"), 0, self.bins - 1)
        counts = jnp.bincount(classes.reshape(-1), length=self.bins)
        below = jnp.cumsum(counts)
        first = below[jnp.argmax(below > 0)]
        table = (below - first) * 255 / jnp.maximum(below[-1] - first, 1)
        equalized = jnp.clip(jnp.round(table), 0, 255)[classes]
        return jnp.where(jnp.count_nonzero(counts) <= 1, values, equalized)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | {"bins": self.bins, "value_range": self.value_range}


class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Equalizes images by tiles, with a limit on the gain of contrast, and blends between the tiles.

    Source: Zuiderveld, 1994, "Contrast limited adaptive histogram equalization", Graphics Gems IV.

    Args:
        value_range: smallest and largest value.
        clip_limit: how often the mean frequency a value may count; 0 for no limit.
        tile_grid_size: numbers of tiles, down and across.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: tuple[int, int] = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range
        self.clip_limit = clip_limit
        self.tile_grid_size = tile_grid_size

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """Return a batch of equalized images, in the dtype that came in."""
        images = jnp.asarray(images)
        values = rescaled(jnp.moveaxis(images, self._channel_axis, -1), self.value_range, (0, 255))
        equalized = rescaled(self._equalized(values), (0, 255), self.value_range)
        return jnp.moveaxis(equalized.astype(images.dtype), -1, self._channel_axis)

    def _equalized(self, images: jax.Array) -> jax.Array:
        count, height, width, channels = images.shape
        rows, columns = self.tile_grid_size
        tile_height, tile_width = -(-height // rows), -(-width // columns)
        # Tiles far beyond the border change no pixel.
        rows, columns = min(rows, height // tile_height + 2), min(columns, width // tile_width + 2)
        borders = ((0, 0), (0, tile_height * rows - height), (0, tile_width * columns - width), (0, 0))
        pixels = jnp.clip(jnp.pad(images, borders, mode="symmetric").astype("int32"), 0, 255)
        curves = self._curves(pixels, tile_height, tile_width)
        # Between the middles of tiles, each pixel blends the curves of the four nearest; beyond them, of the last ones.
        y, weight_y = self._neighbours(rows, tile_height)
        x, weight_x = self._neighbours(columns, tile_width)
        image, channel = np.arange(count)[:, None, None, None], np.arange(channels)

        def read(y: np.ndarray, x: np.ndarray) -> jax.Array:
            return curves[image, y[:, None, None], x[:, None], channel, pixels]

        weight_x, weight_y = weight_x[:, None], weight_y[:, None, None]
        upper = read(y[0], x[0]) * (1.0 - weight_x) + read(y[0], x[1]) * weight_x
        lower = read(y[1], x[0]) * (1.0 - weight_x) + read(y[1], x[1]) * weight_x
        return (upper * (1.0 - weight_y) + lower * weight_y)[:, :height, :width]

    def _curves(self, pixels: jax.Array, tile_height: int, tile_width: int) -> jax.Array:
        """Return the new value of each of 256 values in each tile: (batch, rows, columns, channels, 256)."""
        count, height, width, channels = pixels.shape
        image, channel = np.arange(count)[:, None, None, None], np.arange(channels)
        row, column = np.arange(height)[:, None, None] // tile_height, np.arange(width)[:, None] // tile_width
        counts = jnp.zeros((count, height // tile_height, width // tile_width, channels, 256), "float32")
        counts = counts.at[image, row, column, channel, pixels].add(1.0)
        size = tile_height * tile_width
        if self.clip_limit > 0:
            clipped = jnp.clip(counts, 0, self.clip_limit * size / 256.0)
            counts = clipped + jnp.sum(counts - clipped, axis=-1, keepdims=True) / 256.0
        below = jnp.cumsum(counts, axis=-1)
        first = below[..., :1]
        range_ = size - first
        return jnp.clip((below - first) * 255.0 / jnp.where(range_ == 0, 1.0, range_), 0, 255)

    @staticmethod
    def _neighbours(tiles: int, size: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """Return the two tiles that each pixel along an axis blends, and the weight of the second."""
        position = (np.arange(tiles * size, dtype="float32") - size / 2.0) / size
        before = np.floor(position)
        pair = tuple(np.clip(tile, 0, tiles - 1).astype("int32") for tile in (before, before + 1))
        return pair, (position - before).astype("float32")

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = ("value_range", "clip_limit", "tile_grid_size")
        return super().get_config() | {name: getattr(self, name) for name in names}
