"""Functions under the losses: cross-entropies, CTC loss and decoding, signal-to-noise ratio."""

import jax
import jax.numpy as jnp
from jax import lax

from kerasish.core.config import epsilon
from kerasish.core.dtypes import result_type
from kerasish.core.symbolic import op
from kerasish.ops._tensors import Array, TensorLike, tensor

# Stands for log(0) in CTC: finite, so that gradients stay finite too.
_LOG_ZERO = -1e5


def _log_probabilities(output: Array, from_logits: bool, axis: int) -> Array:
    if from_logits:
        return jax.nn.log_softmax(output, axis=axis)
    output = output / jnp.sum(output, axis, keepdims=True)
    return jnp.log(jnp.clip(output, epsilon(), 1.0 - epsilon()))


@op
def binary_crossentropy(target: TensorLike, output: TensorLike, from_logits: bool = False) -> Array:
    """Return `-target log(output) - (1 - target) log(1 - output)`, element-wise.

    Args:
        target: probabilities, 0 or 1.
        output: predicted probabilities, or their logits, of the same shape.
        from_logits: whether `output` holds logits.
    """
    target, output = tensor(target), tensor(output)
    if target.shape != output.shape:
        raise ValueError(
            "binary_crossentropy: `target` and `output` must have the same shape, received "
            f"{target.shape} and {output.shape}."
        )
    if from_logits:
        return -target * jax.nn.log_sigmoid(output) - (1.0 - target) * jax.nn.log_sigmoid(-output)
    output = jnp.clip(output, epsilon(), 1.0 - epsilon())
    return -(target * jnp.log(output) + (1.0 - target) * jnp.log(1.0 - output))


@op
def categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1
) -> Array:
    """Return `-sum(target log(output))` over `axis`.

    Args:
        target: probabilities, such as one-hot vectors.
        output: predicted probabilities (normalized to sum 1 first), or logits, of the same shape.
        from_logits: whether `output` holds logits.
        axis: the axis of the classes.
    """
    target, output = tensor(target), tensor(output)
    if target.shape != output.shape or target.ndim < 1:
        raise ValueError(
            "categorical_crossentropy: `target` and `output` must have the same shape, of rank 1 at least, received "
            f"{target.shape} and {output.shape}."
        )
    return -jnp.sum(target * _log_probabilities(output, from_logits, axis), axis=axis)


@op
def sparse_categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1
) -> Array:
    """Return `-log(output[target])`, the cross-entropy of integer labels.

    Args:
        target: integers of the shape of `output` without the class axis (or with size 1 in its place).
        output: predicted probabilities (normalized to sum 1 first), or logits.
        from_logits: whether `output` holds logits.
        axis: the axis of the classes.
    """
    target, output = tensor(target, "int32"), tensor(output)
    if target.ndim == output.ndim and target.shape[-1:] == (1,):
        target = jnp.squeeze(target, axis=-1)
    if output.ndim < 1 or target.shape != output.shape[:-1]:
        raise ValueError(
            "sparse_categorical_crossentropy: `target` must have the shape of `output` without the last axis, received "
            f"{target.shape} and {output.shape}."
        )
    log_probabilities = _log_probabilities(output, from_logits, axis)
    return -jnp.sum(jax.nn.one_hot(target, output.shape[axis], axis=axis) * log_probabilities, axis=axis)


@op(tensors=("x1", "x2"), keras_class="PSNR")
def psnr(x1: TensorLike, x2: TensorLike, max_val: float) -> Array:
    """Return the peak signal-to-noise ratio in decibels, `20 log10(max_val) - 10 log10(mean((x1 - x2)**2))`."""
    x1, x2 = tensor(x1), tensor(x2)
    if x1.shape != x2.shape:
        raise ValueError(f"psnr: `x1` and `x2` must have the same shape, received {x1.shape} and {x2.shape}.")
    peak = tensor(max_val, str(x2.dtype))
    return 20 * jnp.log10(peak) - 10 * jnp.log10(jnp.mean(jnp.square(x1 - x2)))


