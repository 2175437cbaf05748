"""Rearrangement of axes by a pattern such as `"b (h w) c -> b c h w"`."""

import math
import re

import jax.numpy as jnp

from kerasish.core.symbolic import op
from kerasish.ops._tensors import Array, TensorLike
from kerasish.ops._tensors import tensor as as_array

_GROUPS = re.compile(r"\(([^()]*)\)|(\w+)")


def _parse(side: str) -> list[list[str]]:
    """Return the axis names of each dimension of one side of a pattern; a group in parentheses is one dimension."""
    return [group.split() if name == "" else [name] for group, name in _GROUPS.findall(side)]


@op(tensors=("tensor", "pattern"))
def rearrange(tensor: TensorLike, pattern: str, **axes_lengths: int) -> Array:
    """Split, reorder and merge axes.

    Args:
        tensor: a tensor.
        pattern: names of the axes before and after `->`; names in parentheses form one axis.
        **axes_lengths: sizes of axes inside a group; one per group may be left out.

    Raises:
        ValueError: if the pattern does not fit the tensor.

    Example:
        >>> rearrange(images, "b (h p) (w q) c -> (b h w) p q c", p=4, q=4)
    """
    array = as_array(tensor)
    before, after = (_parse(side) for side in pattern.split("->"))
    names = [name for group in before for name in group]
    if len(before) != array.ndim or sorted(names) != sorted(name for group in after for name in group):
        raise ValueError(
            f"rearrange: both sides of `pattern` must name the same axes, {array.ndim} dimensions left, received "
            f"pattern={pattern!r} for a tensor of shape {array.shape}."
        )
    sizes = dict(axes_lengths)
    for group, size in zip(before, array.shape):
        unknown = [name for name in group if name not in sizes]
        known = math.prod(sizes[name] for name in group if name in sizes)
        if len(unknown) > 1 or size % known or (not unknown and size != known):
            raise ValueError(
                f"rearrange: cannot split a dimension of size {size} into {group} with axes_lengths={axes_lengths}."
            )
        sizes.update(dict.fromkeys(unknown, size // known))
    array = jnp.reshape(array, [sizes[name] for name in names])
    array = jnp.transpose(array, [names.index(name) for group in after for name in group])
    return jnp.reshape(array, [math.prod(sizes[name] for name in group) for group in after])
