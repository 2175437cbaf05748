"""Which variables, layers, metrics and random generators an object owns: found by looking at its attributes."""

import operator
from collections.abc import Iterable, Iterator
from typing import Any

from kerasish.core.random import SeedGenerator
from kerasish.core.variable import Variable


def children(owner: Any, kinds: type | tuple[type, ...]) -> list:
    """Return the objects of some types among an object's attributes, also inside lists, tuples, dicts and sets.

    Args:
        owner: object whose attributes are looked at, apart from those it names in `_untracked`.
        kinds: types to find.

    Returns:
        The objects, each once, in the order in which they came to the owner: that of the attributes' first assignment,
        or, where a list or dict was filled later, that in which its layers were made.
    """
    untracked = owner._untracked
    found: dict[int, tuple[int, Any]] = {}
    latest = 0  # serial number of the newest layer assigned so far
    for name, value in vars(owner).items():
        if name in untracked:
            continue
        for item in _search(value, kinds):
            came = max(latest, getattr(item, "_serial", 0))
            found.setdefault(id(item), (came, item))
            if item is value:
                latest = came
    return [item for _, item in sorted(found.values(), key=operator.itemgetter(0))]


def _search(value: Any, kinds: type | tuple[type, ...]) -> Iterator[Any]:
    if isinstance(value, kinds):
        yield value
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _search(item, kinds)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _search(item, kinds)


def unique(items: Iterable[Any]) -> list:
    """Return the items without repetition, by identity, in order."""
    return list({id(item): item for item in items}.values())


def own_variables(owner: Any) -> list[Variable]:
    """Return the variables an object holds itself, those made trainable first, as Keras orders them in files."""
    variables = children(owner, Variable)
    return sorted(variables, key=lambda variable: not variable.made_trainable)


def own_seed_generators(owner: Any) -> list[SeedGenerator]:
    """Return the random generators an object holds itself."""
    return children(owner, SeedGenerator)
