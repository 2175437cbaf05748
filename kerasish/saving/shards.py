"""Weights spread over several HDF5 files, with a JSON file that says which holds what: Keras's `.weights.json` form."""

import json
import math
import os
import pathlib
import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np

from kerasish.core.variable import Variable
from kerasish.saving import limits
from kerasish.saving.config import parse_config
from kerasish.saving.durable import replacing
from kerasish.saving.hdf5 import Header, RefusedFileError, VariablesReader, VariablesWriter
from kerasish.saving.saveables import walk

_SUFFIX = ".weights.h5"


Group = tuple[str, Any, dict[str, Any]]  # path, name and values of an object


def groups_of(model: Any, objects_to_skip: Iterable[Any] | None = None) -> Iterator[Group]:
    """Yield what each object of a model has to be written.

    Args:
        model: a built model or layer.
        objects_to_skip: objects to leave out, with what only they hold.
    """
    for path, item in walk(model, objects_to_skip):
        store: dict[str, Any] = {}
        item.save_own_variables(store)
        yield path, getattr(item, "name", None), store


def save_shards(groups: Iterable[Group], filepath: str | os.PathLike, max_shard_size: float) -> None:
    """Write weights to files of at most `max_shard_size` gibibytes, and the JSON file that names them.

    The files of an earlier save stay valid until the JSON file is replaced in one go, and are deleted after that.

    Args:
        groups: what is written.
        filepath: the JSON file.
        max_shard_size: in gibibytes.

    Raises:
        ValueError: if one weight alone is larger.
    """
    path = pathlib.Path(filepath)
    limit = float(max_shard_size) * 2**30
    shards = _plan(groups, limit)
    base = path.name.removesuffix(".json").removesuffix(".weights")
    token = secrets.token_hex(4)
    before = _names_in(path)
    # Keras opens the file with this name whatever it holds, so it is one that never changes.
    with replacing(path.with_name(f"{base}_00000{_SUFFIX}")) as file, VariablesWriter(file):
        pass
    weight_map: dict[str, Any] = {}
    checksums: dict[str, int] = {}
    written: list[pathlib.Path] = []
    try:
        for index, shard in enumerate(shards, start=1):
            name = f"{base}_{token}_{index:05}{_SUFFIX}"
            written.append(path.with_name(name))
            with replacing(written[-1]) as file, VariablesWriter(file) as writer:
                for place, item_name, values in shard:
                    writer.write(place, item_name, values)
                    if values:
                        weight_map.setdefault(f"/{place}/vars" if place else "/vars", []).append(name)
            checksums[name] = writer.checksum
        total = sum(_size(value) for shard in shards for _, _, values in shard for value in values.values())
        content = {
            "metadata": {"total_size": total, "checksums": checksums},
            "weight_map": {key: names[0] if len(names) == 1 else names for key, names in weight_map.items()},
        }
        with replacing(path) as file:
            file.write(json.dumps(content, indent=4).encode())
    except BaseException:
        for shard_path in written:
            shard_path.unlink(missing_ok=True)
        raise
    for name in before - set(checksums):
        if name.startswith(f"{base}_"):
            path.with_name(name).unlink(missing_ok=True)


def _size(value: Any) -> int:
    return value.size * np.dtype(value.dtype).itemsize


def _plan(groups: Iterable[Group], limit: float) -> list[list[Group]]:
    """Return the groups of values that go into each file; a group is split only where it is too large for one."""
    shards: list[list[Group]] = [[]]
    used = 0
    for path, name, store in groups:
        store = {key: value if isinstance(value, Variable) else np.asarray(value) for key, value in store.items()}
        sizes = {key: _size(value) for key, value in store.items()}
        for key, size in sizes.items():
            if size > limit:
                raise ValueError(
                    f"save_weights: {path}/vars/{key} has {size} bytes, more than a file of `max_shard_size` "
                    f"({math.floor(limit)} bytes) may hold. Allow larger files."
                )
        parts = [store] if sum(sizes.values()) <= limit else [{key: value} for key, value in store.items()]
        for part in parts:
            size = sum(sizes[key] for key in part)
            if used + size > limit:
                shards.append([])
                used = 0
            shards[-1].append((path, name, part))
            used += size
    return shards


def _names_in(path: pathlib.Path) -> set[str]:
    """Return the names of the files that a JSON file lists; none if there is no such file or it is damaged."""
    try:
        return set(_read_map(path, "")[0])
    except (OSError, RefusedFileError):
        return set()


def _read_map(path: pathlib.Path, label: str) -> tuple[list[str], dict[str, Any]]:
    """Return the names of the files that a JSON file lists, and their checksums as far as it has them."""
    if path.stat().st_size > limits.CONFIG_BYTES:
        raise RefusedFileError(f"{label} has more than {limits.CONFIG_BYTES} bytes.")
    content = parse_config(path.read_bytes(), label)
    weight_map = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(weight_map, dict):
        raise RefusedFileError(f"{label} has no 'weight_map', so it does not list files of weights.")
    names: dict[str, None] = {}
    for value in weight_map.values():
        for name in value if isinstance(value, list) else [value]:
            if not isinstance(name, str) or "/" in name or "\\" in name or "\0" in name or not name.endswith(_SUFFIX):
                raise RefusedFileError(f"{label} names {name!r}; expected a file beside it that ends in {_SUFFIX!r}.")
            names[name] = None
    if len(names) > limits.ARCHIVE_MEMBERS:
        raise RefusedFileError(f"{label} lists {len(names)} files, more than {limits.ARCHIVE_MEMBERS}.")
    metadata = content.get("metadata")
    checksums = metadata.get("checksums") if isinstance(metadata, dict) else None
    return list(names), checksums if isinstance(checksums, dict) else {}


class ShardsReader:
    """Reads datasets from all files that a JSON file lists, like `VariablesReader` from one.

    Args:
        filepath: the JSON file.
        label: what error messages call it.

    Attributes:
        headers: shape and dtype of each dataset by path.
        names: the names of objects by the path of their group.
        checksums: the checksum of each dataset by path, as far as they have one.

    Raises:
        RefusedFileError: if a file is missing, damaged or belongs to another save, or a dataset is there twice.
    """

    def __init__(self, filepath: str | os.PathLike, label: str) -> None:
        path = pathlib.Path(filepath)
        self.label = label
        self.headers: dict[str, Header] = {}
        self.names: dict[str, str] = {}
        self.checksums: dict[str, int] = {}
        self._owners: dict[str, VariablesReader] = {}
        names, checksums = _read_map(path, label)
        with ExitStack() as stack:
            for name in names:
                place = path.with_name(name)
                if not place.is_file():
                    raise RefusedFileError(f"{label} lists {name!r}, which is missing.")
                reader = stack.enter_context(VariablesReader(place, f"{label}: {name!r}"))
                if name in checksums and reader.checksum != checksums[name]:
                    raise RefusedFileError(f"{label}: {name!r} is not the file that was written with it.")
                self.names |= reader.names
                for dataset, header in reader.headers.items():
                    if dataset in self.headers:
                        raise RefusedFileError(f"{label}: {dataset!r} is in two of the files.")
                    self.headers[dataset], self._owners[dataset] = header, reader
                self.checksums |= reader.checksums
            self._stack = stack.pop_all()

    def __enter__(self) -> "ShardsReader":
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def is_bounded(self, path: str) -> bool:
        """Return whether a dataset is small enough to be read without a variable of its shape."""
        return self._owners[path].is_bounded(path)

    def read(self, path: str) -> np.ndarray:
        """Return the data of one dataset."""
        return self._owners[path].read(path)
