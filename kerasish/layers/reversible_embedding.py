"""ReversibleEmbedding, a table of vectors that also maps vectors back to scores of its rows."""

from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core.masks import set_mask
from kerasish.layers import arguments
from kerasish.layers.core import Embedding


class ReversibleEmbedding(Embedding):
    """A table of vectors, looked up by integers; called with `reverse=True`, the scores of its rows for vectors.

    Source: Press and Wolf, 2016, https://arxiv.org/abs/1608.05859.

    Args:
        input_dim: number of rows: the largest integer plus one.
        output_dim: size of a vector.
        tie_weights: whether the way back uses the transposed table instead of a weight of its own.
        embeddings_initializer: initializer of the table, and of the weight of the way back.
        embeddings_regularizer: penalty on the table.
        embeddings_constraint: projection of the table after each update.
        mask_zero: whether 0 means padding that later layers skip.
        reverse_dtype: dtype of the way back; by default the compute dtype.
        logit_soft_cap: largest size of a score: `tanh(score / cap) * cap`; by default none.
        **kwargs: arguments of `Embedding` and of `Layer`.

    Call arguments: `inputs`, and `reverse`, False by default: integers `(batch, ...)` give vectors
    `(batch, ..., output_dim)`; with True vectors give scores `(batch, ..., input_dim)`.

    Raises:
        ValueError: if a size is no positive integer.

    Example:
        >>> embedding = ReversibleEmbedding(100, 8)
        >>> embedding(embedding(np.array([[4, 20]])), reverse=True).shape
        (1, 2, 100)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: str | None = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
            mask_zero=mask_zero,
            **kwargs,
        )
        if logit_soft_cap is not None and not arguments.number(self, "logit_soft_cap", logit_soft_cap) > 0:
            raise arguments.complaint(self, "logit_soft_cap", logit_soft_cap, "a positive number or None")
        self.tie_weights = tie_weights
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: tuple[int | None, ...] | None = None) -> None:
        """Make the table, and the weight of the way back if it has one."""
        if self.built:
            return
        super().build(input_shape)
        if not self.tie_weights:
            shape = (self.output_dim, self.input_dim)
            self.reverse_embeddings = self.add_weight(shape, self.embeddings_initializer, name="reverse_embeddings")

    def call(self, inputs: jax.Array, reverse: bool = False) -> jax.Array:
        """Return the rows of the table, or the scores of its rows."""
        if not reverse:
            outputs = super().call(inputs)
            if self.mask_zero:
                set_mask(outputs, inputs != 0)
            return outputs
        kernel = self.embeddings.value.T if self.tie_weights else self.reverse_embeddings.value
        dtype = self.reverse_dtype or self.compute_dtype
        scores = inputs.astype(dtype) @ kernel.astype(dtype)
        return scores if self.logit_soft_cap is None else jnp.tanh(scores / self.logit_soft_cap) * self.logit_soft_cap

    def compute_mask(self, inputs: jax.Array, mask: Any = None) -> None:
        """Return None: `call` sets the mask, on the way there only."""

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | arguments.kept(self, "tie_weights", "reverse_dtype", "logit_soft_cap")
