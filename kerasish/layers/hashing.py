"""Hashing and HashedCrossing: categories of any kind as numbers of bins, without a vocabulary."""

from typing import Any

import numpy as np

from kerasish.core.config import floatx
from kerasish.core.symbolic import KerasTensor
from kerasish.layers.arguments import choice, complaint, positive_integer
from kerasish.layers.categories import encode_on_host, encoded_shape
from kerasish.layers.fingerprints import combined, farmhash64, siphash64
from kerasish.layers.host import HostLayer, Shape, as_array, texts

_MODES = ("int", "one_hot", "multi_hot", "count")
_CROSSING_KEY = np.uint64(0xDECAFCAFFE)


def checked_salt(layer: Any, salt: Any) -> list[int] | None:
    """Return a salt as a list of two integers, or None.

    Raises:
        ValueError: naming the layer class, if it is neither an integer nor two.
    """
    if salt is None:
        return None
    if isinstance(salt, int):
        return [salt, salt]
    if isinstance(salt, (tuple, list)) and len(salt) == 2 and all(isinstance(part, int) for part in salt):
        return list(salt)
    raise complaint(layer, "salt", salt, "an integer or two integers")


def no_sparse(layer: Any, sparse: Any) -> bool:
    """Refuse `sparse=True`, which layers take only so that configs written by Keras can be read.

    Raises:
        ValueError: if it is true.
    """
    if sparse:
        raise ValueError(f"{type(layer).__name__}: `sparse` must be false: there are no sparse tensors, received True.")
    return False


def bins(strings: list[bytes], count: int, salt: list[int] | None) -> np.ndarray:
    """Return the bins, of `count`, that byte strings fall into: by SipHash under a salt, by FarmHash without."""
    hashes = farmhash64(strings) if salt is None else siphash64(strings, salt)
    return (hashes % np.uint64(count)).astype(np.int64)


def integers_as_bytes(values: np.ndarray) -> list[bytes]:
    """Return integers, or the truth values `true` and `false`, as they are written."""
    if values.dtype.kind == "b":
        return [b"true" if value else b"false" for value in values.ravel().tolist()]
    return [b"%d" % value for value in values.ravel().tolist()]


