"""Layers that compute on the host, with NumPy and plain Python, because strings and exact 64-bit integers need it."""

import itertools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core import tree
from kerasish.core.symbolic import KerasTensor, any_symbolic
from kerasish.layers.call import shape_of
from kerasish.layers.layer import Layer

Shape = tuple[int | None, ...]
_LARGEST_INT32 = np.iinfo("int32").max


class HostLayer(Layer):
    """Base of layers that compute with NumPy on the host.

    A subclass writes `compute(inputs)`, from NumPy arrays to a NumPy array, and `compute_output_spec(inputs)`. Called
    on data of any kind (arrays, lists, strings) the layer returns a JAX array, or a NumPy array of strings. In a model
    made from symbolic tensors it runs before the compiled part. Inside compiled code it works on numbers only, through
    a call back to the host.

    Args:
        **kwargs: `name`, `dtype`, ... of `Layer`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        self.supports_jit = False

    def compute(self, inputs: Any) -> Any:
        """Return the outputs for NumPy inputs; to be overridden."""
        raise NotImplementedError(f"Layer {type(self).__name__} has no `compute()` method; write one.")

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """Run the layer on data, or record the call for symbolic inputs."""
        if not isinstance(inputs, (KerasTensor, jax.Array, np.ndarray)) and not any_symbolic_shallow(inputs):
            inputs = self._arrays(inputs)
        return super().__call__(inputs, **kwargs)

    def _arrays(self, inputs: Any) -> Any:
        """Return data of any kind as an array; a layer of several inputs returns several."""
        return as_array(inputs, type(self).__name__)

    def call(self, inputs: Any) -> Any:
        """Compute the outputs on the host."""
        leaves = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            return self._call_back(inputs)
        return on_device(self.compute(tree.map_structure(np.asarray, inputs)))

    def _call_back(self, inputs: Any) -> jax.Array:
        """Compute the outputs for traced numbers, when the compiled program runs."""
        spec = self.compute_output_spec(tree.map_structure(_as_symbolic, inputs))
        dtype = jax.dtypes.canonicalize_dtype(spec.dtype) if spec.dtype != "string" else None
        if dtype is None:
            raise ValueError(
                f"{type(self).__name__} {self.name!r} returns strings, which compiled code cannot hold. Call the layer "
                "on data, outside of jax.jit and of compiled models."
            )
        result = jax.ShapeDtypeStruct(spec.shape, dtype)

        def on_host(*arrays: Any) -> np.ndarray:
            values = iter(arrays)
            return self.compute(tree.map_structure(lambda _: np.asarray(next(values)), inputs)).astype(dtype)

        return jax.pure_callback(on_host, result, *tree.flatten(inputs), vmap_method="sequential")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs for inputs of this shape (None for unknown sizes)."""
        symbolic = tree.map_shape_structure(lambda shape: KerasTensor(shape, self.compute_dtype), input_shape)
        return shape_of(self.compute_output_spec(symbolic))


def _as_symbolic(x: Any) -> KerasTensor:
    return KerasTensor(x.shape, str(x.dtype))


def any_symbolic_shallow(inputs: Any) -> bool:
    """Return whether inputs are a short list with symbolic tensors; long lists are data and are not looked through."""
    return isinstance(inputs, (list, tuple)) and len(inputs) < 1000 and any_symbolic(inputs)


def on_device(x: Any) -> Any:
    """Return a NumPy array as a JAX array; strings, and integers that JAX would cut off, stay as they are."""
    if not isinstance(x, np.ndarray) or x.dtype.kind in "USO":
        return x
    if x.dtype == np.int64 and not jax.config.jax_enable_x64 and x.size:
        if x.max() > _LARGEST_INT32 or x.min() < -_LARGEST_INT32 - 1:
            return x
    return jnp.asarray(x)


