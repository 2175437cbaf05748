"""Low-rank adaptation: a frozen weight plus the product of two small trainable ones."""

from typing import Any

import jax
import numpy as np

from kerasish.core.variable import Variable
from kerasish.layers.layer import Layer


class LowRankWeight:
    """Stands for a weight in a layer's attribute: `base + scale * (a @ b)`, read like a Variable.

    Args:
        base: the frozen weight, of shape `(..., n)`.
        a: trainable, of shape `(..., rank)`.
        b: trainable, of shape `(rank, n)`.
        scale: factor of the product.
    """

    def __init__(self, base: Variable, a: Variable, b: Variable, scale: float) -> None:
        self.base = base
        self.a = a
        self.b = b
        self.scale = scale

    @property
    def value(self) -> jax.Array:
        """The adapted weight."""
        base = self.base.value
        return (base + self.scale * (self.a.value @ self.b.value)).astype(base.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the weight."""
        return self.base.shape

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.base.ndim

    @property
    def dtype(self) -> str:
        """The dtype of the weight."""
        return self.base.dtype

    def __jax_array__(self) -> jax.Array:
        return self.value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = np.asarray(self.value)
        return array if dtype is None else array.astype(dtype)


class LowRankAdaptable(Layer):
    """A layer whose main weight, `_lora_weight`, can be adapted with `lora_rank=` or `enable_lora`.

    Source: Hu et al., 2021, https://arxiv.org/abs/2106.09685.
    """

    _lora_weight = "kernel"

    def _keep_lora(self, lora_rank: int | None, lora_alpha: float | None) -> None:
        self.lora_rank = lora_rank
        self.lora_alpha = lora_rank if lora_alpha is None else lora_alpha
        self.lora_enabled = False

    def _lora_config(self) -> dict:
        return {"lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha} if self.lora_rank else {}

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze the main weight and train a low-rank difference to it instead.

        Args:
            rank: inner size of the product of the two new weights.
            lora_alpha: the product counts `lora_alpha / rank` times; by default `rank`.
            a_initializer: initializer of the first factor, of shape `(..., rank)`.
            b_initializer: initializer of the second factor, of shape `(rank, n)`.

        Raises:
            ValueError: if the layer is not built, is adapted already, or has a constraint on the weight.
        """
        name = self._lora_weight
        who = f"enable_lora: layer {self.name!r} ({type(self).__name__})"
        if getattr(self, f"{name}_constraint") is not None:
            raise ValueError(f"{who} has a `{name}_constraint`, which excludes LoRA; make the layer without it.")
        if not self.built and not self._building:
            raise ValueError(f"{who} is not built yet; call it on data or build it first.")
        if self.lora_enabled:
            raise ValueError(f"{who} is adapted already; this can be done once.")
        base = getattr(self, name)
        regularizer = getattr(self, f"{name}_regularizer")
        shapes = {"a": (*base.shape[:-1], rank), "b": (rank, base.shape[-1])}
        factors = []
        for part, initializer in (("a", a_initializer), ("b", b_initializer)):
            variable = self.add_weight(
                shapes[part], initializer, dtype="float32", regularizer=regularizer, name=f"lora_{name}_{part}"
            )
            setattr(self, f"lora_{name}_{part}", variable)
            factors.append(variable)
        base.trainable = False
        self.lora_enabled = True
        self.lora_rank = rank
        self.lora_alpha = rank if lora_alpha is None else lora_alpha
        setattr(self, name, LowRankWeight(base, factors[0], factors[1], self.lora_alpha / rank))

    def _stored_weights(self) -> list[Variable]:
        """The weights that files hold: all but the two factors."""
        weight = getattr(self, self._lora_weight, None)
        factors = (weight.a, weight.b) if isinstance(weight, LowRankWeight) else ()
        return [variable for variable in self._weights if not any(variable is factor for factor in factors)]

    def save_own_variables(self, store: Any) -> None:
        """Put the layer's weights into `store`, the low-rank difference merged into the main weight."""
        weight = getattr(self, self._lora_weight, None)
        for index, variable in enumerate(self._stored_weights()):
            merged = isinstance(weight, LowRankWeight) and variable is weight.base
            store[str(index)] = np.asarray(weight.value if merged else variable.value)

    def load_own_variables(self, store: Any) -> None:
        """Assign the layer's weights from `store`; the low-rank difference starts from zero again."""
        if not self.lora_enabled:
            super().load_own_variables(store)
            return
        for index, variable in enumerate(self._stored_weights()):
            variable.assign(np.asarray(store[str(index)]))
        weight = getattr(self, self._lora_weight)
        for factor in (weight.a, weight.b):
            factor.assign(np.zeros(factor.shape, factor.dtype))