@op(keras_class="CTCLoss")
def ctc_loss(
    target: TensorLike, output: TensorLike, target_length: TensorLike, output_length: TensorLike, mask_index: int = 0
) -> Array:
    """Return the negative log probability of each label sequence, summed over all alignments (Graves et al., 2006).

    Args:
        target: integer labels of shape `(batch, max_target_length)`.
        output: logits of shape `(batch, time, classes)`.
        target_length: number of labels of each sequence, shape `(batch,)`.
        output_length: number of frames of each sequence, shape `(batch,)`.
        mask_index: the class that stands for "no label".

    Returns:
        Tensor of shape `(batch,)`, float32 at least.
    """
    target, output = tensor(target, "int32"), tensor(output)
    target_length, output_length = tensor(target_length, "int32"), tensor(output_length, "int32")
    batch, time, _ = output.shape
    log_probabilities = jax.nn.log_softmax(output.astype(result_type(output.dtype, "float32")))
    # The states are the labels with a blank before, between and after: blank, label 0, blank, label 1, ..., blank.
    states = jnp.full((batch, 2 * target.shape[1] + 1), mask_index, "int32").at[:, 1::2].set(target)
    may_skip = jnp.zeros(states.shape, bool).at[:, 3::2].set(target[:, 1:] != target[:, :-1])
    emissions = jnp.take_along_axis(log_probabilities, states[:, None, :], axis=2)

    def shifted(alpha: Array, places: int) -> Array:
        return jnp.pad(alpha, ((0, 0), (places, 0)), constant_values=_LOG_ZERO)[:, :-places]

    def step(alpha: Array, frame: tuple[Array, Array]) -> tuple[Array, None]:
        emission, index = frame
        skipping = jnp.where(may_skip, shifted(alpha, 2), _LOG_ZERO)
        new = jnp.logaddexp(jnp.logaddexp(alpha, shifted(alpha, 1)), skipping) + emission
        return jnp.where((index < output_length)[:, None], new, alpha), None

    # Before the first frame the path stands one place before the first blank, so it may enter there or at label 0.
    alpha = jnp.full(states.shape, _LOG_ZERO, emissions.dtype).at[:, 0].set(0.0)
    alpha, _ = lax.scan(step, alpha, (jnp.moveaxis(emissions, 1, 0), jnp.arange(time)))
    last = jnp.take_along_axis(alpha, 2 * target_length[:, None], axis=1)[:, 0]
    before = jnp.take_along_axis(alpha, jnp.maximum(2 * target_length[:, None] - 1, 0), axis=1)[:, 0]
    return -jnp.where(target_length > 0, jnp.logaddexp(last, before), last)


@op(keras_class="CTCDecode")
def ctc_decode(
    inputs: TensorLike, sequence_lengths: TensorLike, strategy: str = "greedy", beam_width: int = 100,
    top_paths: int = 1, merge_repeated: bool = True, mask_index: int = 0,
) -> tuple[Array, Array]:  # fmt: skip
    """Return likely label sequences of the outputs of a CTC model.

    Args:
        inputs: logits of shape `(batch, time, classes)`.
        sequence_lengths: number of frames of each sequence, shape `(batch,)`.
        strategy: `"greedy"` takes the best class of each frame, `"beam_search"` keeps the best label prefixes.
        beam_width: how many prefixes the beam search keeps.
        top_paths: how many sequences it returns.
        merge_repeated: whether the greedy strategy merges a class repeated in successive frames.
        mask_index: the class that stands for "no label".

    Returns:
        Labels of shape `(top_paths, batch, time)`, filled up with -1, and scores: log probabilities of shape
        `(batch, top_paths)` for the beam search, negated sums of the greedy logits of shape `(batch, 1)`.
    """
    x = tensor(inputs)
    x, lengths = x.astype(result_type(x.dtype, "float32")), tensor(sequence_lengths, "int32")
    mask_index = x.shape[-1] - 1 if mask_index is None else mask_index
    if strategy == "greedy":
        return _greedy_decode(x, lengths, merge_repeated, mask_index)
    if strategy == "beam_search":
        search = jax.vmap(lambda frames, length: _beam_search(frames, length, beam_width, top_paths, mask_index))
        paths, scores = search(jax.nn.log_softmax(x), lengths)
        return jnp.moveaxis(paths, 1, 0), scores
    raise ValueError(f"ctc_decode: `strategy` must be 'greedy' or 'beam_search', received strategy={strategy!r}.")


