"""InputLayer, and Input, which gives the symbolic tensors that functional models start from."""

import warnings
from typing import Any

from kerasish.core.dtypes import standardize_dtype
from kerasish.core.symbolic import KerasTensor, Node
from kerasish.core.variable import standardize_shape
from kerasish.layers import arguments
from kerasish.layers.layer import Layer

Shape = tuple[int | None, ...]


class InputLayer(Layer):
    """The start of a functional model: it holds a symbolic tensor and computes nothing.

    Args:
        shape: shape of one sample, None for unknown sizes.
        batch_size: size of the batch axis; by default unknown.
        dtype: dtype of the input, by default `floatx`.
        sparse: kept for compatibility; inputs are always dense.
        ragged: must be false.
        batch_shape: shape with the batch axis, in place of `shape` and `batch_size`.
        input_tensor: an existing KerasTensor to start from, in place of all of the above.
        optional: whether the input may be None.
        name: name of the layer; by default unique.
        **kwargs: `input_shape` and `batch_input_shape`, former names of `shape` and `batch_shape`.

    Raises:
        ValueError: if the arguments contradict each other or no shape is given.
    """

    def __init__(
        self,
        shape: Shape | None = None,
        batch_size: int | None = None,
        dtype: str | None = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Shape | None = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name)
        if "input_shape" in kwargs:
            warnings.warn("InputLayer: `input_shape` is deprecated; write `shape`.", stacklevel=2)
            shape = kwargs.pop("input_shape")
        batch_shape = kwargs.pop("batch_input_shape", batch_shape)
        if kwargs:
            raise ValueError(f"InputLayer: unknown arguments {sorted(kwargs)}.")
        if ragged:
            raise ValueError("InputLayer: `ragged` must be false: JAX has no ragged tensors. Pad the data instead.")
        if input_tensor is not None:
            _check_agrees(input_tensor, shape, batch_size, dtype, sparse, batch_shape)
            batch_shape, dtype, sparse = input_tensor.shape, input_tensor.dtype, input_tensor.sparse
        else:
            batch_shape = _batch_shape(shape, batch_size, batch_shape)
            with arguments.naming(self, "dtype"):
                dtype = standardize_dtype(dtype)
            input_tensor = KerasTensor(batch_shape, dtype, sparse=bool(sparse), name=name)
        self._batch_shape = input_tensor.shape
        self._dtype = standardize_dtype(dtype)
        self.sparse = bool(sparse)
        self.ragged = False
        self.optional = optional
        self._input_tensor = input_tensor
        Node(self, (), {}, input_tensor)
        self.built = True

    def call(self) -> None:
        """Return nothing: the values of inputs come from outside."""

    @property
    def batch_shape(self) -> Shape:
        """The shape of the input, batch axis included."""
        return self._batch_shape

    @property
    def dtype(self) -> str:
        """The dtype of the input."""
        return self._dtype

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = ("batch_shape", "dtype", "sparse", "ragged", "name", "optional")
        return {name: getattr(self, name) for name in names}


def _batch_shape(shape: Any, batch_size: int | None, batch_shape: Any) -> Shape:
    """Return the full shape of an input.

    Raises:
        ValueError: if it is given twice or not at all, or is no shape.
    """
    for name, given in (("shape", shape), ("batch_size", batch_size)):
        if batch_shape is not None and given is not None:
            raise ValueError(f"Input: pass either `{name}` or `batch_shape`, not both.")
    if shape is None and batch_shape is None:
        raise ValueError("Input: `shape` is missing; pass the shape of one sample, such as `shape=(28, 28)`.")
    if batch_shape is not None:
        return standardize_shape(batch_shape)
    return standardize_shape((batch_size, *standardize_shape(shape)))


def _check_agrees(
    tensor: Any, shape: Any, batch_size: int | None, dtype: Any, sparse: bool | None, batch_shape: Any
) -> None:
    """Compare what is given next to `input_tensor` with the tensor.

    Raises:
        ValueError: naming the argument that contradicts it.
    """
    if not isinstance(tensor, KerasTensor):
        raise ValueError(f"InputLayer: `input_tensor` must be a KerasTensor, received {tensor!r} ({type(tensor)}).")
    checks = {
        "batch_size": (batch_size, tensor.shape[0] if tensor.shape else None),
        "shape": (None if shape is None else tuple(shape), tensor.shape[1:]),
        "batch_shape": (None if batch_shape is None else tuple(batch_shape), tensor.shape),
        "dtype": (dtype, tensor.dtype),
        "sparse": (sparse, tensor.sparse),
    }
    for name, (given, actual) in checks.items():
        if given is not None and given != actual:
            raise ValueError(f"InputLayer: `{name}`={given!r} contradicts `input_tensor`, whose {name} is {actual!r}.")


def Input(
    shape: Shape | None = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Shape | None = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """Return a symbolic tensor, the start of a functional model.

    Args:
        shape: shape of one sample, None for unknown sizes.
        batch_size: size of the batch axis; by default unknown.
        dtype: dtype of the input, by default `floatx`.
        sparse: kept for compatibility; inputs are always dense.
        ragged: must be false.
        batch_shape: shape with the batch axis, in place of `shape` and `batch_size`.
        name: name of the input layer; by default unique.
        tensor: an existing KerasTensor to use as input, in place of all of the above.
        optional: whether the input may be None.

    Raises:
        ValueError: if the arguments contradict each other or no shape is given.

    Example:
        >>> x = Input(shape=(32,))
        >>> model = Model(x, Dense(16, activation="softmax")(x))
    """
    layer = InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name)
    return layer.output
