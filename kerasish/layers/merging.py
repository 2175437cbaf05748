"""Layers that make one tensor of several: Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate, Dot."""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from kerasish import ops
from kerasish.core.dtypes import is_float_dtype
from kerasish.core.masks import get_mask
from kerasish.core.symbolic import KerasTensor
from kerasish.layers.layer import Layer

Shape = tuple[int | None, ...]


def _is_list_of_shapes(shapes: Any) -> bool:
    return isinstance(shapes, (list, tuple)) and bool(shapes) and all(isinstance(s, (list, tuple)) for s in shapes)


class Merge(Layer):
    """Base of the layers that combine a list of tensors element by element.

    Tensors of lower rank get axes of size 1 after the batch axis. The result is masked where all inputs are masked,
    if all have masks.

    Args:
        **kwargs: `name`, `dtype`, ... of `Layer`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: list[Shape]) -> None:
        """Check that the shapes of the inputs broadcast."""
        if not _is_list_of_shapes(input_shape):
            raise ValueError(self._complaint("must be called on a list of tensors", input_shape))
        batch_sizes = {shape[0] for shape in input_shape if shape} - {None}
        if len(batch_sizes) > 1:
            raise ValueError(self._complaint("needs inputs of one batch size", input_shape))
        longest = max(map(len, input_shape))
        for axis in range(1, longest):
            sizes = {shape[axis - longest] for shape in input_shape if axis - longest > -len(shape)}
            if len(sizes - {None, 1}) > 1:
                raise ValueError(self._complaint("needs inputs whose shapes broadcast", input_shape))

    def _complaint(self, expected: str, shapes: Any) -> str:
        return f"{type(self).__name__} layer {self.name!r} {expected}; received shapes {shapes}."

    def call(self, inputs: Sequence[jax.Array]) -> jax.Array:
        """Return the combination of the inputs."""
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(self._complaint("must be called on a list of tensors", inputs.shape))
        rank = max(x.ndim for x in inputs)
        aligned = [x.reshape(x.shape[:1] + (1,) * (rank - x.ndim) + x.shape[1:]) for x in inputs]
        return self._merge(aligned, [get_mask(x) for x in inputs])

    def _merge(self, inputs: list[jax.Array], masks: list[jax.Array | None]) -> jax.Array:
        raise NotImplementedError(f"{type(self).__name__} must override `_merge`.")

    def compute_mask(self, inputs: Sequence[jax.Array], mask: Any = None) -> jax.Array | None:
        """Return where any of the inputs counts; None if an input has no mask."""
        masks = self._checked_masks(inputs, mask)
        if masks is None or any(mask is None for mask in masks):
            return None
        return functools.reduce(jnp.logical_or, masks)

    def _checked_masks(self, inputs: Any, masks: Any) -> Any:
        if masks is None:
            return None
        if not isinstance(masks, (list, tuple)) or not isinstance(inputs, (list, tuple)) or len(masks) != len(inputs):
            raise ValueError(f"{type(self).__name__} layer {self.name!r}: `mask` must be a list with a mask per input.")
        return masks


def _over_features(mask: jax.Array, x: jax.Array) -> jax.Array:
    """Return the mask of `x` with the feature axis, on which all entries are equal."""
    return jnp.broadcast_to(mask[..., None], x.shape)


class _Elementwise(Merge):
    """Base of the merging layers whose output has the shape that the inputs broadcast to."""

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the symbolic output; where all inputs have one shape, it is known without tracing."""
        tensors = inputs if isinstance(inputs, (list, tuple)) else ()
        if tensors and self.autocast and all(isinstance(x, KerasTensor) and is_float_dtype(x.dtype) for x in tensors):
            if len({x.shape for x in tensors}) == 1:
                return KerasTensor(tensors[0].shape, self.compute_dtype)
        return super().compute_output_spec(inputs, *args, **kwargs)


class Add(_Elementwise):
    """The sum of a list of tensors, element by element.

    Example:
        >>> Add()([np.ones((2, 3)), np.ones((2, 3))])
    """

    def _merge(self, inputs: list[jax.Array], masks: list[jax.Array | None]) -> jax.Array:
        return functools.reduce(operator.add, inputs)


