"""CategoryEncoding: category numbers as one-hot, multi-hot or counted vectors."""

from typing import Any

import jax
import jax.numpy as jnp

from kerasish.layers.arguments import choice, positive_integer
from kerasish.layers.categories import encode
from kerasish.layers.hashing import no_sparse
from kerasish.layers.host import any_symbolic_shallow, as_array
from kerasish.layers.layer import Layer


class CategoryEncoding(Layer):
    """Turns category numbers into vectors.

    Numbers below 0 or from `num_tokens` on become zeros.

    Args:
        num_tokens: number of categories, `0 ... num_tokens - 1`.
        output_mode: `"one_hot"` for a vector for each number (a last axis of size 1 goes away), `"multi_hot"` for a
            vector for each sample that marks what occurs in it, `"count"` for one that counts.
        sparse: must be false.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Raises:
        ValueError: for an unknown mode, or fewer than one category.

    Example:
        >>> CategoryEncoding(num_tokens=4, output_mode="multi_hot")(np.array([[0, 1], [0, 0], [1, 2], [3, 1]]))
        Array([[1., 1., 0., 0.],
               [1., 0., 0., 0.],
               [0., 1., 1., 0.],
               [0., 1., 0., 1.]], dtype=float32)
    """

    def __init__(
        self, num_tokens: int | None = None, output_mode: str = "multi_hot", sparse: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        output_mode = "multi_hot" if output_mode == "binary" else output_mode
        self.output_mode = choice(self, "output_mode", output_mode, ("count", "one_hot", "multi_hot"))
        self.num_tokens = positive_integer(self, "num_tokens", num_tokens)
        self.sparse = no_sparse(self, sparse)
        self._allow_non_tensor_positional_args = True

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """Run the layer; lists are taken as arrays."""
        if isinstance(inputs, (int, list, tuple)) and not any_symbolic_shallow(inputs):
            inputs = as_array(inputs, "CategoryEncoding")
        return super().__call__(inputs, **kwargs)

    def call(self, inputs: jax.Array, count_weights: Any = None) -> jax.Array:
        """Return the vectors.

        Args:
            inputs: integers.
            count_weights: with `"count"`, what each number adds to its count, of the shape of `inputs`.

        Raises:
            ValueError: for weights in another mode.
        """
        if count_weights is not None:
            if self.output_mode != "count":
                raise ValueError(
                    f"CategoryEncoding {self.name!r}: `count_weights` needs output_mode='count', which is "
                    f"{self.output_mode!r}."
                )
            count_weights = jnp.asarray(count_weights, self.compute_dtype)
        numbers = jnp.asarray(inputs)
        if not jnp.issubdtype(numbers.dtype, jnp.integer):
            numbers = numbers.astype("int32")
        return encode(numbers, self.output_mode, self.num_tokens, self.compute_dtype, count_weights)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | {"num_tokens": self.num_tokens, "output_mode": self.output_mode}
