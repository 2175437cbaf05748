"""What the command line does with files of models: show, verify and convert them."""

import pathlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from kerasish.saving import limits
from kerasish.saving.archive import CONFIG, WEIGHTS, Archive, DirectoryArchive
from kerasish.saving.config import parse_config
from kerasish.saving.durable import replacing
from kerasish.saving.hdf5 import RefusedFileError, VariablesReader, VariablesWriter
from kerasish.saving.models import kind_of_file, load_model, save_model
from kerasish.saving.shards import Group, ShardsReader, save_shards


class _Opened:
    """A file of any of the formats, opened.

    Attributes:
        kind: what the file is, in words.
        archive: the archive, if it is one.
        reader: its weights.
    """

    def __init__(self, kind: str, archive: Archive | None, reader: Any) -> None:
        self.kind, self.archive, self.reader = kind, archive, reader


@contextmanager
def opened_file(filepath: str) -> Iterator[_Opened]:
    """Open a file of any of the formats, for the time of the block."""
    kind = kind_of_file(filepath, "kerasish")
    with ExitStack() as stack:
        if kind in ("zip", "directory"):
            make = Archive if kind == "zip" else DirectoryArchive
            archive = stack.enter_context(make(filepath, filepath))
            archive.metadata()
            label = f"{filepath}: {WEIGHTS}"
            reader: Any = stack.enter_context(VariablesReader(stack.enter_context(archive.open(WEIGHTS)), label))
            yield _Opened("Keras model" + (" in a directory" if kind == "directory" else ""), archive, reader)
        elif kind == "hdf5":
            reader = stack.enter_context(VariablesReader(filepath, filepath))
            attributes = reader.attributes()
            older = "model of an older Keras" if "model_config" in attributes else "weights of an older Keras"
            is_older = "model_config" in attributes or any(name.startswith("layer_names") for name in attributes)
            yield _Opened(older if is_older else "weights", None, reader)
        elif kind == "json":
            yield _Opened("weights in several files", None, stack.enter_context(ShardsReader(filepath, filepath)))
        else:
            raise RefusedFileError(f"{filepath}: neither an archive nor an HDF5 file, or damaged.")


def inspect(filepath: str) -> list[str]:
    """Return lines that show what a file holds, without making a model of it.

    Args:
        filepath: a `.keras`, `.weights.h5`, `.h5` or `.weights.json` file, or a directory.

    Raises:
        ValueError: if the file is damaged or refused.
    """
    with opened_file(filepath) as opened:
        reader = opened.reader
        lines = [f"{filepath}: {opened.kind}"]
        if opened.archive is not None:
            metadata = opened.archive.metadata()
            lines += [f"  {key}: {metadata[key]}" for key in ("keras_version", "date_saved") if key in metadata]
            state = "listed with checksums" if "members" in metadata else "without a list of members"
            lines.append(f"  members, {state}:")
            lines += [f"    {size:>12,}  {name}" for name, size in opened.archive.sizes.items()]
            config = parse_config(opened.archive.read(CONFIG, limits.CONFIG_BYTES), CONFIG)
            lines += _model_lines(config)
        elif "older" in opened.kind and isinstance(text := reader.attributes().get("model_config"), str):
            lines += _model_lines(parse_config(text, "model_config"))
        lines.append(f"  datasets, {_checksum_state(reader)}:")
        width = max((len(path) for path in reader.headers), default=0)
        lines += [f"    {path:<{width}}  {header}" for path, header in sorted(reader.headers.items())]
    return lines


def _model_lines(config: Any) -> list[str]:
    """Return lines about the model that a configuration describes."""
    inner = config.get("config") if isinstance(config, dict) else None
    if not isinstance(inner, dict):
        return []
    lines = [f"  model: {config.get('class_name')} {inner.get('name')!r}"]
    layers = inner.get("layers")
    if isinstance(layers, list):
        names = [str(layer.get("class_name")) for layer in layers if isinstance(layer, dict)]
        counts = {name: names.count(name) for name in names}
        lines.append(f"  layers: {', '.join(f'{count} {name}' for name, count in counts.items())}")
    return lines