class Subtract(_Elementwise):
    """The first of two tensors minus the second, element by element."""

    def build(self, input_shape: list[Shape]) -> None:
        """Check that there are two inputs whose shapes broadcast."""
        super().build(input_shape)
        if len(input_shape) != 2:
            raise ValueError(self._complaint("must be called on two tensors", input_shape))

    def _merge(self, inputs: list[jax.Array], masks: list[jax.Array | None]) -> jax.Array:
        if len(inputs) != 2:
            raise ValueError(self._complaint("must be called on two tensors", [x.shape for x in inputs]))
        return inputs[0] - inputs[1]


class Multiply(_Elementwise):
    """The product of a list of tensors, element by element; masked entries count as 1."""

    def _merge(self, inputs: list[jax.Array], masks: list[jax.Array | None]) -> jax.Array:
        full = [None if mask is None else _over_features(mask, x) for x, mask in zip(inputs, masks, strict=True)]
        factors = [x if mask is None else jnp.where(mask, x, 1) for x, mask in zip(inputs, full, strict=True)]
        product = functools.reduce(operator.mul, factors)
        if any(mask is None for mask in full):
            return product
        return jnp.where(functools.reduce(jnp.logical_or, full), product, 0)


class Average(_Elementwise):
    """The mean of a list of tensors, element by element."""

    def _merge(self, inputs: list[jax.Array], masks: list[jax.Array | None]) -> jax.Array:
        return functools.reduce(operator.add, inputs) / len(inputs)


class _Extremum(_Elementwise):
    """The largest or smallest of a list of tensors, element by element; masked entries do not count."""

    _choose: Callable

    def _merge(self, inputs: list[jax.Array], masks: list[jax.Array | None]) -> jax.Array:
        chosen, chosen_mask = inputs[0], masks[0] if masks[0] is None else _over_features(masks[0], inputs[0])
        for x, mask in zip(inputs[1:], masks[1:], strict=True):
            if mask is not None:
                mask = _over_features(mask, x)
                x = jnp.where(mask, x, chosen)
            if chosen_mask is not None:
                chosen = jnp.where(chosen_mask, chosen, x)
            chosen_mask = None if mask is None or chosen_mask is None else jnp.logical_or(chosen_mask, mask)
            chosen = self._choose(chosen, x)
        return chosen


class Maximum(_Extremum):
    """The largest of a list of tensors, element by element; masked entries do not count."""

    _choose = staticmethod(jnp.maximum)


class Minimum(_Extremum):
    """The smallest of a list of tensors, element by element; masked entries do not count."""

    _choose = staticmethod(jnp.minimum)


