"""Random choices among other layers: RandAugment, AugMix."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from kerasish import random
from kerasish.core.random import SeedGenerator, draw_seed
from kerasish.layers import arguments
from kerasish.layers.augmentation.base import ImageLayer, factor_range
from kerasish.layers.augmentation.color import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomPosterization,
)
from kerasish.layers.augmentation.filters import RandomSharpness
from kerasish.layers.augmentation.geometry import RandomRotation, RandomShear, RandomTranslation
from kerasish.layers.augmentation.tone import AutoContrast, Equalization, Solarization

_GEOMETRIC = ("random_shear", "random_translation", "random_rotation")
_COLORS = ("random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness")
_TONES = ("random_posterization", "solarization", "auto_contrast", "equalization")


class _PolicyLayer(ImageLayer):
    """A layer that applies layers chosen at random, each kept in an attribute of its own."""

    def _make_layers(self, names: Sequence[str], **options: Any) -> None:
        """Make the layers with these names from the factor, the range of values and the seed of this one."""
        if self.bounding_box_format is not None:
            options["bounding_box_format"] = self.bounding_box_format
        common = options | {"data_format": self.data_format, "dtype": self.dtype_policy}
        seeded = common | {"seed": self.seed}
        moving = seeded | {"interpolation": self.interpolation}
        toning = {"value_range": self.value_range}
        factor = self.factor
        makers: dict[str, Callable] = {
            "random_shear": lambda: RandomShear(factor, factor, **moving),
            "random_translation": lambda: RandomTranslation(factor, factor, **moving),
            "random_rotation": lambda: RandomRotation(factor, **moving),
            "random_brightness": lambda: RandomBrightness(factor, **toning, **seeded),
            "random_color_degeneration": lambda: RandomColorDegeneration(factor, **toning, **seeded),
            "random_contrast": lambda: RandomContrast(factor, **toning, **seeded),
            "random_sharpness": lambda: RandomSharpness(factor, **toning, **seeded),
            "random_posterization": lambda: RandomPosterization(max(1, int(8 * factor[1])), **toning, **seeded),
            "solarization": lambda: Solarization(factor, factor, **toning, **seeded),
            "auto_contrast": lambda: AutoContrast(**toning, **common),
            "equalization": lambda: Equalization(**toning, **common),
        }
        for name in names:
            setattr(self, name, makers[name]())

    def _set_policy(self, value_range: Any, factor: Any, interpolation: str, seed: int | None) -> None:
        self.value_range = value_range
        self.factor = factor_range(self, "factor", factor, 0, 1)
        self.interpolation = arguments.choice(self, "interpolation", interpolation, ("nearest", "bilinear"))
        self._set_seed(seed)


def _same_type(function: Callable, x: Any) -> Any:
    """Return `function(x)` in the dtypes of `x`, which is a condition of being one of several branches."""
    return jax.tree_util.tree_map(lambda new, old: new.astype(old.dtype), function(x), x)


class RandAugment(_PolicyLayer):
    """Applies layers drawn from eleven, the same ones to the whole batch, with a random transformation of each image.

    Source: Cubuk et al., 2019, https://arxiv.org/abs/1909.13719.

    Args:
        value_range: smallest and largest value.
        num_ops: how many layers are applied.
        factor: strength: pair of numbers between 0 and 1, or a number `f` for `(0, f)`.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: integer to start the layer's random generator from.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: `bounding_box_format`, and arguments of `Layer`.

    Example:
        >>> RandAugment(value_range=(0, 1))(np.zeros((4, 8, 8, 3)))
    """

    _names = (*_GEOMETRIC, *_COLORS, *_TONES)

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.num_ops = arguments.positive_integer(self, "num_ops", num_ops)
        self._set_policy(value_range, factor, interpolation, seed)
        self._make_layers(self._names)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw the numbers of the layers, and a transformation of each layer."""
        self._sizes(data)
        if not training:
            return None
        seed = self.generator if seed is None else seed
        chosen = random.randint((self.num_ops,), 0, len(self._names), seed=seed)
        drawn = {name: getattr(self, name).get_random_transformation(data, seed=seed) for name in self._names}
        return {"layer_idxes": chosen, "transforms": drawn}

    def _apply(self, method: str, values: Any, transformation: dict) -> Any:
        def branch(name: str) -> Callable:
            transform, drawn = getattr(getattr(self, name), method), transformation["transforms"][name]
            return lambda x: _same_type(lambda y: transform(y, drawn), x)

        branches = [branch(name) for name in self._names]
        step = lambda x, index: (lax.switch(index, branches, x), None)  # noqa: E731
        return lax.scan(step, values, transformation["layer_idxes"])[0]

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Return a batch of images after the layers chosen."""
        images = self._cast(images)
        return self._apply("transform_images", images, transformation) if training and transformation else images

    def transform_bounding_boxes(self, bounding_boxes: dict, transformation: Any, training: bool = True) -> dict:
        """Return boxes after the layers chosen."""
        if not training or not transformation:
            return bounding_boxes
        return self._apply("transform_bounding_boxes", bounding_boxes, transformation)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Return masks after the layers chosen."""
        if not training or not transformation:
            return segmentation_masks
        return self._apply("transform_segmentation_masks", segmentation_masks, transformation)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = ("value_range", "num_ops", "factor", "interpolation", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}


