"""Nested structures of lists, tuples, dicts and their kin: flatten, map, pack; None counts as a leaf."""

import collections
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

_CONTAINERS = (list, tuple, dict, collections.deque)


class MAP_TO_NONE:
    """Returned by a function given to `traverse` to put None in the place of a sub-structure."""


def is_nested(structure: object) -> bool:
    """Return whether `structure` is a list, tuple, namedtuple, dict or deque."""
    return isinstance(structure, _CONTAINERS)


def _items(structure: Any) -> list[tuple[Any, Any]]:
    """Return the (key, child) pairs of one level: dicts by sorted key, an OrderedDict in its own order."""
    if isinstance(structure, dict):
        if isinstance(structure, collections.OrderedDict):
            return list(structure.items())
        return [(key, structure[key]) for key in sorted(structure)]
    return list(enumerate(structure))


def _rebuild(structure: Any, children: Mapping[Any, Any]) -> Any:
    """Return a container like `structure` with the children given by key."""
    if isinstance(structure, dict):
        pairs = [(key, children[key]) for key in structure]
        if isinstance(structure, collections.defaultdict):
            return collections.defaultdict(structure.default_factory, pairs)
        return type(structure)(pairs) if type(structure) in (dict, collections.OrderedDict) else dict(pairs)
    values = [children[index] for index in range(len(structure))]
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*values)
    if isinstance(structure, collections.deque):
        return collections.deque(values, structure.maxlen)
    return tuple(values) if isinstance(structure, tuple) else values


def _leaves(structure: Any) -> Iterator[Any]:
    if isinstance(structure, _CONTAINERS):
        for _, child in _items(structure):
            yield from _leaves(child)
    else:
        yield structure


def flatten(structure: Any) -> list:
    """Return the leaves of `structure` in order (dicts sorted by key).

    Example:
        >>> flatten([(1, 2), {"b": 4, "a": 3}])
        [1, 2, 3, 4]
    """
    return list(_leaves(structure))


def flatten_with_path(structure: Any) -> list[tuple[tuple, Any]]:
    """Return `(path, leaf)` pairs, a path being the tuple of keys and indices that leads to the leaf."""
    if not is_nested(structure):
        return [((), structure)]
    return [((key, *path), leaf) for key, child in _items(structure) for path, leaf in flatten_with_path(child)]


def map_structure(func: Callable, *structures: Any, none_is_leaf: bool = True) -> Any:
    """Apply `func` to the matching leaves of one or more structures and return the results in the same structure.

    Args:
        func: called with one leaf from each structure.
        *structures: structures nested in the same way.
        none_is_leaf: with False, None stays None and `func` does not see it.

    Raises:
        TypeError: if `func` is not callable or no structure is given.
        ValueError: if the structures differ.
    """
    if not callable(func):
        raise TypeError(f"map_structure: `func` must be callable, received {func!r}.")
    if not structures:
        raise TypeError("map_structure: at least one structure is needed.")
    for other in structures[1:]:
        assert_same_structure(structures[0], other)
    return _map(func, structures, none_is_leaf)


def _map(func: Callable, structures: tuple, none_is_leaf: bool) -> Any:
    first = structures[0]
    if not isinstance(first, _CONTAINERS):
        if not none_is_leaf and all(leaf is None for leaf in structures):
            return None
        return func(*structures)
    keys = [key for key, _ in _items(first)]
    return _rebuild(first, {key: _map(func, tuple(s[key] for s in structures), none_is_leaf) for key in keys})


def map_structure_up_to(shallow_structure: Any, func: Callable, *structures: Any) -> Any:
    """Apply `func` at the leaves of `shallow_structure`; what is nested deeper in `structures` is handed over whole.

    Raises:
        TypeError: if `func` is not callable.
        ValueError: if no structure is given, or one is shallower than, or differs from, `shallow_structure`.
    """
    if not callable(func):
        raise TypeError(f"map_structure_up_to: `func` must be callable, received {func!r}.")
    if not structures:
        raise ValueError("map_structure_up_to: at least one structure is needed.")
    if not isinstance(shallow_structure, _CONTAINERS):
        return func(*structures)
    keys = [key for key, _ in _items(shallow_structure)]
    for structure in structures:
        if not isinstance(structure, _CONTAINERS) or [key for key, _ in _items(structure)] != keys:
            raise ValueError(f"Structures do not match: expected the layout {shallow_structure!r}, got {structure!r}.")
    children = {
        key: map_structure_up_to(shallow_structure[key], func, *(structure[key] for structure in structures))
        for key in keys
    }
    return _rebuild(shallow_structure, children)


