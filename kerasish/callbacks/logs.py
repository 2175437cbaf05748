"""Logs: the metrics handed to callbacks, which stay on the device until somebody reads them."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np


def _to_python(value: Any) -> Any:
    """Return a scalar as a float, anything else as it is."""
    if type(value) is float or isinstance(value, (str, bytes, list, tuple)):
        return value
    if isinstance(value, (int, np.generic)) or (hasattr(value, "dtype") and getattr(value, "ndim", None) == 0):
        try:
            return float(value)
        except (TypeError, ValueError):
            return value
    return value


class Logs(dict):
    """A dict of metric values in alphabetical order, whose scalars become Python floats when they are read.

    Reading means `logs[key]`, `get`, `items`, `values`, `copy`, `pop`, comparing, printing, `dict(logs)` and
    `{**logs}`; `items` and its like fetch everything pending in one transfer. Making it, `len`, `in`, and iterating
    over keys wait for nothing. What is no scalar is handed out as it is.

    Args:
        values: names to 0-d arrays or numbers. A nested dict is flattened into its own names.

    Example:
        >>> Logs({"loss": jax.numpy.float32(0.5)})
        {'loss': 0.5}
    """

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        super().__init__(_sorted_pairs(values) if values else ())

    def _read_all(self) -> None:
        pending = {key: value for key, value in dict.items(self) if type(value) is not float}
        on_device = {key: value for key, value in pending.items() if isinstance(value, jax.Array) and value.ndim == 0}
        for key, value in {**pending, **jax.device_get(on_device)}.items():
            super().__setitem__(key, _to_python(value))

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        if type(value) is float:
            return value
        converted = _to_python(value)
        if converted is not value:
            super().__setitem__(key, converted)
        return converted

    # Overridden so that `dict(logs)` and `{**logs}` go through `__getitem__` rather than copy the raw values.
    def __iter__(self) -> Iterator[str]:
        return super().__iter__()

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default

    def items(self) -> Any:
        self._read_all()
        return super().items()

    def values(self) -> Any:
        self._read_all()
        return super().values()

    def pop(self, key: str, *default: Any) -> Any:
        return _to_python(super().pop(key, *default))

    def popitem(self) -> tuple[str, Any]:
        key, value = super().popitem()
        return key, _to_python(value)

    def setdefault(self, key: str, default: Any = None) -> Any:
        super().setdefault(key, default)
        return self[key]

    def copy(self) -> dict:
        return dict(self.items())

    def __or__(self, other: Any) -> Any:
        return self.copy() | other if isinstance(other, dict) else NotImplemented

    def __ror__(self, other: Any) -> Any:
        return other | self.copy() if isinstance(other, dict) else NotImplemented

    def __eq__(self, other: object) -> bool:
        return self.copy() == (other.copy() if isinstance(other, Logs) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.copy())

    def __copy__(self) -> dict:
        return self.copy()

    def __reduce__(self) -> tuple:
        return dict, (self.copy(),)


def _sorted_pairs(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    # The `items` of a Logs would wait for the device; those of a plain dict do not.
    pairs = sorted(dict.items(values) if isinstance(values, dict) else values.items())
    if not any(isinstance(value, dict) for _, value in pairs):
        return pairs
    parts = (_sorted_pairs(value) if isinstance(value, dict) else [(key, value)] for key, value in pairs)
    return [pair for part in parts for pair in part]


def as_logs(logs: Mapping[str, Any] | None) -> Logs:
    """Return `logs` as Logs: itself if it is one, else a new one; None becomes an empty one."""
    return logs if type(logs) is Logs else Logs(logs)