def as_array(data: Any, what: str) -> np.ndarray:
    """Return data of any kind as a NumPy array; strings as an array of Python objects, which takes least memory.

    Args:
        data: a string or number, nested lists of them, an array of NumPy, JAX or TensorFlow, a column of pandas.
        what: what errors call the receiver.

    Raises:
        ValueError: for lists whose rows differ in length.
    """
    if isinstance(data, (np.ndarray, jax.core.Tracer)):
        return data
    if hasattr(data, "__array__"):
        return np.asarray(data)
    first = data
    while isinstance(first, (list, tuple)) and len(first):
        first = first[0]
    if isinstance(first, (list, tuple)):
        return np.zeros(np.shape(data), dtype=object)
    if isinstance(first, (str, bytes)):
        array = np.array(data, dtype=object)
        rows = {type(item) for item in array.flat}
        if rows & {list, tuple}:
            raise ValueError(f"{what}: the rows of the nested list differ in length; pad them.")
        return array
    try:
        return np.asarray(data)
    except ValueError as error:
        raise ValueError(f"{what}: expected an array or equally long lists, received {data!r}.") from error


def as_arrays(structure: Any, what: str) -> Any:
    """Return a nest of arrays with (nested) lists of plain strings or numbers in it turned into arrays."""
    if isinstance(structure, dict):
        return {key: as_arrays(value, what) for key, value in structure.items()}
    if not isinstance(structure, (list, tuple)):
        return as_array(structure, what) if isinstance(structure, (str, bytes)) else structure
    first: Any = structure
    while isinstance(first, (list, tuple)) and len(first):
        first = first[0]
    if isinstance(first, (str, bytes, int, float)):
        return as_array(structure, what)
    return type(structure)(as_arrays(item, what) for item in structure)


def texts(array: np.ndarray, encoding: str, what: str) -> list[str]:
    """Return the strings in an array, of any dtype that can hold them, as a flat list.

    Args:
        array: strings or bytes.
        encoding: of bytes.
        what: what errors call the receiver.

    Raises:
        TypeError: naming the first item that is no string.
    """
    if array.dtype.kind not in "USOT":
        if array.size == 0:
            return []
        raise TypeError(f"{what}: expected strings, received an array of dtype {array.dtype}.")
    flat = array.ravel().tolist()
    if array.dtype.kind in "UT":
        return flat
    kinds = set(map(type, flat))
    if kinds <= {str}:
        return flat
    if not all(issubclass(kind, (str, bytes)) for kind in kinds):
        bad = next(item for item in flat if not isinstance(item, (str, bytes)))
        raise TypeError(f"{what}: expected strings, received {bad!r} of type {type(bad).__name__}.")
    return [item.decode(encoding) if isinstance(item, bytes) else str(item) for item in flat]


def batches(data: Any, steps: int | None, what: str) -> Iterator[np.ndarray]:
    """Yield the data that `adapt` received, in one piece or in batches.

    Args:
        data: an array, a list of samples, or something to iterate over that yields batches (a generator, a dataset, a
            PyDataset); of batches that are tuples, the first item is used.
        steps: number of batches to use, by default all.
        what: what errors call the receiver.

    Raises:
        TypeError: if it is none of these.
    """
    if isinstance(data, (str, bytes, dict)):
        raise TypeError(f"adapt: {what} expected an array, a list or batches of data, received {data!r}.")
    if isinstance(data, (list, tuple)) or hasattr(data, "__array__"):
        array = as_array(data, what)
        yield array[:, None] if array.ndim == 1 else array
        return
    if not hasattr(data, "__iter__") and hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        data = map(data.__getitem__, range(len(data)))
    if not hasattr(data, "__iter__"):
        raise TypeError(f"adapt: {what} expected an array, a list or batches of data, received {type(data).__name__}.")
    for batch in itertools.islice(data, steps):
        yield as_array(batch[0] if isinstance(batch, tuple) and hasattr(batch[0], "__array__") else batch, what)