class _Keys(SeedGenerator):
    """A source of seeds that all follow from one key, for use inside a loop that is traced once."""

    def __init__(self, key: jax.Array) -> None:  # nothing to store: the key is the state
        self._key = key
        self._count = 0

    def next(self, ordered: bool = True) -> jax.Array:
        """Return the next key."""
        self._count += 1
        return jax.random.fold_in(self._key, self._count)


class AugMix(_PolicyLayer):
    """Mixes images with the weighted sum of versions of them, each made by a random chain of layers.

    Source: Hendrycks et al., 2019, https://arxiv.org/abs/1912.02781.

    Args:
        value_range: smallest and largest value.
        num_chains: how many versions are made.
        chain_depth: how many layers make a version; each may also be none.
        factor: strength: pair of numbers between 0 and 1, or a number `f` for `(0, f)`.
        alpha: parameter of the distributions of the weights.
        all_ops: False to leave out brightness, contrast, sharpness and loss of colour.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: integer to start the layer's random generator from.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: `bounding_box_format`, and arguments of `Layer`. Bounding boxes are not changed.
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.num_chains = arguments.positive_integer(self, "num_chains", num_chains)
        self.chain_depth = arguments.positive_integer(self, "chain_depth", chain_depth)
        self.alpha = alpha
        self.all_ops = all_ops
        self._set_policy(value_range, factor, interpolation, seed)
        self._names = (*_GEOMETRIC, *_TONES, *(_COLORS if all_ops else ()))
        self._make_layers(self._names)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw the weights, and number and key of each layer of each chain; the last number means none."""
        self._sizes(data)
        if not training:
            return None
        seed = self.generator if seed is None else seed
        weights = random.gamma((self.num_chains,), self.alpha, seed=seed)
        own_weight = random.beta((), self.alpha, self.alpha, seed=seed)
        shape = (self.num_chains, self.chain_depth)
        chosen = random.randint(shape, 0, len(self._names) + 1, seed=seed)
        keys = jax.random.split(draw_seed(seed), shape)
        return {
            "chain_mixing_weights": weights / jnp.sum(weights),
            "weight_sample": own_weight,
            "chain_layers": chosen,
            "chain_keys": keys,
        }

    def _chains(self, method: str, values: jax.Array, transformation: dict) -> jax.Array:
        """Return the weighted sum of the values and of what the chains make of them."""

        def branch(name: str) -> Callable:
            layer = getattr(self, name)

            def run(x: jax.Array, key: jax.Array) -> jax.Array:
                # Masks of three axes stand for images of one channel: only sizes and keys decide what is drawn.
                drawn = layer.get_random_transformation(x, seed=_Keys(key))
                return _same_type(lambda y: getattr(layer, method)(y, drawn), x)

            return run

        branches = [*(branch(name) for name in self._names), lambda x, key: x]

        def step(x: jax.Array, slot: tuple) -> tuple:
            return lax.switch(slot[0], branches, x, slot[1]), None

        def chain(total: jax.Array, slots: tuple) -> tuple:
            *layers, weight = slots
            return total + lax.scan(step, values, tuple(layers))[0] * weight.astype(total.dtype), None

        start = jnp.zeros(values.shape, jnp.promote_types(values.dtype, self.compute_dtype))
        names = ("chain_layers", "chain_keys", "chain_mixing_weights")
        total = lax.scan(chain, start, tuple(transformation[name] for name in names))[0]
        own_weight = transformation["weight_sample"].astype(total.dtype)
        return own_weight * values + (1 - own_weight) * total

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Return a batch of mixed images."""
        images = self._cast(images)
        if not training or transformation is None:
            return images
        mixed = self._chains("transform_images", images, transformation)
        return jnp.clip(mixed, *self.value_range).astype(self.compute_dtype)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Return masks mixed as the images."""
        if not training or transformation is None:
            return segmentation_masks
        return self._chains("transform_segmentation_masks", segmentation_masks, transformation)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = (
            "value_range", "num_chains", "chain_depth", "factor", "alpha", "all_ops", "interpolation", "seed",
        )  # fmt: skip
        return super().get_config() | {name: getattr(self, name) for name in names}