class Concatenate(Merge):
    """Joins a list of tensors along an axis.

    Args:
        axis: the axis, not the batch axis.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Example:
        >>> Concatenate()([np.ones((2, 3)), np.ones((2, 4))]).shape
        (2, 7)
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise TypeError(f"Concatenate: `axis` must be an integer, received axis={axis!r} ({type(axis).__name__}).")
        self.axis = axis

    def build(self, input_shape: list[Shape]) -> None:
        """Check that the shapes differ along the axis only."""
        if not _is_list_of_shapes(input_shape):
            raise ValueError(self._complaint("must be called on a list of tensors", input_shape))
        ranks = {len(shape) for shape in input_shape}
        rank = ranks.pop()
        if ranks or not -rank <= self.axis < rank:
            raise ValueError(self._complaint(f"needs inputs of one rank with an axis {self.axis}", input_shape))
        for axis in range(rank):
            if axis != self.axis % rank and len({shape[axis] for shape in input_shape} - {None}) > 1:
                raise ValueError(self._complaint(f"needs shapes that differ along axis {self.axis} only", input_shape))

    def call(self, inputs: Sequence[jax.Array]) -> jax.Array:
        """Return the inputs joined along the axis."""
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(self._complaint("must be called on a list of tensors", inputs.shape))
        return jnp.concatenate(inputs, axis=self.axis)

    def compute_mask(self, inputs: Sequence[jax.Array], mask: Any = None) -> jax.Array | None:
        """Return the joined masks; where an input has none, all of it counts."""
        masks = self._checked_masks(inputs, mask)
        if masks is None or all(mask is None for mask in masks):
            return None
        full = []
        for x, own in zip(inputs, masks, strict=True):
            if own is None:
                own = jnp.ones(x.shape, bool)
            full.append(own if own.ndim == x.ndim else _over_features(own, x))
        return jnp.any(jnp.concatenate(full, axis=self.axis), axis=-1)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | {"axis": self.axis}


class Dot(Merge):
    """The dot products of the samples of two tensors, along an axis of each.

    Args:
        axes: the axis, or one for each tensor; not the batch axis.
        normalize: whether samples are scaled to length 1 along the axis first, which gives the cosine of their angle.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Raises:
        TypeError: if `axes` is neither an integer nor a list.
        ValueError: if it does not hold two integers.

    Example:
        >>> Dot(axes=(1, 2))([np.ones((2, 3, 5)), np.ones((2, 4, 3))]).shape
        (2, 5, 4)
    """

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(axes, (int, list, tuple)):
            raise TypeError(f"Dot: `axes` must be an integer or two integers, received axes={axes!r}.")
        if not isinstance(axes, int) and (len(axes) != 2 or not all(isinstance(axis, int) for axis in axes)):
            raise ValueError(f"Dot: `axes` must be an integer or two integers, received axes={axes!r}.")
        self.axes = axes
        self.normalize = normalize

    def _axes_of(self, shapes: Sequence[Shape]) -> tuple[int, int]:
        """Return the axes of the two inputs, counted from the front."""
        pair = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        first, second = (axis + len(shape) if axis < 0 else axis for axis, shape in zip(pair, shapes, strict=True))
        if not (0 < first < len(shapes[0]) and 0 < second < len(shapes[1])):
            raise ValueError(self._complaint(f"with axes={self.axes} needs two inputs with these axes", list(shapes)))
        return first, second

    def build(self, input_shape: list[Shape]) -> None:
        """Check that the sizes of the two axes agree."""
        if not _is_list_of_shapes(input_shape) or len(input_shape) != 2:
            raise ValueError(self._complaint("must be called on a list of two tensors", input_shape))
        first, second = self._axes_of(input_shape)
        if len({input_shape[0][first], input_shape[1][second]} - {None}) > 1:
            raise ValueError(self._complaint(f"needs axes {self.axes} of equal size", input_shape))

    def call(self, inputs: Sequence[jax.Array]) -> jax.Array:
        """Return the dot products, of shape `(batch, other axes of the first, other axes of the second)`."""
        if not isinstance(inputs, (list, tuple)) or len(inputs) != 2:
            raise ValueError(f"Dot layer {self.name!r} must be called on a list of two tensors, received {inputs!r}.")
        x, y = inputs
        first, second = self._axes_of([x.shape, y.shape])
        if self.normalize:
            x, y = ops.normalize(x, axis=first), ops.normalize(y, axis=second)
        dtype = jnp.result_type(x, y)
        output = lax.dot_general(x.astype(dtype), y.astype(dtype), (((first,), (second,)), ((0,), (0,))))
        return output[:, None] if output.ndim == 1 else output

    def compute_mask(self, inputs: Sequence[jax.Array], mask: Any = None) -> None:
        """Return None: the result has no mask."""

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | {"axes": self.axes, "normalize": self.normalize}


def add(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Apply `Add(**kwargs)` to a list of tensors."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Apply `Subtract(**kwargs)` to a list of two tensors."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Apply `Multiply(**kwargs)` to a list of tensors."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Apply `Average(**kwargs)` to a list of tensors."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Apply `Maximum(**kwargs)` to a list of tensors."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Apply `Minimum(**kwargs)` to a list of tensors."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Any:
    """Apply `Concatenate(axis, **kwargs)` to a list of tensors."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Sequence[Any], axes: int | Sequence[int] = -1, **kwargs: Any) -> Any:
    """Apply `Dot(axes, **kwargs)` to a list of two tensors."""
    return Dot(axes=axes, **kwargs)(inputs)