def traverse(func: Callable, structure: Any, top_down: bool = True) -> Any:
    """Visit every sub-structure and leaf, replacing those for which `func` returns something other than None.

    Args:
        func: called with each sub-structure; None leaves it as it is, `MAP_TO_NONE` puts None in its place.
        structure: what to visit.
        top_down: visit a parent before its children, which are not visited once the parent is replaced.

    Returns:
        The structure with replacements.
    """
    if not callable(func):
        raise TypeError(f"traverse: `func` must be callable, received {func!r}.")

    def replaced(result: Any) -> Any:
        return None if result is MAP_TO_NONE or isinstance(result, MAP_TO_NONE) else result

    if top_down:
        result = func(structure)
        if result is not None:
            return replaced(result)
    if is_nested(structure):
        children = {key: traverse(func, child, top_down) for key, child in _items(structure)}
        structure = _rebuild(structure, children)
    if not top_down:
        result = func(structure)
        if result is not None:
            return replaced(result)
    return structure


def _family(structure: Any) -> object:
    if isinstance(structure, dict):
        return dict
    return type(structure)


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Raise ValueError unless `a` and `b` are nested in the same way, with the same container types and keys.

    Args:
        a: a structure.
        b: a structure.
        check_types: no effect; kept for old calls.
    """
    if is_nested(a) != is_nested(b):
        raise ValueError(f"The two structures don't have the same nested structure: {a!r} and {b!r}.")
    if not is_nested(a):
        return
    keys_a, keys_b = [key for key, _ in _items(a)], [key for key, _ in _items(b)]
    if isinstance(a, dict) and isinstance(b, dict):
        keys_a, keys_b = sorted(keys_a), sorted(keys_b)
    if _family(a) is not _family(b) or keys_a != keys_b:
        raise ValueError(f"The two structures don't have the same nested structure: {a!r} and {b!r}.")
    for key in keys_a:
        assert_same_structure(a[key], b[key])


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise ValueError unless the leaves of `a` and `b` lie at the same paths, whatever the container types."""
    paths_a = {path for path, _ in flatten_with_path(a)}
    paths_b = {path for path, _ in flatten_with_path(b)}
    if paths_a != paths_b:
        raise ValueError(
            "The two structures don't have the same paths. Only in the first: "
            f"{sorted(map(str, paths_a - paths_b))}; only in the second: {sorted(map(str, paths_b - paths_a))}."
        )


def pack_sequence_as(structure: Any, flat_sequence: Iterable) -> Any:
    """Return the items of `flat_sequence` in the layout of `structure`; the reverse of `flatten`.

    Raises:
        TypeError: if `flat_sequence` is not iterable.
        ValueError: if it has too few or too many items.
    """
    if not isinstance(flat_sequence, Iterable):
        raise TypeError(f"pack_sequence_as: `flat_sequence` must be iterable, received {flat_sequence!r}.")
    items = list(flat_sequence)
    needed = sum(1 for _ in _leaves(structure))
    if len(items) != needed:
        raise ValueError(f"pack_sequence_as: the structure has {needed} leaves, received {len(items)} items.")
    supply = iter(items)

    def fill(part: Any) -> Any:
        if not is_nested(part):
            return next(supply)
        return _rebuild(part, {key: fill(child) for key, child in _items(part)})

    return fill(structure)


def lists_to_tuples(structure: Any) -> Any:
    """Return `structure` with every list in it turned into a tuple."""
    return traverse(lambda part: tuple(part) if isinstance(part, list) else None, structure, top_down=False)


def _is_shape(structure: Any) -> bool:
    return isinstance(structure, (tuple, list)) and all(item is None or isinstance(item, int) for item in structure)


def map_shape_structure(func: Callable, structure: Any) -> Any:
    """Apply `func` to every shape (a tuple or list of integers and None) in `structure`."""
    if not callable(func):
        raise TypeError(f"map_shape_structure: `func` must be callable, received {func!r}.")
    if _is_shape(structure):
        return func(tuple(structure))
    if not is_nested(structure):
        raise ValueError(f"map_shape_structure: expected nested shapes, received {structure!r}.")
    return _rebuild(structure, {key: map_shape_structure(func, child) for key, child in _items(structure)})
