"""Putting variables from a file into objects: first everything is compared, then read, then assigned, or nothing is."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from kerasish.core.variable import Scope
from kerasish.layers import Discretization, Layer
from kerasish.layers.host import HostLayer
from kerasish.layers.tracking import own_variables
from kerasish.optimizers import Optimizer
from kerasish.saving.hdf5 import Header, VariablesReader
from kerasish.saving.saveables import has_state, join, named_children

# Parts of a path that hold the state of training, which a file may have although the model does not, or not yet.
_TRAINING_STATE = frozenset(
    "optimizer metrics _metrics _loss_tracker _compile_metrics compile_metrics seed_generator".split()
)
# Keras before 3.0 named the layers of a model so.
_OLD_LAYERS = "_layer_checkpoint_dependencies"
_ROWS_SHOWN = 40
_MOST_VISITS = 200_000


class _Expected(NamedTuple):
    """What an object stores under one key."""

    shape: tuple[int, ...]
    dtype: np.dtype
    label: str


class _Row(NamedTuple):
    """One line of the table of what does not fit."""

    kind: str
    path: str
    details: str


class _Group(Mapping):
    """The arrays of one object in a file, read when asked for."""

    def __init__(self, reader: VariablesReader, paths: dict[str, str], checked: bool) -> None:
        self._reader = reader
        self._paths = paths
        self._checked = checked

    def __getitem__(self, key: str) -> np.ndarray:
        path = self._paths[key]
        if not self._checked and not self._reader.is_bounded(path):
            raise ValueError(f"{path!r} declares {self._reader.headers[path]}, far more than it takes in the file.")
        return self._reader.read(path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


class _Plan:
    """Finds for each object the group in the file that fits it, looking at headers only.

    An object that is referred to by several attributes is looked for under each, as in Keras: other versions may have
    stored it under another name.
    """

    def __init__(self, reader: VariablesReader, objects_to_skip: Iterable[Any] | None) -> None:
        self.groups: dict[str, dict[str, str]] = {}
        for path in reader.headers:
            owner, _, key = path.rpartition("/")
            if owner == "vars" or owner.endswith("/vars"):
                self.groups.setdefault(owner[:-4].rstrip("/"), {})[key] = path
        self._headers = reader.headers
        self._is_old = any(path.startswith(f"{_OLD_LAYERS}/") for path in self.groups)
        self.found: dict[int, tuple[Any, str]] = {}
        self.problems: dict[int, tuple[Any, str, list[_Row]]] = {}
        self.skipped_optimizers: list[tuple[Any, int]] = []
        self._to_skip = {id(item) for item in objects_to_skip or ()}
        self._skipped_paths: set[str] = set()
        self._done: set[int] = set()
        self._visits = 0

    def group(self, path: str) -> dict[str, str]:
        """Return the datasets of the object at `path`, by key."""
        if path not in self.groups and self._is_old:
            path = path.replace("layers", _OLD_LAYERS)
        return self.groups.get(path, {})

    def visit(self, item: Any, path: str, above: frozenset[int] = frozenset()) -> bool:
        """Look for the object at `path` and for what it holds below; return whether all of it was found."""
        self._visits += 1
        if id(item) in self._to_skip:
            self._skipped_paths.add(path)
            return True
        if id(item) in self._done or id(item) in above or self._visits > _MOST_VISITS:
            return id(item) not in self.problems
        complete = True
        if has_state(item) and id(item) not in self.found:
            rows = self._compare(item, path)
            if not rows:
                self.found[id(item)] = (item, path)
                self.problems.pop(id(item), None)
            else:
                self.problems.setdefault(id(item), (item, path, rows))
                complete = False
        for name, child in named_children(item):
            complete &= self.visit(child, join(path, name), above | {id(item)})
        if complete:
            self._done.add(id(item))
        return complete

    def _compare(self, item: Any, path: str) -> list[_Row]:
        group = self.group(path)
        if isinstance(item, Optimizer):
            if len(group) != len(item.variables):
                if group:
                    self.skipped_optimizers.append((item, len(group)))
                return []
        expected = expected_values(item)
        if expected is None:
            return []  # a class with its own `load_own_variables` says itself what fits
        rows = []
        for key, want in expected.items():
            if key not in group:
                rows.append(
                    _Row("missing", join(path, f"vars/{key}"), f"model {want.shape} {want.dtype}  {want.label}")
                )
                continue
            header = self._headers[group[key]]
            if header.shape != want.shape or not _can_hold(want.dtype, header):
                kind = "reshaped" if header.shape != want.shape else "retyped"
                rows.append(_Row(kind, group[key], f"file {header}, model {want.shape} {want.dtype}  {want.label}"))
        surplus = [
            _Row("unexpected", group[key], f"file {self._headers[group[key]]}") for key in group if key not in expected
        ]
        return rows + surplus

    def unexpected(self) -> list[_Row]:
        """Return a row for each dataset that belongs to no object, apart from the state of training."""
        used = {id(group) for _, path in self.found.values() if (group := self.group(path))}
        used |= {id(group) for _, path, _ in self.problems.values() if (group := self.group(path))}
        return [
            _Row("unexpected", dataset, f"file {self._headers[dataset]}")
            for path, group in self.groups.items()
            if id(group) not in used and not _TRAINING_STATE & set(path.split("/"))
            if not any(path == skipped or path.startswith(f"{skipped}/") for skipped in self._skipped_paths)
            for dataset in group.values()
        ]


def _can_hold(dtype: np.dtype, header: Header) -> bool:
    """Return whether values of a dataset keep their meaning in a variable: numbers with a fraction need a float."""
    fractional = header.dtype.kind in "fc" or header.dtype == jnp.bfloat16
    return not (fractional and dtype.kind in "iub") and not (header.dtype.kind == "c" and dtype.kind != "c")


def expected_values(item: Any) -> dict[str, _Expected] | None:
    """Return what the file must hold for an object, by key; None if its class alone knows.

    Args:
        item: a layer, an optimizer or another object with `load_own_variables`.
    """
    load = type(item).load_own_variables
    if load is Layer.load_own_variables or isinstance(item, Optimizer):
        variables = item.variables if isinstance(item, Optimizer) else own_variables(item)
        return {str(i): _Expected(v.shape, np.dtype(v.dtype), v.path) for i, v in enumerate(variables)}
    # Layers of text and tables have no state before they are adapted, but read it from files then too.
    if not load.__module__.startswith("kerasish.") or isinstance(item, (HostLayer, Discretization)):
        return None
    # Our own classes read what they write.
    store: dict[str, Any] = {}
    item.save_own_variables(store)
    arrays = {key: np.asarray(value) for key, value in store.items()}
    return {key: _Expected(array.shape, array.dtype, item.name) for key, array in arrays.items()}


def load_variables(
    root: Any,
    reader: VariablesReader,
    label: str,
    skip_mismatch: bool = False,
    objects_to_skip: Iterable[Any] | None = None,
) -> None:
    """Assign the state of `root` and of all objects it holds from a file, or leave everything as it is.

    Args:
        root: a model, layer or optimizer.
        reader: the open file.
        label: what messages call the file.
        skip_mismatch: leave out objects that do not fit, with a warning.
        objects_to_skip: objects to leave out, with what only they hold.

    Raises:
        ValueError: with a table of all missing, unexpected and reshaped paths.
    """
    plan = _Plan(reader, objects_to_skip)
    plan.visit(root, "")
    rows = [row for _, _, own_rows in plan.problems.values() for row in own_rows] + plan.unexpected()
    if rows and not skip_mismatch:
        raise ValueError(_report(f"{label} does not fit {_name(root)}; nothing was loaded.", rows, plan, hint=True))
    untouched = [(item, dict(vars(item))) for item, _ in plan.found.values() if expected_values(item) is None]
    # Assigned values stay in the scope until all of them are there.
    try:
        with Scope() as scope:
            for item, path in plan.found.values():
                rows += _load_one(item, path, plan, reader, skip_mismatch)
    except BaseException:
        for item, attributes in untouched:
            vars(item).clear()
            vars(item).update(attributes)
        raise
    for variable, value in scope.updates:
        variable.assign(value)
    if rows:
        message = _report(
            f"{label} does not fit {_name(root)} everywhere; what fits was loaded.", rows, plan, hint=False
        )
        warnings.warn(message, stacklevel=4)
    for optimizer, stored in plan.skipped_optimizers:
        warnings.warn(
            f"{label} holds {stored} variables for optimizer {optimizer.name!r}, which has {len(optimizer.variables)}"
            f"{'' if optimizer.built else ' because it is not built yet'}; the optimizer keeps its state.",
            stacklevel=4,
        )


def _load_one(item: Any, path: str, plan: _Plan, reader: VariablesReader, skip_mismatch: bool) -> list[_Row]:
    """Let one object assign its variables; return what went wrong if that is to be skipped."""
    group = plan.group(path)
    if isinstance(item, Optimizer) and len(group) != len(item.variables):
        return []
    checked = expected_values(item) is not None
    if checked and not group:
        return []
    if checked:
        item.load_own_variables(_Group(reader, group, checked))
        return []
    before = dict(vars(item))
    try:
        with Scope() as own:
            item.load_own_variables(_Group(reader, group, checked))
    except Exception as error:
        if not skip_mismatch:
            error.add_note(f"While loading {_name(item)} from {path or 'the root'!r} of the file; nothing was loaded.")
            raise
        vars(item).clear()
        vars(item).update(before)
        return [_Row("refused", path, f"{type(error).__name__}: {error}")]
    for variable, value in own.updates:
        variable.assign(value)
    return []


def _name(item: Any) -> str:
    kind = "model" if hasattr(item, "layers") else "object"
    return f"{kind} {getattr(item, 'name', type(item).__name__)!r}"


def _report(title: str, rows: list[_Row], plan: _Plan, hint: bool) -> str:
    shown = rows[:_ROWS_SHOWN]
    width = max(len(row.path) for row in shown)
    lines = [title, *(f"  {row.kind:<10}  {row.path:<{width}}  {row.details}" for row in shown)]
    if len(rows) > len(shown):
        lines.append(f"  ... and {len(rows) - len(shown)} more")
    unbuilt = [item.name for item, _ in plan.found.values() if isinstance(item, Layer) and not item.built]
    if unbuilt:
        lines.append(f"These layers are not built and have no variables yet: {', '.join(unbuilt[:10])}.")
    if hint:
        lines.append("Load the file into the model it was made for, or pass `skip_mismatch=True` to load what fits.")
    return "\n".join(lines)
