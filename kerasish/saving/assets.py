"""Files that layers keep beside their weights, such as vocabularies."""

import pathlib
from typing import Any

from kerasish.saving.archive import Archive, temporary_directory
from kerasish.saving.config import configuration_errors
from kerasish.saving.saveables import walk


def collect_assets(model: Any, directory: pathlib.Path) -> list[pathlib.Path]:
    """Let each layer with `save_assets` write its files into a directory of its own.

    Args:
        model: the model.
        directory: an empty directory.

    Returns:
        The files written.

    Raises:
        ValueError: if the name of an attribute leads out of the directory.
    """
    for path, item in walk(model):
        if hasattr(item, "save_assets"):
            if any(part in (".", "..") or "\\" in part for part in path.split("/")):
                raise ValueError(f"Cannot save the assets of {item!r}: {path!r} is no usable path.")
            place = directory / path
            place.mkdir(parents=True, exist_ok=True)
            item.save_assets(str(place))
    return sorted(path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())


def load_assets(model: Any, opened: Archive) -> None:
    """Let each layer with `load_assets` read its files from an archive.

    Args:
        model: the model.
        opened: the archive.
    """
    with temporary_directory() as directory:
        if not opened.extract_assets(directory):
            return
        for path, item in walk(model):
            if hasattr(item, "load_assets") and (directory / path).is_dir():
                with configuration_errors(f"{opened.label}: 'assets/{path}'"):
                    item.load_assets(str(directory / path))
