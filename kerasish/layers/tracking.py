"""Which variables, layers, metrics and random generators an object owns: found by looking at its attributes."""

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
        The objects in the order of the attributes' first assignment, each once.
    """
    untracked = owner._untracked
    found = {}
    for name, value in vars(owner).items():
        if name not in untracked:
            for item in _search(value, kinds):
                found[id(item)] = item
    return list(found.values())


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
