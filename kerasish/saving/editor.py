"""KerasFileEditor: looks at the weights in a file, changes their structure and writes them to another file."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from kerasish.core.variable import Variable
from kerasish.saving import limits
from kerasish.saving.archive import CONFIG
from kerasish.saving.config import parse_config
from kerasish.saving.durable import replacing
from kerasish.saving.hdf5 import VariablesWriter
from kerasish.saving.shards import groups_of
from kerasish.saving.tools import opened_file, read_groups

# An object in a file: arrays by key, and the objects it holds by name.
Tree = dict[str, Any]


class KerasFileEditor:
    """Shows the weights in a file, compares them with a model, changes their structure and saves them.

    This adapts a file of weights to a model that was changed since. The file itself is never changed. Nothing in it is
    run or opened, and it is held to the limits that hold for loading.

    Args:
        filepath: path of a `.keras` or `.weights.h5` file.

    Attributes:
        weights_dict: a dict for each object, with its arrays by key and the objects inside it by name.
        config: configuration of the model; None for weights alone.
        metadata: version and date the model was saved with; None for weights alone.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the path has another ending, or the file is damaged or refused.

    Example:
        >>> editor = KerasFileEditor("model.weights.h5")
        >>> editor.summary()
        >>> editor.rename_object("layers/dense_2", "dense_3")
        >>> editor.add_object("layers/einsum_dense", {"0": np.zeros((3, 4)), "1": np.zeros(4)})
        >>> editor.resave_weights("edited.weights.h5")
    """

    def __init__(self, filepath: str | os.PathLike) -> None:
        self.filepath = os.fspath(filepath)
        if not self.filepath.endswith((".keras", ".weights.h5")):
            raise ValueError(
                f"KerasFileEditor: `filepath` must end in '.keras' or '.weights.h5', received {self.filepath!r}."
            )
        self.metadata: dict | None = None
        self.config: Any = None
        self.weights_dict: Tree = {}
        # Each with the object itself, so that no other gets its id.
        self._names: dict[int, tuple[Tree, str]] = {}
        with opened_file(self.filepath) as opened:
            if opened.archive is not None:
                self.metadata = opened.archive.metadata()
                self.config = parse_config(opened.archive.read(CONFIG, limits.CONFIG_BYTES), CONFIG)
            for path, name, values in sorted(read_groups(opened.reader), key=lambda group: group[0]):
                self._put(path, name, values)
        print(f"Keras model file {self.filepath!r}")
        if self.metadata:
            date = self.metadata.get("date_saved")
            print(f"Saved with Keras {self.metadata.get('keras_version')}, date: {date}")

    def _put(self, path: str, name: str | None, values: Tree) -> None:
        """Enter the arrays of one object at its path."""
        place = self.weights_dict
        for part in path.split("/") if path else ():
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise ValueError(f"KerasFileEditor: {self.filepath!r} has both a weight and an object at {path!r}.")
        place.update({key: values[key] for key in sorted(values)})
        if name is not None:
            self._names[id(place)] = place, name

    def _name(self, tree: Tree) -> str | None:
        """Return the name that the file gives an object."""
        return self._names.get(id(tree), (tree, None))[1]

    def summary(self) -> None:
        """Print objects, weights, shapes and dtypes as a tree."""
        print("Weights structure")
        for line in self._lines(self.weights_dict, "  "):
            print(line)

    def _lines(self, tree: Tree, prefix: str) -> Iterator[str]:
        last = next(reversed(tree), None)
        for key, value in tree.items():
            line = f"{prefix}{'└─' if key == last else '├─'} {key}"
            if isinstance(value, dict):
                name = self._name(value) or key
                yield line if name == key else f"{line} ({name!r})"
                yield from self._lines(value, f"{prefix}{'   ' if key == last else '│  '}")
            else:
                yield f"{line}: shape={value.shape}, dtype={value.dtype}"

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Print where file and model differ.

        Args:
            reference_model: a built model.

        Returns:
            `"status"`, which is `"success"` or `"error"`, `"error_count"`, the number of differences (an object that
            only one of the two has counts once), and `"match_count"`, the number of weights that fit. Keras counts
            those of nested objects several times.
        """
        wanted: Tree = {}
        for path, _, values in groups_of(reference_model):
            if not values:
                continue
            place = wanted
            for part in path.split("/") if path else ():
                place = place.setdefault(part, {})
            place.update(values)
        differences, matches = _compare(self.weights_dict, wanted, "")
        print(f"Comparison of {self.filepath!r} with {reference_model.name!r}")
        for line in differences:
            print(f"  {line}")
        verdict = "does not fit" if differences else "fits"
        print(f"The file {verdict} the model: {len(differences)} differences, {matches} matching weights.")
        status = "error" if differences else "success"
        return {"status": status, "error_count": len(differences), "match_count": matches}

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Rename an object, such as a layer.

        Args:
            object_name: its path, such as `"layers/dense_2"`, or the last part of that if no other object has it.
            new_name: the new last part of its path.

        Raises:
            ValueError: if there is no such object or several, or if another object has the new name.
        """
        _check_name(new_name, "new_name")
        parent, key = self._find(object_name)
        if new_name in parent and new_name != key:
            raise ValueError(f"KerasFileEditor: there is a {new_name!r} beside {object_name!r}; delete it first.")
        parent[new_name] = parent.pop(key)

    def delete_object(self, object_name: str) -> None:
        """Remove an object with all it holds.

        Args:
            object_name: its path, or the last part of that if no other object has it.

        Raises:
            ValueError: if there is no such object or several.
        """
        parent, key = self._find(object_name)
        del parent[key]

    def add_object(self, object_path: str, weights: dict[str, Any]) -> None:
        """Add an object, or replace the one at this path.

        Args:
            object_path: the whole path, such as `"layers/dense_2"`; all but its last part must be there.
            weights: arrays by key, such as `{"0": kernel, "1": bias}`.

        Raises:
            ValueError: if the object that it is to be part of is not there.
            TypeError: if the weights are no dict of arrays of numbers.
        """
        arrays = _checked_arrays(weights)
        owner, _, name = object_path.rpartition("/")
        _check_name(name, "object_path")
        place = self._object(owner) if owner else self.weights_dict
        place[name] = arrays

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Remove a weight from an object.

        Args:
            object_name: path of the object, or the last part of that if no other object has it.
            weight_name: key of the weight, such as `"0"`.

        Raises:
            ValueError: if there is no such object or weight.
        """
        weights = self._object(object_name)
        if weight_name not in weights:
            raise ValueError(
                f"KerasFileEditor: {object_name!r} has no weight {weight_name!r}, only {list(weights)[:20]}."
            )
        del weights[weight_name]

    def add_weights(self, object_name: str, weights: dict[str, Any]) -> None:
        """Add weights to an object, or replace those with the same keys.

        Args:
            object_name: path of the object, or the last part of that if no other object has it.
            weights: arrays by key.

        Raises:
            ValueError: if there is no such object.
            TypeError: if the weights are no dict of arrays of numbers.
        """
        arrays = _checked_arrays(weights)
        self._object(object_name).update(arrays)

    def save(self, filepath: str | os.PathLike) -> None:
        """Write the weights to a file, in one go and with checksums.

        Args:
            filepath: path that ends in `.weights.h5`.

        Raises:
            ValueError: for another ending.
            OSError: if the file cannot be written.
        """
        name = os.fspath(filepath)
        if not name.endswith(".weights.h5"):
            raise ValueError(f"KerasFileEditor: `filepath` must end in '.weights.h5', received {name!r}.")
        with replacing(name) as file, VariablesWriter(file) as writer:
            for path, tree in _objects(self.weights_dict, ""):
                arrays = {key: value for key, value in tree.items() if not isinstance(value, dict)}
                writer.write(path, self._name(tree), arrays)

    def resave_weights(self, filepath: str | os.PathLike) -> None:
        """Write the weights to a file; the same as `save`.

        Args:
            filepath: path that ends in `.weights.h5`.
        """
        self.save(filepath)

    def _find(self, name: str) -> tuple[Tree, str]:
        """Return the dict that holds an object, and the object's key in it."""
        if not isinstance(name, str):
            raise TypeError(f"KerasFileEditor: the name of an object must be a string, received {name!r}.")
        owner, slash, key = name.rpartition("/")
        found = [
            (tree, key)
            for path, tree in _objects(self.weights_dict, "")
            if key in tree and (path == owner != "" if slash else True)
        ]
        if len(found) != 1:
            there = "more than once; give the whole path" if found else "nowhere; `summary()` shows what there is"
            raise ValueError(f"KerasFileEditor: {name!r} is in the file {there}.")
        return found[0]

    def _object(self, name: str) -> Tree:
        parent, key = self._find(name)
        if not isinstance(parent[key], dict):
            raise ValueError(f"KerasFileEditor: {name!r} is a weight; expected an object.")
        return parent[key]


