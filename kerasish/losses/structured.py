"""Losses over pairs of samples and over sequences: circle loss and connectionist temporal classification."""

from typing import Any

import jax
import jax.numpy as jnp

from kerasish import ops
from kerasish.core.masks import set_mask
from kerasish.losses.arrays import as_array
from kerasish.losses.loss import FunctionLoss


def _log_sum(values: jax.Array, chosen: jax.Array) -> jax.Array:
    """Return `log Σ exp(values)` over the chosen entries of each row; over all of them where none is chosen."""
    chosen = chosen | ~jnp.any(chosen, axis=1, keepdims=True)
    return jax.nn.logsumexp(jnp.where(chosen, values, -jnp.inf), axis=1)


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> jax.Array:
    """Return the circle loss of embeddings: near samples of the same class, far ones of others.

    Source: https://arxiv.org/abs/2002.10857.

    Args:
        y_true: class numbers of shape `(batch,)` or `(batch, 1)`.
        y_pred: embeddings of unit length, shape `(batch, d)`.
        ref_labels: class numbers of the samples to compare with; by default `y_true`.
        ref_embeddings: their embeddings; by default `y_pred`.
        remove_diagonal: leave out the comparison of a sample with itself.
        gamma: scale.
        margin: how far within the boundary pairs are pushed.

    Returns:
        Array of shape `(batch,)`, with a mask that leaves zeros out of means.
    """
    y_pred = as_array(y_pred)
    labels = as_array(y_true, "int32").reshape(-1, 1)
    references = y_pred if ref_embeddings is None else as_array(ref_embeddings)
    ref_labels = labels if ref_labels is None else as_array(ref_labels, "int32")
    distances = jnp.maximum(1 - y_pred @ references.T, 0.0)
    same = labels == ref_labels.reshape(1, -1)
    other = ~same
    if remove_diagonal:
        same &= ~jnp.eye(*same.shape, dtype=bool)
    positive = -gamma * jnp.maximum(margin + distances, 0.0) * (margin - distances)
    negative = gamma * jnp.maximum(1 + margin - distances, 0.0) * (1 - margin - distances)
    # Without a pair of either kind the loss is 0.
    has_both = jnp.any(same, axis=1) & jnp.any(other, axis=1)
    values = jnp.where(has_both, jax.nn.softplus(_log_sum(positive, same) + _log_sum(negative, other)), 0.0)
    set_mask(values, values > 0)
    return values


def ctc(y_true: Any, y_pred: Any) -> jax.Array:
    """Return the connectionist temporal classification loss of label sequences.

    Args:
        y_true: class numbers of shape `(batch, max_labels)`; 0 stands for "no label" and fills up.
        y_pred: logits of shape `(batch, time, classes)`.

    Returns:
        Array of shape `(batch,)`.

    Raises:
        ValueError: if a rank is wrong.
    """
    y_true, y_pred = as_array(y_true, "int32"), as_array(y_pred)
    if y_true.ndim != 2:
        raise ValueError(f"ctc: `y_true` must have shape (batch, max_labels), received {y_true.shape}.")
    if y_pred.ndim != 3:
        raise ValueError(f"ctc: `y_pred` must have shape (batch, time, classes), received {y_pred.shape}.")
    label_length = jnp.sum(y_true != 0, axis=-1).astype("int32")
    input_length = jnp.full(y_pred.shape[:1], y_pred.shape[1], "int32")
    return ops.ctc_loss(y_true, y_pred, label_length, input_length, mask_index=0)


class Circle(FunctionLoss):
    """Circle loss of embeddings; see `circle`.

    Args:
        gamma: scale.
        margin: how far within the boundary pairs are pushed.
        remove_diagonal: leave out the comparison of a sample with itself.
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.
    """

    _keeps_integer_targets = True

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: Any = None,
    ) -> None:
        arguments = {"gamma": gamma, "margin": margin, "remove_diagonal": remove_diagonal}
        super().__init__(circle, reduction, name, dtype, **arguments)


class CTC(FunctionLoss):
    """Connectionist temporal classification; see `ctc`.

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.
    """

    _keeps_integer_targets = True

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "ctc", dtype: Any = None
    ) -> None:
        super().__init__(ctc, reduction, name, dtype)
