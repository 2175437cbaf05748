"""Files that are replaced in one go: an interrupted or failing save leaves the old file as it was."""

import os
import pathlib
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[IO[bytes]]:
    """Open a new file that takes the place of `path` when the block ends well, after its bytes are on the disk.

    The bytes go to a file of another name in the same directory. A link is followed, permissions are kept.

    Args:
        path: the file to make or replace.

    Yields:
        A binary file, open for reading and writing.

    Raises:
        FileNotFoundError: if the directory does not exist.
        IsADirectoryError: if `path` is a directory.
        OSError: if writing fails; then `path` is as it was.
    """
    target = pathlib.Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"Cannot write {str(path)!r}: there is no directory {str(target.parent)!r}. Make it first."
        )
    if target.is_dir():
        raise IsADirectoryError(f"Cannot write {str(path)!r}: it is a directory.")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    # Like `open`, this leaves the permissions to the umask; the name is new, so nobody's file is opened.
    handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(handle, "w+b") as file:
            if target.exists():
                os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync(target.parent)


@contextmanager
def replacing_directory(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Make a directory that takes the place of `path` when the block ends well, after its files are on the disk.

    A directory that is there already is moved away first and deleted last; between two renames there is none, so that
    a crash at that moment leaves the old one under a name that ends in `.old`.

    Args:
        path: the directory to make or replace.

    Yields:
        An empty directory.

    Raises:
        FileNotFoundError: if there is no directory to make it in.
        NotADirectoryError: if `path` is a file.
        OSError: if writing fails; then `path` is as it was.
    """
    target = pathlib.Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"Cannot write {str(path)!r}: there is no directory {str(target.parent)!r}.")
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"Cannot write a directory to {str(path)!r}: it is a file.")
    token = secrets.token_hex(6)
    temporary, old = (target.with_name(f".{target.name}.{token}.{end}") for end in ("tmp", "old"))
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.rglob("*"):
            _sync(file)
        _sync(temporary)
        if target.exists():
            target.rename(old)
        temporary.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: pathlib.Path) -> None:
    """Put a file, or the names in a directory, on the disk, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