def _objects(tree: Tree, path: str) -> Iterator[tuple[str, Tree]]:
    """Yield an object and all inside it, with their paths."""
    yield path, tree
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _objects(value, f"{path}/{key}" if path else key)


def _compare(stored: Tree, wanted: Tree, path: str) -> tuple[list[str], int]:
    """Return a line for each difference between two objects, and how many weights are the same."""
    differences: list[str] = []
    matches = 0
    # An object without weights is in the file for its name only.
    more = [key for key, value in stored.items() if key not in wanted and _has_weights(value)]
    for key in [*wanted, *more]:
        here = f"{path}/{key}" if path else key
        values = [tree.get(key) for tree in (stored, wanted)]
        objects = [isinstance(value, dict) for value in values]
        if key not in stored or key not in wanted:
            where, absent = ("model", "file") if key in wanted else ("file", "model")
            inside = [value for value in values if isinstance(value, dict)]
            what = f"object with {list(inside[0])[:20]}" if inside else "weight"
            differences.append(f"{here}: {what} in the {where}, missing in the {absent}")
        elif all(objects):
            inner, count = _compare(stored[key], wanted[key], here)
            differences += inner
            matches += count
        elif any(objects):
            kinds = ["an object" if is_object else "a weight" for is_object in objects]
            differences.append(f"{here}: {kinds[0]} in the file, {kinds[1]} in the model")
        elif np.shape(stored[key]) != tuple(wanted[key].shape):
            shapes = np.shape(stored[key]), tuple(wanted[key].shape)
            differences.append(f"{here}: shape {shapes[0]} in the file, {shapes[1]} in the model")
        else:
            matches += 1
    return differences, matches


def _has_weights(value: Any) -> bool:
    return any(map(_has_weights, value.values())) if isinstance(value, dict) else True


def _check_name(name: Any, what: str) -> None:
    if not isinstance(name, str) or "/" in name or name in ("", ".", ".."):
        raise ValueError(f"KerasFileEditor: `{what}`: expected a name without '/', received {name!r}.")


def _checked_arrays(weights: Any) -> Tree:
    """Return arrays by key; raises TypeError for anything else."""
    if not isinstance(weights, dict):
        raise TypeError(f"KerasFileEditor: `weights` must be a dict of arrays, received {type(weights).__name__}.")
    arrays: Tree = {}
    for key, value in weights.items():
        _check_name(key, "weights")
        array = np.asarray(value.value if isinstance(value, Variable) else value)
        if array.dtype.kind not in "biufcV":
            raise TypeError(f"KerasFileEditor: the weight {key!r} must be an array of numbers, received {value!r}.")
        arrays[key] = array
    return arrays
