"""Attention without projections: Attention and AdditiveAttention."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kerasish import random
from kerasish.layers import arguments
from kerasish.layers.layer import Layer


class Attention(Layer):
    """Dot-product attention: `softmax(query @ key^T) @ value`.

    Source: Luong et al., 2015, https://arxiv.org/abs/1508.04025.

    Args:
        use_scale: whether the scores are multiplied by a trainable scalar.
        score_mode: `"dot"`, or `"concat"` for `sum(tanh(query + key))`, weighted by a trainable scalar.
        dropout: fraction of the scores to drop in training.
        seed: seed of the dropout.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Call arguments: `inputs`, a list of a query of shape `(batch, queries, features)`, a value of shape
    `(batch, keys, features)` and maybe a key of the shape of the value, which is the value by default; `mask`, a list
    of the masks of query and value; `return_attention_scores`, to return the scores of shape `(batch, queries, keys)`
    as well; `use_causal_mask`, to let no query look beyond its own position; `training`.

    Raises:
        ValueError: if an argument is none of these, or the inputs are no such list.

    Example:
        >>> Attention()([np.ones((2, 3, 4)), np.ones((2, 5, 4))]).shape
        (2, 3, 4)
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise arguments.complaint(self, "score_mode", score_mode, "'dot' or 'concat'")
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = arguments.fraction(self, "dropout", dropout)
        self.seed = seed
        if dropout > 0:
            self.seed_generator = arguments.seed_generator(self, seed)

    def _check(self, inputs: Any, mask: Any = None) -> None:
        """Refuse inputs that are no list of two or three tensors, and masks that do not go with them.

        Raises:
            ValueError: naming the layer and what came.
        """
        who = f"{type(self).__name__} layer {self.name!r}"
        if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3) or isinstance(inputs[0], int):
            raise ValueError(
                f"{who} must be called on a list [query, value] or [query, value, key], received {inputs!r}."
            )
        if mask is not None and (not isinstance(mask, (list, tuple)) or len(mask) not in (2, 3)):
            raise ValueError(f"{who}: `mask` must be a list [query_mask, value_mask], received {mask!r}.")

    def build(self, input_shape: list[tuple[int | None, ...]]) -> None:
        """Make the scalars."""
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        self.concat_score_weight = None
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def _scores(self, query: jax.Array, key: jax.Array) -> jax.Array:
        """Return the scores, of shape `(batch, queries, keys)`."""
        scale = 1 if self.scale is None else self.scale.value
        if self.score_mode == "dot":
            return query @ jnp.swapaxes(key, -2, -1) * scale
        pairs = scale * (query[..., :, None, :] + key[..., None, :, :])
        return self.concat_score_weight.value * jnp.sum(jnp.tanh(pairs), axis=-1)

    def call(
        self,
        inputs: Sequence[jax.Array],
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """Return the attended values, and the scores if asked for."""
        self._check(inputs, mask)
        query, value = inputs[0], inputs[1]
        key = inputs[2] if len(inputs) > 2 else value
        query_mask, value_mask = (mask[0], mask[1]) if mask is not None else (None, None)
        scores = self._scores(query, key)
        allowed = None if value_mask is None else value_mask[..., None, :]
        if use_causal_mask:
            causal = jnp.tril(jnp.ones((1, *scores.shape[-2:]), bool))
            allowed = causal if allowed is None else jnp.logical_and(allowed, causal)
        if allowed is not None:
            scores = jnp.where(allowed, scores, scores - (65504.0 if scores.dtype == "float16" else 1e9))
        weights = jax.nn.softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        output = weights @ value
        if query_mask is not None:
            output = jnp.where(query_mask[..., None], output, 0)
        return (output, weights) if return_attention_scores else output

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask of the query."""
        self._check(inputs, mask)
        return None if mask is None else mask[0]

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = ("use_scale", "score_mode", "dropout", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}


class AdditiveAttention(Attention):
    """Additive attention: the scores are `sum(scale * tanh(query + key))` over the features.

    Source: Bahdanau et al., 2014, https://arxiv.org/abs/1409.0473.

    Args:
        use_scale: whether the features are weighted by trainable numbers.
        dropout: fraction of the scores to drop in training.
        **kwargs: `seed`, and `name`, `dtype`, ... of `Layer`.

    Call arguments as in `Attention`.
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: list[tuple[int | None, ...]]) -> None:
        """Make the weights of the features."""
        self._check(input_shape)
        self.scale = None
        if self.use_scale:
            self.scale = self.add_weight((input_shape[0][-1],), "glorot_uniform", name="scale")

    def _scores(self, query: jax.Array, key: jax.Array) -> jax.Array:
        """Return the scores, of shape `(batch, queries, keys)`."""
        pairs = jnp.tanh(query[..., :, None, :] + key[..., None, :, :])
        return jnp.sum(pairs if self.scale is None else self.scale.value * pairs, axis=-1)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        config = super().get_config()
        del config["score_mode"]
        return config
