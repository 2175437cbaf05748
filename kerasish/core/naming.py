"""Names of layers, models and variables: unique automatic names and the scopes that make up variable paths."""

import collections
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_counts: collections.defaultdict[str, int] = collections.defaultdict(int)


class _Scopes(threading.local):
    path: tuple[str, ...] = ()
    owner: object = None  # that of the innermost scope


_scopes = _Scopes()


def to_snake_case(name: str) -> str:
    """Return `name` in snake case, as Keras derives layer names from class names (`Conv2D` -> `conv2d`)."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix: str) -> str:
    """Return a name not given before: `dense`, then `dense_1`, `dense_2`, ..."""
    return unique_name(to_snake_case(prefix))


def unique_name(name: str) -> str:
    """Return `name` itself the first time, then with a running number."""
    count = _counts[name]
    _counts[name] = count + 1
    return f"{name}_{count}" if count else name


def get_uid(prefix: str = "") -> int:
    """Return 1 for the first call with `prefix`, then 2, 3, ..."""
    _counts[prefix] += 1
    return _counts[prefix]


def reset_names() -> None:
    """Forget all automatic names given so far, so that the next `Dense` is called `dense` again."""
    _counts.clear()


def name_counts() -> dict[str, int]:
    """Return how often each automatic name has been given so far."""
    return dict(_counts)


@contextmanager
def name_scope(name: str, owner: object = None) -> Iterator[None]:
    """Put `name` in front of the paths of the variables made inside the block.

    Args:
        name: a name without `/`.
        owner: what the scope belongs to, such as a layer; directly inside a scope of the same owner nothing is added.

    Raises:
        ValueError: if `name` is no string or holds a `/`.

    Example:
        >>> with name_scope("encoder"):
        ...     Variable(0.0, name="scale").path
        'encoder/scale'
    """
    if not isinstance(name, str) or "/" in name:
        raise ValueError(f"name_scope: `name` must be a string without '/', received name={name!r}.")
    before = _scopes.path, _scopes.owner
    if owner is None or owner is not _scopes.owner:
        _scopes.path, _scopes.owner = (*_scopes.path, name), owner
    try:
        yield
    finally:
        _scopes.path, _scopes.owner = before


def current_path() -> str:
    """Return the names of the open scopes joined by `/`; empty outside any scope."""
    return "/".join(_scopes.path)