def _greedy_decode(x: Array, lengths: Array, merge_repeated: bool, mask_index: int) -> tuple[Array, Array]:
    inside = jnp.arange(x.shape[1]) < lengths[:, None]
    labels = jnp.where(inside, jnp.argmax(x, axis=-1), mask_index)
    keep = labels != mask_index
    if merge_repeated:
        keep = keep.at[:, 1:].set(keep[:, 1:] & (labels[:, 1:] != labels[:, :-1]))
    # A stable sort of the flags brings the kept labels to the front in their order.
    order = jnp.argsort(~keep, axis=-1, stable=True)
    labels = jnp.take_along_axis(jnp.where(keep, labels, -1), order, axis=-1)
    scores = -jnp.sum(jnp.where(inside, jnp.max(x, axis=-1), 0.0), axis=1, keepdims=True)
    return labels[None].astype("int32"), scores


def _beam_search(frames: Array, length: Array, beam_width: int, top_paths: int, mask_index: int) -> tuple[Array, Array]:
    """Prefix beam search over one sequence of log probabilities (time, classes).

    Each prefix has two probabilities: that its alignment so far ends in a blank, and that it ends in its last label.
    """
    time, classes = frames.shape
    rows = jnp.arange(beam_width)

    def step(state: tuple, frame: tuple[Array, Array]) -> tuple[tuple, None]:
        paths, sizes, ends_blank, ends_label = state
        scores, index = frame
        total = jnp.logaddexp(ends_blank, ends_label)
        last = jnp.where(sizes > 0, paths[rows, sizes - 1], -1)
        stay_blank = total + scores[mask_index]
        stay_label = jnp.where(sizes > 0, ends_label + scores[last], -jnp.inf)
        # Extending by the label a prefix ends in needs a blank between the two.
        repeated = jnp.arange(classes) == last[:, None]
        extended = jnp.where(repeated, ends_blank[:, None], total[:, None]) + scores
        extended = extended.at[:, mask_index].set(-jnp.inf)
        # An extension may be a prefix that is kept already: is prefix j equal to prefix i and one more label?
        shortened = jnp.where(jnp.arange(time) == (sizes - 1)[:, None], -1, paths)
        parent = (shortened[:, None] == paths[None]).all(-1) & (sizes[:, None] == sizes[None] + 1)
        arriving = jnp.where(parent, extended[:, jnp.maximum(last, 0)].T, -jnp.inf)
        stay_label = jnp.logaddexp(stay_label, jax.nn.logsumexp(arriving, axis=1))
        # parent[j, i] takes the extension of i by the last label of j out of the new prefixes.
        taken = jnp.zeros(extended.shape, bool).at[:, jnp.maximum(last, 0)].max(parent.T)
        extended = jnp.where(taken, -jnp.inf, extended)

        candidates = jnp.concatenate([jnp.logaddexp(stay_blank, stay_label), extended.ravel()])
        _, chosen = lax.top_k(candidates, beam_width)
        grown = chosen >= beam_width
        source = jnp.where(grown, (chosen - beam_width) // classes, chosen)
        label = (chosen - beam_width) % classes
        new_sizes = sizes[source] + grown
        place = (jnp.arange(time) == (new_sizes - 1)[:, None]) & grown[:, None]
        new_state = (
            jnp.where(place, label[:, None], paths[source]),
            new_sizes,
            jnp.where(grown, -jnp.inf, stay_blank[source]),
            jnp.where(grown, candidates[chosen], stay_label[source]),
        )
        return jax.tree.map(lambda new, old: jnp.where(index < length, new, old), new_state, state), None

    start = (
        jnp.full((beam_width, time), -1),
        jnp.zeros(beam_width, "int32"),
        jnp.full(beam_width, -jnp.inf, frames.dtype).at[0].set(0.0),
        jnp.full(beam_width, -jnp.inf, frames.dtype),
    )
    (paths, _, ends_blank, ends_label), _ = lax.scan(step, start, (frames, jnp.arange(time)))
    scores, best = lax.top_k(jnp.logaddexp(ends_blank, ends_label), top_paths)
    return paths[best], scores
