"""Discretization: numbers as the ranges they fall into, with boundaries that are given or found in data."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core.config import floatx
from kerasish.core.symbolic import KerasTensor
from kerasish.layers.arguments import choice, complaint, positive_integer
from kerasish.layers.categories import encode, encoded_shape
from kerasish.layers.hashing import no_sparse
from kerasish.layers.host import any_symbolic_shallow, as_array, batches
from kerasish.layers.layer import Layer


class Discretization(Layer):
    """Turns numbers into the index of the range that they fall into.

    Boundaries `[0., 1., 2.]` make the ranges `(-inf, 0.)`, `[0., 1.)`, `[1., 2.)` and `[2., inf)`.

    Args:
        bin_boundaries: the boundaries, in ascending order.
        num_bins: number of ranges whose boundaries `adapt` finds, in place of `bin_boundaries`.
        epsilon: share of the data by which found quantiles may be off; smaller ones take more time and memory.
        output_mode: `"int"` for indices, `"one_hot"` for a vector for each number, `"multi_hot"` or `"count"` for a
            vector for each sample.
        sparse: must be false.
        dtype: dtype of vectors; indices are int32.
        name: name of the layer; by default unique.
        **kwargs: further arguments of `Layer`.

    Raises:
        ValueError: if both or neither of `bin_boundaries` and `num_bins` are given, or they are malformed.

    Example:
        >>> Discretization(bin_boundaries=[0.0, 1.0, 2.0])(np.array([[-1.5, 1.0, 3.4, 0.5]]))
        Array([[0, 2, 3, 1]], dtype=int32)
    """

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.sparse = no_sparse(self, sparse)
        self.output_mode = choice(self, "output_mode", output_mode, ("int", "one_hot", "multi_hot", "count"))
        if (num_bins is None) == (bin_boundaries is None):
            raise ValueError(
                "Discretization: pass either `bin_boundaries` or `num_bins`, received "
                f"bin_boundaries={bin_boundaries!r} and num_bins={num_bins!r}."
            )
        self.num_bins = None if num_bins is None else positive_integer(self, "num_bins", num_bins)
        self.bin_boundaries = None if bin_boundaries is None else _checked_boundaries(self, bin_boundaries)
        if not isinstance(epsilon, (int, float)) or not 0 < epsilon <= 1:
            raise complaint(self, "epsilon", epsilon, "a number above 0, at most 1")
        self.epsilon = epsilon
        self._allow_non_tensor_positional_args = True
        self.reset_state()

    @property
    def input_dtype(self) -> str:
        """The dtype of inputs."""
        return floatx()

    @property
    def output_dtype(self) -> str:
        """The dtype of outputs."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Find the boundaries in data, about equally many numbers in each range, forgetting those found before.

        Args:
            data: array, or an iterable or a PyDataset of batches.
            steps: number of batches to use, by default all.

        Raises:
            ValueError: if the layer was made with `bin_boundaries`.
        """
        if self.num_bins is None:
            raise ValueError(
                f"adapt: Discretization {self.name!r} was made with `bin_boundaries`; make it with `num_bins` to find "
                "them in data."
            )
        self.reset_state()
        if isinstance(data, (list, tuple)):
            data = iter(data)
        for batch in batches(data, steps, "Discretization"):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Take in a batch of numbers."""
        batch = _summary(np.asarray(data, dtype="float32"), self.epsilon)
        merged = np.concatenate([batch, self.summary], axis=1)
        self.summary = _compressed(merged[:, np.argsort(merged[0])], self.epsilon)

    def finalize_state(self) -> None:
        """Set the boundaries from the batches taken in."""
        if self.num_bins is not None:
            if self.summary.shape[1] == 0:
                raise ValueError(f"adapt: Discretization {self.name!r} received no data.")
            self.bin_boundaries = _compressed(self.summary, 1.0 / self.num_bins)[0, :-1].tolist()

    def reset_state(self) -> None:
        """Forget the batches taken in."""
        self.summary = np.zeros((2, 0), dtype="float32")

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """Run the layer; lists are taken as arrays."""
        if isinstance(inputs, (int, float, list, tuple)) and not any_symbolic_shallow(inputs):
            inputs = as_array(inputs, "Discretization")
        return super().__call__(inputs, **kwargs)

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the indices of the ranges, encoded."""
        if self.bin_boundaries is None:
            raise ValueError(
                f"Discretization {self.name!r} has no boundaries yet: pass `bin_boundaries`, or call `adapt(data)`."
            )
        inputs = jnp.asarray(inputs)
        bounds = jnp.asarray(self.bin_boundaries, jnp.promote_types(inputs.dtype, floatx()))
        indices = jnp.searchsorted(bounds, inputs.astype(bounds.dtype), side="right").astype("int32")
        return encode(indices, self.output_mode, len(self.bin_boundaries) + 1, self.output_dtype)

    def compute_output_spec(self, inputs: KerasTensor) -> KerasTensor:
        """Return a symbolic tensor like the outputs; the boundaries need not be found yet."""
        depth = self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1
        return KerasTensor(encoded_shape(inputs.shape, self.output_mode, depth), self.output_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return the shape of the outputs for inputs of this shape (None for unknown sizes)."""
        return self.compute_output_spec(KerasTensor(input_shape)).shape

    def load_own_variables(self, store: Any) -> None:
        """Read what old versions of Keras stored: the summary of the data."""
        if len(store.keys()) == 1:
            self.summary = np.asarray(store["0"])

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again, the boundaries found included."""
        names = ("bin_boundaries", "num_bins", "epsilon", "output_mode", "sparse", "name", "dtype")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "Discretization":
        """Make a layer from what `get_config` returned; `custom_objects` is kept for compatibility."""
        config = dict(config)
        found = config.pop("bin_boundaries") if config.get("num_bins") is not None else None
        layer: Discretization = super().from_config(config)
        if found is not None:
            layer.bin_boundaries = _checked_boundaries(layer, found)
        return layer


def _checked_boundaries(layer: Any, boundaries: Any) -> list:
    array = np.asarray(boundaries)
    if array.ndim != 1 or array.dtype.kind not in "iuf" or (array[1:] < array[:-1]).any():
        raise complaint(layer, "bin_boundaries", boundaries, "numbers in ascending order")
    return array.tolist()


def _summary(values: np.ndarray, epsilon: float) -> np.ndarray:
    """Return numbers that stand for the data, and how many each stands for, as two rows."""
    values = np.sort(values.reshape(-1))
    step = max(values.size / (1.0 / epsilon), 1)
    chosen = values[int(step - 1) :: int(step)]
    return np.stack([chosen, np.full_like(chosen, step)])


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """Return a summary of about `1 / epsilon` numbers, interpolated between those of a sorted summary."""
    if summary.shape[1] * epsilon < 1:
        return summary
    totals = summary[1].cumsum()
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    values = np.interp(shares, totals / totals[-1], summary[0])
    weights = np.diff(np.interp(shares, totals / totals[-1], totals), prepend=0)
    return np.stack([values, weights]).astype("float32")
