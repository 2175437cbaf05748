"""Keras masks of tensors: an attribute where the tensor can carry one, a side table for tracers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax


class _Table(threading.local):
    # id(tensor) -> (tensor, mask): the tensor is held so that its id stays its own while the table is open.
    entries: dict[int, tuple[Any, Any]] | None = None


_table = _Table()


def open_frame() -> bool:
    """Start keeping the masks of tracers; return False where they are being kept already."""
    if _table.entries is not None:
        return False
    _table.entries = {}
    return True


def close_frame() -> None:
    """Forget the masks of tracers."""
    _table.entries = None


@contextmanager
def mask_frame() -> Iterator[None]:
    """Keep the masks of tracers until the outermost such block ends."""
    opened = open_frame()
    try:
        yield
    finally:
        if opened:
            close_frame()


def get_mask(x: Any) -> Any:
    """Return the mask of tensor `x` (boolean, True where a step counts), or None."""
    entries = _table.entries
    if entries:
        entry = entries.get(id(x))
        if entry is not None:
            return entry[1]
    return getattr(x, "_keras_mask", None)


def set_mask(x: Any, mask: Any) -> None:
    """Give tensor `x` a mask; None takes it away."""
    entries = _table.entries
    if entries is not None:
        if mask is not None and (isinstance(x, jax.core.Tracer) or isinstance(mask, jax.core.Tracer)):
            entries[id(x)] = (x, mask)
            return
        entries.pop(id(x), None)
    try:
        x._keras_mask = mask
    except AttributeError:
        # Tracers and NumPy arrays take no attributes; outside a frame nobody could read the mask anyway.
        if entries is not None and mask is not None:
            entries[id(x)] = (x, mask)