def _checksum_state(reader: Any) -> str:
    if not reader.headers:
        return "none"
    return f"{len(reader.headers)} with checksums" if reader.checksums else f"{len(reader.headers)} without checksums"


def verify(filepath: str) -> str:
    """Read all of a file and compare it with its checksums; return a line that says what was found.

    Args:
        filepath: as for `inspect`.

    Raises:
        ValueError: naming the member or dataset that is damaged.
    """
    with opened_file(filepath) as opened:
        count = 0
        if opened.archive is not None:
            for name in opened.archive.sizes:
                opened.archive.checksum(name)
                count += 1
            parse_config(opened.archive.read(CONFIG, limits.CONFIG_BYTES), f"{filepath}: {CONFIG}")
        for path in opened.reader.headers:
            if not opened.reader.is_bounded(path):
                raise RefusedFileError(f"{filepath}: {path!r} declares far more than it takes in the file.")
            opened.reader.read(path)
        members = f"{count} members, " if count else ""
        return f"{filepath}: {opened.kind}, complete: {members}datasets {_checksum_state(opened.reader)}."


def convert(source: str, target: str, max_shard_size: float = 5.0) -> None:
    """Write what a file holds to a file of another format, which the endings say.

    Weights alone are copied as they are. From one whole model to another, the model is made and saved.

    Args:
        source: as for `inspect`.
        target: a path that ends in `.keras`, `.h5`, `.weights.h5` or `.weights.json`; without an ending, a directory.
        max_shard_size: for `.weights.json`, gibibytes for each file.

    Raises:
        ValueError: if one cannot be made of the other.
    """
    with opened_file(source) as opened:
        if target.endswith((".weights.h5", ".weights.json")):
            if "older" in opened.kind:
                raise ValueError(
                    f"convert: {source!r} is a file of an older Keras, whose layers have other paths than today's. "
                    "Convert a whole model to `.keras` first; load weights alone with `model.load_weights`."
                )
            groups = list(read_groups(opened.reader))
            if target.endswith(".json"):
                save_shards(groups, target, max_shard_size)
                return
            with replacing(target) as file, VariablesWriter(file) as writer:
                for group in groups:
                    writer.write(*group)
            return
        if "model" not in opened.kind:
            raise ValueError(f"convert: {source!r} holds weights alone, of which no model can be made.")
    save_model(load_model(source), target, zipped=None if pathlib.Path(target).suffix else False)


def read_groups(reader: Any) -> Iterator[Group]:
    """Yield what each object has in a file of weights: its path, its name if the file has it, and its arrays by key.

    Args:
        reader: the open file.

    Raises:
        RefusedFileError: if the file is damaged, or has datasets that are no weights or that declare far more than
            they take.
    """
    names = reader.names
    paths: dict[str, dict[str, str]] = {path: {} for path in names}
    for path in reader.headers:
        owner, _, key = path.rpartition("/")
        if owner != "vars" and not owner.endswith("/vars"):
            raise RefusedFileError(f"{reader.label}: {path!r} is no weight of a model.")
        if not reader.is_bounded(path):
            raise RefusedFileError(f"{reader.label}: {path!r} declares far more than it takes in the file.")
        paths.setdefault(owner[:-4].rstrip("/"), {})[key] = path
    for owner, keys in paths.items():
        yield owner, names.get(owner), {key: reader.read(path) for key, path in keys.items()}


def run(action: Callable[[], Any], output: Callable[[str], None]) -> int:
    """Do one of the above; return the exit status and say what went wrong.

    Args:
        action: what to do; lines that it returns are shown.
        output: where lines go.
    """
    try:
        result = action()
    except (ValueError, OSError) as error:
        output(f"error: {error}")
        return 1
    for line in [result] if isinstance(result, str) else result or ():
        output(line)
    return 0