class Hashing(HostLayer):
    """Puts strings or integers into a fixed number of bins by their hash.

    The same value falls into the same bin everywhere: hashes are FarmHash64 of the value as text, or SipHash-2-4 with
    a salt, as in Keras with TensorFlow.

    Args:
        num_bins: number of bins, that of `mask_value` included.
        mask_value: a value that gets bin 0 for itself.
        salt: one or two integers that change what falls together.
        output_mode: `"int"` for bins, `"one_hot"` for a vector for each value, `"multi_hot"` or `"count"` for a vector
            for each sample.
        sparse: must be false.
        **kwargs: `name`, `dtype`, ... of `Layer`; dtype is int64 for bins, else `floatx`.

    Raises:
        ValueError: for an unknown mode, a dtype that does not fit it, or a salt that is no integers.

    Example:
        >>> Hashing(num_bins=3)(["A", "B", "C", "D", "E"])
        Array([1, 0, 1, 1, 2], dtype=int32)
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        self.output_mode = choice(self, "output_mode", output_mode, _MODES)
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if self.output_mode == "int" else floatx()
        super().__init__(**kwargs)
        self.num_bins = positive_integer(self, "num_bins", num_bins)
        if self.output_mode == "int" and self.dtype not in ("int32", "int64"):
            raise complaint(self, "dtype", self.dtype, "'int32' or 'int64' with output_mode='int'")
        self.mask_value = mask_value
        self.salt = checked_salt(self, salt)
        self.sparse = no_sparse(self, sparse)

    def compute(self, inputs: np.ndarray) -> np.ndarray:
        """Return the bins of the values, encoded."""
        numbers = self._bins(inputs).reshape(inputs.shape)
        return encode_on_host(numbers, self.output_mode, self.num_bins, self.dtype)

    def _bins(self, values: np.ndarray) -> np.ndarray:
        if values.dtype.kind in "iufb":
            flat = values.ravel()
            strings = integers_as_bytes(flat.astype(np.int64) if flat.dtype.kind == "f" else flat)
        else:
            flat = np.array(texts(values, "utf-8", "Hashing"), dtype=object)
            strings = [text.encode() for text in flat]
        if self.mask_value is None or self.num_bins == 1:
            return bins(strings, self.num_bins, self.salt)
        return np.where(flat == self.mask_value, 0, bins(strings, self.num_bins - 1, self.salt) + 1)

    def compute_output_spec(self, inputs: KerasTensor) -> KerasTensor:
        """Return a symbolic tensor like the outputs."""
        return KerasTensor(encoded_shape(inputs.shape, self.output_mode, self.num_bins), self.dtype)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = ("num_bins", "salt", "mask_value", "output_mode", "sparse")
        return super().get_config() | {name: getattr(self, name) for name in names}


class HashedCrossing(HostLayer):
    """Puts combinations of the values of several features into a fixed number of bins by their hash.

    Args:
        num_bins: number of bins.
        output_mode: `"int"` for bins or `"one_hot"` for vectors.
        sparse: must be false.
        name: name of the layer; by default unique.
        dtype: dtype of the outputs; by default int64 for bins, else `floatx`.
        **kwargs: further arguments of `Layer`.

    Example:
        >>> HashedCrossing(num_bins=5)((np.array(["A", "B", "A"]), np.array([101, 101, 102])))
        Array([1, 4, 3], dtype=int32)
    """

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        self.output_mode = choice(self, "output_mode", output_mode, ("int", "one_hot"))
        super().__init__(name=name, dtype="int64" if dtype is None and self.output_mode == "int" else dtype, **kwargs)
        self.num_bins = positive_integer(self, "num_bins", num_bins)
        self.sparse = no_sparse(self, sparse)

    def _arrays(self, inputs: Any) -> Any:
        return [as_array(x, "HashedCrossing") for x in self._several(inputs)]

    def _several(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ValueError(
                f"HashedCrossing {self.name!r}: expected a list of at least two inputs, received {inputs!r}."
            )
        return inputs

    def compute(self, inputs: list[np.ndarray]) -> np.ndarray:
        """Return the bins of the combinations, encoded."""
        self._check([x.shape for x in inputs])
        hashes = np.full(inputs[0].size, _CROSSING_KEY)
        for x in inputs:
            hashes = combined(hashes, self._fingerprints(x))
        numbers = (hashes % np.uint64(self.num_bins)).astype(np.int64).reshape(inputs[0].shape)
        return encode_on_host(numbers, self.output_mode, self.num_bins, self.compute_dtype)

    def _fingerprints(self, x: np.ndarray) -> np.ndarray:
        if x.dtype.kind in "iu":
            return x.ravel().astype(np.int64).view(np.uint64)
        if x.dtype.kind in "fbc":
            raise ValueError(
                f"HashedCrossing {self.name!r}: inputs must be integers or strings, received dtype {x.dtype}."
            )
        return farmhash64([text.encode() for text in texts(x, "utf-8", "HashedCrossing")])

    def _check(self, shapes: list[Shape]) -> None:
        first = shapes[0]
        if len(first) > 2 or (len(first) == 2 and first[-1] != 1) or any(shape != first for shape in shapes):
            raise ValueError(
                f"HashedCrossing {self.name!r}: all inputs must have one shape, (), (batch,) or (batch, 1); received "
                f"shapes {shapes}."
            )

    def compute_output_spec(self, inputs: list[KerasTensor]) -> KerasTensor:
        """Return a symbolic tensor like the outputs."""
        self._check([x.shape for x in self._several(inputs)])
        return KerasTensor(encoded_shape(inputs[0].shape, self.output_mode, self.num_bins), self.dtype)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = ("num_bins", "output_mode", "sparse", "name", "dtype")
        return {name: getattr(self, name) for name in names}
