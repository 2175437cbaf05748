"""Layers that scale numbers: Rescaling, Normalization."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core import registry
from kerasish.core.config import epsilon, image_data_format
from kerasish.layers import arguments
from kerasish.layers.layer import Layer

Shape = tuple[int | None, ...]


class Rescaling(Layer):
    """Multiplies by a scale and adds an offset: `inputs * scale + offset`.

    Args:
        scale: number, or one number for each channel.
        offset: number, or one number for each channel.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Example:
        >>> Rescaling(1 / 127.5, offset=-1)(np.array([0, 255]))
        Array([-1., 1.], dtype=float32)
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name, value in (("scale", scale), ("offset", offset)):
            if np.asarray(value).dtype.kind not in "iuf":
                raise TypeError(f"Rescaling: `{name}` must be a number or numbers, received {name}={value!r}.")
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return `inputs * scale + offset`."""
        scale = jnp.asarray(self.scale, self.compute_dtype)
        if scale.ndim > 0 and image_data_format() == "channels_first":
            scale = scale.reshape(scale.shape + (1,) * (3 - scale.ndim))
        return inputs.astype(self.compute_dtype) * scale + jnp.asarray(self.offset, self.compute_dtype)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        numbers = {"scale": self.scale, "offset": self.offset}
        return super().get_config() | registry.serialize_keras_object(numbers)

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "Rescaling":
        """Make a layer from what `get_config` returned; `custom_objects` is kept for compatibility."""
        config = dict(config)
        for name in ("scale", "offset"):
            config[name] = registry.deserialize_keras_object(config[name], custom_objects)
        return super().from_config(config)


class Normalization(Layer):
    """Shifts and scales features to mean 0 and variance 1: `(inputs - mean) / sqrt(variance)`.

    Mean and variance are given, or found in data by `adapt`.

    Args:
        axis: axis or axes that have a mean and a variance for each index; None for one mean and variance of all.
        mean: mean or means, which broadcast to the sizes of the axes.
        variance: variance or variances, of the shape of `mean`.
        invert: whether to do the opposite, `inputs * sqrt(variance) + mean`.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Raises:
        ValueError: if only one of `mean` and `variance` is given, or their shapes do not fit.

    Example:
        >>> layer = Normalization()
        >>> layer.adapt(np.array([[0.0, 7.0], [2.0, 9.0]]))
        >>> layer(np.array([[0.0, 9.0]]))
        Array([[-1., 1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, (list, tuple)) and not axis:
            axis = None  # as configs write it
        if axis is not None:
            axis = arguments.axes(self, axis)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        if (mean is None) != (variance is None):
            raise ValueError(
                f"Normalization: `mean` and `variance` go together, received mean={mean!r} and variance={variance!r}."
            )
        if mean is not None and np.shape(mean) != np.shape(variance):
            raise ValueError(
                f"Normalization: `mean` and `variance` must have one shape, received shapes {np.shape(mean)} and "
                f"{np.shape(variance)}."
            )
        if np.ndim(mean) > len(self.axis):
            raise ValueError(
                f"Normalization: `mean` has shape {np.shape(mean)}, which is more than the {len(self.axis)} axes "
                f"axis={self.axis}."
            )
        self.input_mean = mean
        self.input_variance = variance
        self.invert = invert
        self.supports_masking = True
        self._built_for: Shape | None = None

    def build(self, input_shape: Shape) -> None:
        """Make mean, variance and count, unless mean and variance were given."""
        rank = len(input_shape)
        if any(not -rank <= axis < rank for axis in self.axis):
            raise ValueError(
                f"Normalization {self.name!r}: axis={self.axis} is out of range for inputs of shape {input_shape}."
            )
        self._kept = sorted(axis % rank for axis in self.axis)
        if any(input_shape[axis] is None for axis in self._kept):
            raise ValueError(
                f"Normalization {self.name!r}: the sizes of axis={self.axis} must be known, received inputs of shape "
                f"{input_shape}."
            )
        self._reduced = tuple(axis for axis in range(rank) if axis not in self._kept)
        self._broadcast_shape = tuple(input_shape[axis] if axis in self._kept else 1 for axis in range(rank))
        if self.input_mean is None:
            shape = tuple(input_shape[axis] for axis in self._kept)
            self.adapt_mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(shape, "ones", trainable=False, name="variance")
            # Unused; files of Keras hold it.
            self.count = self.add_weight((), "zeros", dtype="int32", trainable=False, name="count")
        self._built_for = tuple(input_shape)

    @property
    def mean(self) -> jax.Array | None:
        """The means, in a shape that broadcasts to the inputs; None before the layer is built."""
        return self._broadcast(self.input_mean, "adapt_mean")

    @property
    def variance(self) -> jax.Array | None:
        """The variances, in a shape that broadcasts to the inputs; None before the layer is built."""
        return self._broadcast(self.input_variance, "adapt_variance")

    def _broadcast(self, given: Any, weight: str) -> jax.Array | None:
        if self._built_for is None:
            return None
        if given is None:
            return getattr(self, weight).value.reshape(self._broadcast_shape).astype(self.compute_dtype)
        given = jnp.asarray(given, self.compute_dtype)
        shape = [1] * len(self._broadcast_shape)
        # Their axes belong to the last of the kept ones.
        for size, axis in zip(reversed(given.shape), reversed(self._kept), strict=False):
            shape[axis] = size
        return jnp.broadcast_to(given.reshape(shape), self._broadcast_shape)

    def adapt(self, data: Any) -> None:
        """Find mean and variance in data, forgetting what was found before.

        Args:
            data: array, or an iterable or a PyDataset of batches; of tuples, the first item is used.

        Raises:
            ValueError: if mean and variance were given, there is no data, or its shape is not what the layer was built
                for.
            TypeError: if the data holds no arrays.
        """
        if self.input_mean is not None:
            raise ValueError(f"adapt: layer {self.name!r} was made with `mean` and `variance`; nothing is to be found.")
        count, mean, variance = 0, 0.0, 0.0
        for batch in _batches(data):
            self._check_batch(batch)
            size = math.prod(batch.shape[axis] for axis in self._reduced)
            if size == 0:
                continue
            xp = jnp if isinstance(batch, jax.Array) else np
            batch_mean, batch_variance = xp.mean(batch, axis=self._reduced), xp.var(batch, axis=self._reduced)
            if count == 0:
                count, mean, variance = size, batch_mean, batch_variance
                continue
            # Parallel variance: Chan et al., 1979.
            weight = size / (count + size)
            difference = batch_mean - mean
            variance = variance * (1 - weight) + batch_variance * weight + difference**2 * weight * (1 - weight)
            mean = mean + difference * weight
            count += size
        if count == 0:
            raise ValueError(f"adapt: layer {self.name!r} received no data; pass an array or batches that hold some.")
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)

    def _check_batch(self, batch: Any) -> None:
        if not self.built:
            self.build(batch.shape)
        expected = self._built_for or ()
        if len(expected) != len(batch.shape) or any(batch.shape[axis] != expected[axis] for axis in self._kept):
            raise ValueError(
                f"adapt: layer {self.name!r} was built for inputs of shape {expected}, received data of shape "
                f"{tuple(batch.shape)}."
            )

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the inputs shifted and scaled, or shifted and scaled back."""
        mean, deviation = self.mean, jnp.maximum(jnp.sqrt(self.variance), epsilon())
        inputs = inputs.astype(self.compute_dtype)
        return mean + inputs * deviation if self.invert else (inputs - mean) / deviation

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | {
            "axis": self.axis,
            "invert": self.invert,
            "mean": np.array(self.input_mean).tolist(),
            "variance": np.array(self.input_variance).tolist(),
        }


def _batches(data: Any) -> Iterator[Any]:
    """Yield the arrays in data: itself if it is an array, else its items, of tuples the first item.

    Raises:
        TypeError: if there are none.
    """
    if hasattr(data, "__array__"):
        yield data if isinstance(data, (np.ndarray, jax.Array)) else np.asarray(data)
        return
    if hasattr(data, "element_spec"):  # a tf.data.Dataset, maybe of single samples
        spec = data.element_spec
        shape = (spec[0] if isinstance(spec, tuple) else spec).shape
        data = data.batch(128) if len(shape) == 1 else data
    if not hasattr(data, "__iter__") and hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        data = map(data.__getitem__, range(len(data)))
    if not hasattr(data, "__iter__") or isinstance(data, (str, bytes, dict)):
        raise TypeError(f"adapt: expected an array or an iterable of batches, received {type(data).__name__}.")
    for batch in data:
        batch = batch[0] if isinstance(batch, tuple) else batch
        if not hasattr(batch, "__array__"):
            raise TypeError(f"adapt: expected batches that are arrays, received one of type {type(batch).__name__}.")
        yield batch if isinstance(batch, (np.ndarray, jax.Array)) else np.asarray(batch)
