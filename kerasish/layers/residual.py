"""Layers that weigh residual branches: LayerScale in ConvNeXt, CustomScaleLayer in InceptionResNetV2."""

from typing import Any

import jax

from kerasish.initializers import Constant
from kerasish.layers import arguments
from kerasish.layers.layer import ShapePreserving
from kerasish.layers.merging import Add


class LayerScale(ShapePreserving):
    """A learned factor for each channel.

    Source: Touvron et al., 2021, https://arxiv.org/abs/2103.17239.

    Args:
        init_values: first value of all factors, small so that a deep network starts close to the identity.
        projection_dim: number of channels.
        **kwargs: arguments of `Layer`.
    """

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_values = init_values
        self.projection_dim = arguments.positive_integer(self, "projection_dim", projection_dim)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the factors."""
        self.gamma = self.add_weight((self.projection_dim,), Constant(self.init_values))

    def call(self, inputs: jax.Array) -> jax.Array:
        return inputs * self.gamma.value

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "init_values", "projection_dim")


class CustomScaleLayer(Add):
    """The first of two tensors plus a constant times the second.

    Source: Szegedy, Ioffe, Vanhoucke and Alemi, 2016, https://arxiv.org/abs/1602.07261, section 3.3.

    Args:
        scale: the constant.
        **kwargs: arguments of `Layer`.
    """

    def __init__(self, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def _merge(self, inputs: list[jax.Array], masks: list[jax.Array | None]) -> jax.Array:
        first, second = inputs
        return first + second * self.scale

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "scale")
