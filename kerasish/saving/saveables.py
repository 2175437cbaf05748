"""Which objects of a model have state in files, and under which names: Keras's walk over attributes and containers."""

import functools
import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from kerasish.core.naming import to_snake_case
from kerasish.core.symbolic import Operation
from kerasish.layers import Layer
from kerasish.losses import Loss
from kerasish.metrics import Metric
from kerasish.models import Model, Sequential
from kerasish.optimizers import Optimizer

# Objects that are found and looked into. Those with `save_own_variables` also have state of their own.
_KINDS = (Operation, Optimizer, Metric, Loss)
# Attributes of every model that are state nevertheless.
_MODEL_STATE = {"layers", "loss", "optimizer"}


def walk(root: Any, objects_to_skip: Iterable[Any] | None = None) -> Iterator[tuple[str, Any]]:
    """Yield the objects whose state a file holds, each once, with the path that Keras gives it.

    Args:
        root: a model, layer or optimizer; its own path is the empty string.
        objects_to_skip: objects to leave out, with what only they hold.

    Yields:
        `(path, object)` such as `("layers/dense_1", <Dense>)`, parents first.
    """
    visited = {id(item) for item in objects_to_skip or ()}
    stack: list[tuple[str, Any]] = [("", root)]
    while stack:
        path, item = stack.pop()
        if id(item) in visited:
            continue
        visited.add(id(item))
        if has_state(item):
            yield path, item
        stack.extend(reversed([(join(path, name), child) for name, child in named_children(item)]))


def has_state(item: Any) -> bool:
    """Return whether an object can have variables of its own in a file."""
    return hasattr(item, "save_own_variables")


def join(path: str, name: str) -> str:
    """Return `path/name`, or `name` under the root."""
    return f"{path}/{name}" if path else name


def named_children(item: Any) -> Iterator[tuple[str, Any]]:
    """Yield the objects in the attributes of `item`, also inside lists, tuples and dicts, with their names in files.

    Attributes are visited by name, private ones last; a functional or Sequential model shows its `layers` first. An
    object in a container is named after its class and its place among those of the class: `blocks/dense_1`. An object
    comes up as often as it is referred to.
    """
    names = sorted(_attribute_names(item), key=lambda name: f"~{name}" if name.startswith("_") else name)
    if _shows_layers_first(item):
        names = ["layers", *(name for name in names if name != "layers")]
    for name in names:
        try:
            value = getattr(item, name)
        except Exception:
            continue  # a property that cannot be computed now holds no state
        if isinstance(value, _KINDS):
            yield name, value
        elif isinstance(value, (list, tuple, dict)):
            yield from _in_container(value, name, set())


def _in_container(container: Any, path: str, visited: set[int]) -> Iterator[tuple[str, Any]]:
    if id(container) in visited:
        return
    visited.add(id(container))
    used: dict[str, int] = {}

    def numbered(name: str) -> str:
        used[name] = used.get(name, -1) + 1
        return f"{path}/{name}_{used[name]}" if used[name] else f"{path}/{name}"

    for item in container.values() if isinstance(container, dict) else container:
        if isinstance(item, _KINDS):
            yield numbered(to_snake_case(_class_name(item))), item
        elif isinstance(item, (list, tuple, dict)):
            yield from _in_container(item, numbered("container"), visited)


def _class_name(item: Any) -> str:
    """Return the name of the class that the object has in Keras."""
    return "Functional" if type(item) is Model and item._graph is not None else type(item).__name__


def _shows_layers_first(item: Any) -> bool:
    return isinstance(item, Sequential) or (isinstance(item, Model) and item._graph is not None)


def _attribute_names(item: Any) -> set[str]:
    """Return the names of the attributes that may hold state: not those that every object of its kind has."""
    own = {name for name in vars(item) if not name.startswith("__")}
    return (own | _class_attributes(type(item))) - _common_names(_base(item))


@functools.cache
def _class_attributes(cls: type) -> frozenset[str]:
    """Return the names of properties and values, not methods, that a class defines or inherits."""

    def holds_value(name: str) -> bool:
        value = inspect.getattr_static(cls, name)
        return not (inspect.isroutine(value) or isinstance(value, (staticmethod, classmethod, type)))

    return frozenset(name for name in dir(cls) if not name.startswith("__") and holds_value(name))


def _base(item: Any) -> type:
    return next(
        (base for base in (Sequential, Model, Layer, Optimizer, Metric, Loss) if isinstance(item, base)), Operation
    )


@functools.cache
def _common_names(base: type) -> frozenset[str]:
    names = set(dir(base))
    if issubclass(base, Operation):
        names |= set(vars(base(name="blank")))
    return frozenset(names - _MODEL_STATE if issubclass(base, Model) else names)
