"""Attention with projections and heads: MultiHeadAttention and GroupedQueryAttention."""

import math
import string
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kerasish import ops, regularizers
from kerasish.core.config import is_flash_attention_enabled
from kerasish.layers import arguments
from kerasish.layers.activation import Softmax
from kerasish.layers.einsum_dense import EinsumDense
from kerasish.layers.layer import Layer
from kerasish.layers.regularization import Dropout

Shape = tuple[int | None, ...]

_WEIGHT_OPTIONS = (
    "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer", "kernel_constraint",
    "bias_constraint",
)  # fmt: skip


class HeadAttention(Layer):
    """Base of the attention layers with heads: projections, masks, and the attention between them.

    Args:
        head_size: size of a head's queries and keys.
        dropout: fraction of the scores to drop in training.
        use_bias: whether the projections have biases.
        use_gate: whether the attended values are multiplied by a sigmoid of a projection of the query.
        sliding_window: how many positions to either side, itself included, a query sees; by default all.
        flash_attention: whether to use the fused kernel of the GPU.
        activity_regularizer: penalty on the outputs of the projections.
        seed: seed of the dropout.
        identifiers: initializers, regularizers and constraints of the projections, by attribute name.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Raises:
        ValueError: naming the argument that is out of range.
    """

    def __init__(
        self,
        head_size: int,
        dropout: float,
        use_bias: bool,
        use_gate: bool,
        sliding_window: int | None,
        flash_attention: bool | None,
        activity_regularizer: Any,
        seed: int | None,
        identifiers: dict[str, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        arguments.keep(self, **identifiers)
        with arguments.naming(self, "activity_regularizer"):
            self._projection_regularizer = regularizers.get(activity_regularizer)
        self.dropout = arguments.fraction(self, "dropout", dropout)
        self.use_bias = use_bias
        self.use_gate = use_gate
        if sliding_window is not None:
            arguments.positive_integer(self, "sliding_window", sliding_window)
        self.sliding_window = sliding_window
        if seed is not None and not isinstance(seed, int):
            raise arguments.complaint(self, "seed", seed, "an integer or None")
        self.seed = seed
        self._scale = 1.0 / math.sqrt(head_size)
        self._flash_attention = flash_attention or is_flash_attention_enabled()
        if self._flash_attention and dropout > 0:
            raise ValueError(
                f"{type(self).__name__}: `dropout` must be 0 with flash attention, received dropout={dropout}."
            )

    def _projection(
        self, equation: str, output_shape: Sequence[int | None], bias_axes: str, name: str, input_shape: Shape,
        activation: Any = None,
    ) -> EinsumDense:  # fmt: skip
        """Return a projection, built for its inputs."""
        layer = EinsumDense(
            equation,
            output_shape,
            activation=activation,
            bias_axes=bias_axes if self.use_bias else None,
            activity_regularizer=self._projection_regularizer,
            dtype=self.dtype_policy,
            name=name,
            **{option: getattr(self, option) for option in _WEIGHT_OPTIONS},
        )
        layer.supports_masking = True  # no warning that it drops the masks, which `call` has seen to
        layer.build(input_shape)
        return layer

    def _build_scores(self, axes: int | tuple[int, ...]) -> None:
        self._softmax = Softmax(axis=axes, dtype=self.dtype_policy)
        self._dropout_layer = Dropout(self.dropout, dtype=self.dtype_policy, seed=self.seed)

    def call(
        self,
        query: jax.Array,
        value: jax.Array,
        key: jax.Array | None = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        """Return the attended values, and the scores if asked for."""
        key = value if key is None else key
        if self._flash_attention and return_attention_scores:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: flash attention makes no scores; call the layer without "
                "`return_attention_scores`, or make it with `flash_attention=False`."
            )
        options = {}
        given = (query_mask, value_mask, key_mask, attention_mask, self.sliding_window)
        if use_causal_mask and all(option is None for option in given) and self._takes_causal():
            options["use_causal_mask"] = True  # the kernels know this mask by themselves
        else:
            attention_mask = self._compute_attention_mask(
                query, value, query_mask, value_mask, key_mask, attention_mask, use_causal_mask
            )
        gate = self._gate_dense(query) if self.use_gate else None
        output, scores = self._compute_attention(
            self._query_dense(query),
            self._key_dense(key),
            self._value_dense(value),
            attention_mask=attention_mask,
            training=training,
            return_attention_scores=return_attention_scores,
            **options,
        )
        output = self._output_dense(output if gate is None else output * gate)
        return (output, scores) if return_attention_scores else output

    def _takes_causal(self) -> bool:
        """Return whether `_compute_attention` is this module's, which makes the causal mask itself."""
        return type(self)._compute_attention is HeadAttention._compute_attention

    def _compute_attention_mask(
        self, query: Any, value: Any, query_mask: Any = None, value_mask: Any = None, key_mask: Any = None,
        attention_mask: Any = None, use_causal_mask: bool = False,
    ) -> jax.Array | None:  # fmt: skip
        """Return where queries may look, of a shape that broadcasts to `(batch, queries, keys)`; None for anywhere."""
        masks = [] if attention_mask is None else [jnp.asarray(attention_mask).astype(bool)]
        if query_mask is not None:
            masks.append(jnp.asarray(query_mask).astype(bool)[..., :, None])
        masks += [jnp.asarray(mask).astype(bool)[..., None, :] for mask in (value_mask, key_mask) if mask is not None]
        rows, columns = jnp.arange(query.shape[1])[:, None], jnp.arange(value.shape[1])[None, :]
        if use_causal_mask:
            masks.append((rows >= columns)[None])
        if self.sliding_window is not None:
            masks.append((jnp.abs(rows - columns) < self.sliding_window)[None])
        combined = None
        for mask in masks:
            combined = mask if combined is None else jnp.logical_and(combined, mask)
        return combined

    def _compute_attention(
        self,
        query: jax.Array,
        key: jax.Array,
        value: jax.Array,
        attention_mask: jax.Array | None = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> tuple[jax.Array, jax.Array | None]:
        """Return the attended values of each head, and the scores; may be overridden.

        Args:
            query: projected query, of shape `(batch, ..., heads, head_size)`.
            key: projected key.
            value: projected value.
            attention_mask: where queries may look.
            training: whether dropout is on.
            return_attention_scores: whether the scores are wanted; they may be None otherwise.
            use_causal_mask: whether a causal mask is to be applied here.
        """
        key, value = self._per_query_head(key), self._per_query_head(value)
        same_size = query.shape[-1] == value.shape[-1]
        if self.dropout == 0 and not return_attention_scores and query.ndim == 4 and same_size:
            mask = None if attention_mask is None else self._with_heads(attention_mask, 4)
            output = ops.dot_product_attention(
                query, key, value, mask=mask, scale=self._scale, is_causal=use_causal_mask,
                flash_attention=self._flash_attention,
            )  # fmt: skip
            return output, None
        if use_causal_mask:
            causal = self._compute_attention_mask(query, value, use_causal_mask=True)
            attention_mask = causal if attention_mask is None else jnp.logical_and(attention_mask, causal)
        scores = jnp.einsum(self._dot_product_equation, key, query * jnp.asarray(self._scale, query.dtype))
        mask = None if attention_mask is None else self._with_heads(attention_mask, scores.ndim)
        scores = self._softmax(scores, mask=mask)
        dropped = self._dropout_layer(scores, training=training) if self.dropout > 0 else scores
        return jnp.einsum(self._combine_equation, dropped, value), scores

    def _with_heads(self, mask: jax.Array, rank: int) -> jax.Array:
        """Return a mask with axes of size 1 in front of those of queries and keys."""
        axis = -2 * self._attended_axes() - 1
        for _ in range(rank - mask.ndim):
            mask = jnp.expand_dims(mask, axis)
        return mask

    def _attended_axes(self) -> int:
        return 1

    def _per_query_head(self, x: jax.Array) -> jax.Array:
        """Return projected keys or values with one head for each head of the query."""
        return x


def _check_lengths(layer: Layer, value_shape: Shape, key_shape: Shape) -> None:
    """Refuse values and keys of different lengths.

    Raises:
        ValueError: naming the layer and the shapes.
    """
    if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
        raise ValueError(
            f"{type(layer).__name__} {layer.name!r}: `value` and `key` may differ in the last axis only, received "
            f"shapes {tuple(value_shape)} and {tuple(key_shape)}."
        )


class MultiHeadAttention(HeadAttention):
    """Attention in several heads: projections of query, key and value, attention in each head, a projection back.

    Source: Vaswani et al., 2017, https://arxiv.org/abs/1706.03762.

    Args:
        num_heads: number of heads.
        key_dim: size of each head's queries and keys.
        value_dim: size of each head's values, by default `key_dim`.
        dropout: fraction of the scores to drop in training.
        use_bias: whether the projections have biases.
        output_shape: shape of the output after the batch and attention axes, by default the query's last axis.
        attention_axes: axes attended over, by default all but the first and the last.
        sliding_window: how many positions to either side, itself included, a query sees; by default all.
        flash_attention: whether to use the fused kernel of the GPU; by default where it is enabled globally.
        kernel_initializer: initializer of the projections' kernels.
        bias_initializer: initializer of the projections' biases.
        kernel_regularizer: penalty on the kernels.
        bias_regularizer: penalty on the biases.
        activity_regularizer: penalty on the projections' outputs.
        kernel_constraint: projection of the kernels after each update.
        bias_constraint: projection of the biases after each update.
        use_gate: whether the attended values are multiplied by a sigmoid of a projection of the query.
        seed: seed of the dropout.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Call arguments: `query` of shape `(batch, queries, features)`, `value` and maybe `key` of shape
    `(batch, keys, features)`; their masks; `attention_mask` of a shape that broadcasts to `(batch, queries, keys)`,
    True where a query may look; `return_attention_scores`; `use_causal_mask`, to let no query look beyond its own
    position.

    Raises:
        ValueError: naming the argument that is out of range.

    Example:
        >>> MultiHeadAttention(num_heads=2, key_dim=3)(np.ones((1, 4, 8)), np.ones((1, 5, 8))).shape
        (1, 4, 8)
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.num_heads = arguments.positive_integer(self, "num_heads", num_heads)
        self.key_dim = arguments.positive_integer(self, "key_dim", key_dim)
        self.value_dim = self.key_dim
        if value_dim is not None:
            self.value_dim = arguments.positive_integer(self, "value_dim", value_dim)
        values = (
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint,
            bias_constraint,
        )  # fmt: skip
        super().__init__(
            self.key_dim, dropout, use_bias, use_gate, sliding_window, flash_attention, activity_regularizer, seed,
            dict(zip(_WEIGHT_OPTIONS, values, strict=True)), **kwargs,
        )  # fmt: skip
        self._output_shape = _axes(self, "output_shape", output_shape)
        self.attention_axes = _axes(self, "attention_axes", attention_axes)

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:
        """Make the projections for inputs of these shapes."""
        key_shape = value_shape if key_shape is None else key_shape
        _check_lengths(self, value_shape, key_shape)
        heads = (self.num_heads, self.key_dim)
        into = [_projection_equation(len(s) - 1, 1, 2) for s in (query_shape, key_shape, value_shape)]

        def project(index: int, sizes: tuple[int, ...], name: str, shape: Shape, activation: Any = None) -> EinsumDense:
            equation, bias_axes = into[index]
            output_shape = (None,) * (len(shape) - 2) + sizes
            return self._projection(equation, output_shape, bias_axes, name, shape, activation)

        self._query_dense = project(0, heads, "query", query_shape)
        self._key_dense = project(1, heads, "key", key_shape)
        values = (self.num_heads, self.value_dim)
        if self.use_gate:
            self._gate_dense = project(0, values, "gate", query_shape, "sigmoid")
        self._value_dense = project(2, values, "value", value_shape)
        rank = len(value_shape) + 1  # of the projected tensors
        axes = self.attention_axes if self.attention_axes is not None else range(1, rank - 2)
        self.attention_axes = tuple(axis if axis >= 0 else rank - 1 + axis for axis in axes)
        self._dot_product_equation, self._combine_equation, scores = _attention_equations(rank, self.attention_axes)
        self._build_scores(tuple(range(scores - len(self.attention_axes), scores)))
        sizes = self._output_shape or (query_shape[-1],)
        equation, bias_axes = _projection_equation(len(query_shape) - 1, 2, len(sizes))
        output_shape = (None,) * (len(query_shape) - 2) + tuple(sizes)
        attended = (*query_shape[:-1], self.num_heads, self.value_dim)
        self._output_dense = self._projection(equation, output_shape, bias_axes, "attention_output", attended)

    def _attended_axes(self) -> int:
        return len(self.attention_axes)

    @property
    def query_dense(self) -> EinsumDense:
        """The projection of the query."""
        return self._query_dense

    @property
    def key_dense(self) -> EinsumDense:
        """The projection of the key."""
        return self._key_dense

    @property
    def value_dense(self) -> EinsumDense:
        """The projection of the value."""
        return self._value_dense

    @property
    def output_dense(self) -> EinsumDense:
        """The projection of the attended values."""
        return self._output_dense

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = ("num_heads", "key_dim", "value_dim", "dropout", "use_bias", "use_gate")
        config = super().get_config() | {name: getattr(self, name) for name in names}
        config |= {"output_shape": self._output_shape, "attention_axes": self.attention_axes}
        config |= {"sliding_window": self.sliding_window} | arguments.kept(self, *_WEIGHT_OPTIONS)
        regularizer = arguments.kept(self, "_projection_regularizer")["_projection_regularizer"]
        return config | {"activity_regularizer": regularizer, "seed": self.seed}


def _axes(layer: Layer, name: str, value: Any) -> tuple[int, ...] | None:
    """Return an integer or several as a tuple; None for None.

    Raises:
        ValueError: naming the layer class and the argument.
    """
    if value is None:
        return None
    values = (value,) if isinstance(value, int) else value
    if not isinstance(values, (list, tuple)) or not all(isinstance(item, int) for item in values):
        raise arguments.complaint(layer, name, value, "an integer or several")
    return tuple(values)


def _projection_equation(free: int, bound: int, outputs: int) -> tuple[str, str]:
    """Return the equation that turns `bound` last axes into `outputs` others, and the letters of these."""
    letters = string.ascii_lowercase
    kept, summed = letters[:free], letters[free : free + bound]
    new = letters[free + bound : free + bound + outputs]
    return f"{kept}{summed},{summed}{new}->{kept}{new}", new


def _attention_equations(rank: int, axes: tuple[int, ...]) -> tuple[str, str, int]:
    """Return the equations for scores (keys, queries) and for attended values (scores, values), and the scores' rank.

    Args:
        rank: of projected tensors, whose last axes are heads and channels.
        axes: that are attended over.
    """
    letters = string.ascii_lowercase
    target = letters[:rank]
    fresh = iter(letters[rank:])
    source = "".join(next(fresh) if axis in axes else target[axis] for axis in range(rank))
    kept = "".join(target[axis] for axis in range(rank - 1) if axis not in axes)
    scores = kept + "".join(target[axis] for axis in axes) + "".join(source[axis] for axis in axes)
    return f"{source},{target}->{scores}", f"{scores},{source}->{target}", len(scores)


class GroupedQueryAttention(HeadAttention):
    """Attention in which groups of query heads share a head of keys and values.

    Source: Ainslie et al., 2023, https://arxiv.org/abs/2305.13245.

    Args:
        head_dim: size of each head.
        num_query_heads: number of heads of the query.
        num_key_value_heads: number of heads of key and value; a divisor of `num_query_heads`.
        dropout: fraction of the scores to drop in training.
        use_bias: whether the projections have biases.
        sliding_window: how many positions to either side, itself included, a query sees; by default all.
        flash_attention: whether to use the fused kernel of the GPU; by default where it is enabled globally.
        kernel_initializer: initializer of the projections' kernels.
        bias_initializer: initializer of the projections' biases.
        kernel_regularizer: penalty on the kernels.
        bias_regularizer: penalty on the biases.
        activity_regularizer: penalty on the outputs of the projections and of the layer.
        kernel_constraint: projection of the kernels after each update.
        bias_constraint: projection of the biases after each update.
        use_gate: whether the attended values are multiplied by a sigmoid of a projection of the query.
        seed: seed of the dropout.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Call arguments as in `MultiHeadAttention`, with inputs of rank 3.

    Raises:
        ValueError: naming the argument that is out of range.
    """

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.head_dim = arguments.positive_integer(self, "head_dim", head_dim)
        self.num_query_heads = arguments.positive_integer(self, "num_query_heads", num_query_heads)
        self.num_key_value_heads = arguments.positive_integer(self, "num_key_value_heads", num_key_value_heads)
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                f"GroupedQueryAttention: `num_query_heads` must be divisible by `num_key_value_heads`, received "
                f"{num_query_heads} and {num_key_value_heads}."
            )
        values = (
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint,
            bias_constraint,
        )  # fmt: skip
        super().__init__(
            self.head_dim, dropout, use_bias, use_gate, sliding_window, flash_attention, activity_regularizer, seed,
            dict(zip(_WEIGHT_OPTIONS, values, strict=True)), **kwargs,
        )  # fmt: skip
        self.activity_regularizer = self._projection_regularizer
        # Query u looks at key v's head; both are brought to the query's number of heads.
        self._dot_product_equation, self._combine_equation = "bkuh,bquh->buqk", "buqk,bkuh->bquh"

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:
        """Make the projections for inputs of these shapes."""
        key_shape = value_shape if key_shape is None else key_shape
        _check_lengths(self, value_shape, key_shape)
        queries = (None, self.num_query_heads, self.head_dim)
        keys = (None, self.num_key_value_heads, self.head_dim)
        self._query_dense = self._projection("bqm,muh->bquh", queries, "uh", "query", query_shape)
        self._key_dense = self._projection("bkm,mvh->bkvh", keys, "vh", "key", key_shape)
        if self.use_gate:
            self._gate_dense = self._projection("bqm,muh->bquh", queries, "uh", "gate", query_shape, "sigmoid")
        self._value_dense = self._projection("bkm,mvh->bkvh", keys, "vh", "value", value_shape)
        self._build_scores(-1)
        attended = (None, None, self.num_query_heads, self.head_dim)
        self._output_dense = self._projection(
            "bquh,uhm->bqm", (None, query_shape[-1]), "m", "attention_output", attended
        )

    def _per_query_head(self, x: jax.Array) -> jax.Array:
        return jnp.repeat(x, self.num_query_heads // self.num_key_value_heads, axis=2)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = (
            "head_dim", "num_query_heads", "num_key_value_heads", "use_bias", "use_gate", "sliding_window", "dropout",
            *_WEIGHT_OPTIONS, "activity_regularizer", "seed",
        )  # fmt: skip
        return super().get_config() | arguments.kept(self, *names)
