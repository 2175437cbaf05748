"""The base class of initializers."""

from collections.abc import Sequence

import jax


class Initializer:
    """Base of initializers: a function from shape and dtype to the first values of a weight.

    Subclasses override `__call__` and, where they take arguments, `get_config`. Any function `(shape, dtype)` can
    serve as an initializer too; a class is needed where models are saved.

    Example:
        >>> class Halves(Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return ops.full(shape, 0.5, dtype)
    """

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> jax.Array:
        """Return values of `shape` and `dtype`, by default `floatx()`."""
        raise NotImplementedError(f"{type(self).__name__} must implement `__call__(self, shape, dtype=None)`.")

    def get_config(self) -> dict:
        """Return the arguments that make the same initializer again."""
        return {}

    @classmethod
    def from_config(cls, config: dict) -> "Initializer":
        """Make an initializer from what `get_config` returned."""
        return cls(**config)

    def clone(self) -> "Initializer":
        """Return a new initializer made from this one's config; without a seed it makes other values."""
        return type(self).from_config(self.get_config())
