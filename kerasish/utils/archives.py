"""Extraction of tar and zip archives that refuses everything but plain files and folders inside the target."""

import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

_FORMATS = ("tar", "zip")


class UnsafeArchiveError(ValueError):
    """An archive has a member that would write outside the target folder, or is neither file nor folder."""


def extract_archive(
    file_path: str | os.PathLike, path: str | os.PathLike = ".", archive_format: str | list | tuple | None = "auto"
) -> bool:
    """Extract a tar or zip archive into the folder `path`, all of it or nothing.

    The archive is checked as a whole before anything is written, extracted beside the target and moved there by one
    rename. An existing `path` is replaced.

    Args:
        file_path: the archive.
        path: the folder that will hold its content.
        archive_format: `"auto"` (tar, then zip), `"tar"`, `"zip"`, a list of these, or None for no extraction.

    Returns:
        True if the file was an archive of a wanted format and was extracted, else False.

    Raises:
        UnsafeArchiveError: a member has an absolute path, climbs out by `..`, or is a link or a device.
    """
    target = Path(path)
    for wanted in _wanted_formats(archive_format):
        if wanted == "tar" and tarfile.is_tarfile(file_path):
            with tarfile.open(file_path) as archive:
                _extract(_tar_members(archive), target)
            return True
        if wanted == "zip" and zipfile.is_zipfile(file_path):
            with zipfile.ZipFile(file_path) as archive:
                _extract(_zip_members(archive), target)
            return True
    return False


def _wanted_formats(archive_format: str | list | tuple | None) -> tuple[str, ...]:
    if archive_format is None:
        return ()
    if archive_format == "auto":
        return _FORMATS
    wanted = (archive_format,) if isinstance(archive_format, str) else tuple(archive_format)
    for name in wanted:
        if name not in _FORMATS:
            raise ValueError(
                f"`archive_format` must be 'auto', None or some of {_FORMATS}, received {archive_format!r}."
            )
    return wanted


Opener = Callable[[], IO[bytes]]

# A member is (parts of its path, opener); the opener is None for a folder.
Member = tuple[tuple[str, ...], Opener | None]


def _tar_members(archive: tarfile.TarFile) -> list[Member]:
    members: list[Member] = []
    for info in archive.getmembers():
        if not (info.isreg() or info.isdir()):
            kind = "symbolic link" if info.issym() else "hard link" if info.islnk() else "special file"
            raise UnsafeArchiveError(f"The archive holds a {kind}, {info.name!r}: it is refused.")
        members.append((_safe_parts(info.name), None if info.isdir() else _tar_opener(archive, info)))
    return members


def _tar_opener(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Opener:
    return lambda: archive.extractfile(info)  # of a plain file, so never None


def _zip_members(archive: zipfile.ZipFile) -> list[Member]:
    members: list[Member] = []
    for info in archive.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise UnsafeArchiveError(f"The archive holds a link or special file, {info.filename!r}: it is refused.")
        members.append((_safe_parts(info.filename), None if info.is_dir() else _zip_opener(archive, info)))
    return members


def _zip_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Opener:
    return lambda: archive.open(info)


def _safe_parts(name: str) -> tuple[str, ...]:
    """The path of a member, split; raises where it is not strictly below the target on any operating system."""
    windows = PureWindowsPath(name)
    if PurePosixPath(name).is_absolute() or windows.drive or windows.root or ".." in windows.parts or "\0" in name:
        raise UnsafeArchiveError(f"The archive holds the path {name!r}, which leads out of the target folder.")
    return windows.parts


def _extract(members: list[Member], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    workspace = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        content = workspace / "content"
        content.mkdir()
        for parts, opener in members:
            place = content.joinpath(*parts)
            if opener is None:
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            with opener() as source, open(place, "wb") as sink:
                _copy(source, sink)
        if target.exists():
            target.rename(workspace / "previous")
        content.rename(target)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _copy(source: IO[bytes], sink: IO[bytes]) -> None:
    shutil.copyfileobj(source, sink, 1 << 20)


def read_tar_members(file_path: str | os.PathLike, names: list[str]) -> Iterator[bytes]:
    """Yield the bytes of the named members of a tar archive in the given order; nothing is written to disk.

    Raises:
        ValueError: a member is missing or is not a plain file.
    """
    with tarfile.open(file_path) as archive:
        found = {info.name: info for info in archive.getmembers() if info.isreg()}
        for name in names:
            handle = archive.extractfile(found[name]) if name in found else None
            if handle is None:
                raise ValueError(f"{os.fspath(file_path)}: the archive has no file {name!r}.")
            with handle:
                yield handle.read()
