"""`.keras` archives: zip files, or directories, of a few known members, checked as a whole before anything is used."""

import io
import json
import os
import pathlib
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath, PureWindowsPath
from typing import IO, Any

from kerasish.saving import limits
from kerasish.saving.hdf5 import RefusedFileError

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
ASSETS = "assets/"
_PIECE = 1 << 22
# Weights up to this size are put together and read in memory, larger ones in a temporary file.
_IN_MEMORY = 1 << 30


def scratch(size: int) -> IO[bytes]:
    """Return an empty binary file in memory, or on the disk for more than a gibibyte."""
    return io.BytesIO() if size <= _IN_MEMORY else tempfile.TemporaryFile()


class ArchiveWriter:
    """Writes the members of an archive one after the other, uncompressed, as Keras does; a context that completes it.

    Args:
        file: binary file open for writing.

    Attributes:
        checksums: CRC-32 of each member written so far.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w")
        self.checksums: dict[str, int] = {}

    def write(self, name: str, source: bytes | IO[bytes]) -> None:
        """Write one member.

        Args:
            name: its path, parts separated by `/`.
            source: its bytes, or a file that is read from its start.
        """
        stream = io.BytesIO(source) if isinstance(source, bytes) else source
        stream.seek(0)
        checksum = 0
        with self._zip.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
            while piece := stream.read(_PIECE):
                checksum = zlib.crc32(piece, checksum)
                member.write(piece)
        self.checksums[name] = checksum

    def __enter__(self) -> "ArchiveWriter":
        return self

    def __exit__(self, kind: Any, *exception: object) -> None:
        """Write the directory of members, unless something went wrong before."""
        if kind is None:
            self._zip.close()
        else:
            self._zip.fp = None  # or it would try to write to the closed file when it is collected


class Archive:
    """The members of a zip archive, whose directory was checked when it was opened.

    Args:
        file: path or binary file.
        label: what error messages call it.

    Attributes:
        sizes: size of each member in bytes.

    Raises:
        RefusedFileError: if it is damaged, has members with the same or unsafe names, links, encrypted members, or
            members that are far larger than what is stored of them.
    """

    def __init__(self, file: str | os.PathLike | IO[bytes], label: str) -> None:
        self.label = label
        with self._damage_is_named():
            self._zip = zipfile.ZipFile(file)
        try:
            self.sizes = self._checked_members()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the archive."""
        self._zip.close()

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @contextmanager
    def _damage_is_named(self, member: str = "") -> Iterator[None]:
        try:
            yield
        except (RefusedFileError, FileNotFoundError, PermissionError, IsADirectoryError):
            raise
        except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, LookupError) as error:
            raise self.refusal(member, f"is damaged: {error}") from error
        except (NotImplementedError, RuntimeError, ValueError, OverflowError) as error:
            raise self.refusal(member, f"is damaged or of an unknown kind: {error}") from error

    def refusal(self, member: str, what: str) -> RefusedFileError:
        """Return the error that refuses the archive for one of its members."""
        return RefusedFileError(f"{self.label}: {f'member {member!r}' if member else 'the archive'} {what}.")

    def _checked_members(self) -> dict[str, int]:
        members = self._zip.infolist()
        if len(members) > limits.ARCHIVE_MEMBERS:
            raise self.refusal("", f"has {len(members)} members, more than {limits.ARCHIVE_MEMBERS}")
        sizes: dict[str, int] = {}
        for info in members:
            name = info.filename
            check_member_name(name, self)
            if name.rstrip("/") in sizes:
                raise self.refusal(name, "is there twice")
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise self.refusal(name, "is a link or special file; expected plain files")
            if info.flag_bits & 0x1:
                raise self.refusal(name, "is encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise self.refusal(name, f"is compressed in an unusual way ({info.compress_type})")
            if info.file_size > max(limits.FREE_BYTES, limits.EXPANSION * info.compress_size):
                raise self.refusal(
                    name, f"declares {info.file_size} bytes, far more than the {info.compress_size} stored of it"
                )
            sizes[name.rstrip("/")] = info.file_size
        stored = sum(info.compress_size for info in members)
        handle = self._zip.fp
        if handle is not None and stored > handle.seek(0, os.SEEK_END):
            raise self.refusal("", "has members that lie over each other")
        assets = sum(size for name, size in sizes.items() if name.startswith(ASSETS))
        if assets > limits.ASSET_BYTES:
            raise self.refusal("", f"has assets of {assets} bytes, more than {limits.ASSET_BYTES}")
        return sizes

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a member; at its end its checksum was found right."""
        with self._damage_is_named(name):
            if name not in self.sizes:
                raise self.refusal(name, "is missing")
            size = 0
            with self._zip.open(name) as member:
                while piece := member.read(_PIECE):
                    size += len(piece)
                    if size > self.sizes[name]:
                        raise self.refusal(name, "is larger than it declares")
                    yield piece
            if size != self.sizes[name]:
                raise self.refusal(name, f"is damaged: it has {size} of {self.sizes[name]} bytes")

    def read(self, name: str, limit: int) -> bytes:
        """Return the bytes of a member that must not be larger than `limit`."""
        if self.sizes.get(name, 0) > limit:
            raise self.refusal(name, f"has {self.sizes[name]} bytes, more than {limit}")
        return b"".join(self.pieces(name))

    def open(self, name: str) -> IO[bytes]:
        """Return a file with the bytes of a member, which were checked."""
        file = scratch(self.sizes.get(name, 0))
        for piece in self.pieces(name):
            file.write(piece)
        file.seek(0)
        return file

    def checksum(self, name: str) -> int:
        """Return the CRC-32 of a member, read from its start to its end."""
        value = 0
        for piece in self.pieces(name):
            value = zlib.crc32(piece, value)
        return value

    def metadata(self) -> dict:
        """Return what `metadata.json` holds; its list of members, if there is one, must be right."""
        if METADATA not in self.sizes:
            return {}
        try:
            metadata = json.loads(self.read(METADATA, limits.FREE_BYTES))
        except (ValueError, RecursionError) as error:
            if isinstance(error, RefusedFileError):
                raise
            raise self.refusal(METADATA, f"is no JSON: {error}") from error
        if not isinstance(metadata, dict):
            raise self.refusal(METADATA, "must hold a JSON object")
        listed = metadata.get("members")
        if listed is not None:
            self._check_list(listed)
        return metadata

    def _check_list(self, listed: object) -> None:
        if not isinstance(listed, dict):
            raise self.refusal(METADATA, "has a damaged list of members")
        there = set(self.sizes) - {METADATA}
        for name in sorted(set(listed) - there):
            raise self.refusal(str(name), "is missing")
        for name in sorted(there - set(listed)):
            raise self.refusal(name, "was added after the file was written")
        for name, checksum in listed.items():
            if not isinstance(checksum, int) or self._stored_checksum(name) != checksum:
                raise self.refusal(name, "does not have the checksum it was written with")

    def _stored_checksum(self, name: str) -> int:
        """Return a checksum that a read to the end of the member compares its bytes with."""
        return self._zip.getinfo(name).CRC

    def extract_assets(self, target: pathlib.Path) -> bool:
        """Write the assets below `target`; return whether there were any."""
        found = False
        for name in self.sizes:
            if not name.startswith(ASSETS) or self._is_directory(name):
                continue
            place = target.joinpath(*name.split("/")[1:])
            with self._damage_is_named(name):
                place.parent.mkdir(parents=True, exist_ok=True)
            with open(place, "xb") as file:
                for piece in self.pieces(name):
                    file.write(piece)
            found = True
        return found

    def _is_directory(self, name: str) -> bool:
        return f"{name}/" in self._zip.NameToInfo


class DirectoryArchive(Archive):
    """The same for a directory with the members as files, as `save_model(..., zipped=False)` writes them.

    Args:
        path: the directory.
        label: what error messages call it.
    """

    def __init__(self, path: str | os.PathLike, label: str) -> None:
        self.label = label
        self._root = pathlib.Path(path)
        self.sizes = {}
        for place in _files(self._root):
            name = place.relative_to(self._root).as_posix()
            check_member_name(name, self)
            if place.is_symlink() or not place.is_file():
                raise self.refusal(name, "is a link or special file; expected plain files")
            self.sizes[name] = place.stat().st_size
            if len(self.sizes) > limits.ARCHIVE_MEMBERS:
                raise self.refusal("", f"has more than {limits.ARCHIVE_MEMBERS} members")

    def close(self) -> None:
        """Do nothing: no file is kept open."""

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a member."""
        if name not in self.sizes:
            raise self.refusal(name, "is missing")
        with open(self._root / name, "rb") as file:
            while piece := file.read(_PIECE):
                yield piece

    def _stored_checksum(self, name: str) -> int:
        return self.checksum(name)

    def _is_directory(self, name: str) -> bool:
        return False


def _files(directory: pathlib.Path) -> Iterable[pathlib.Path]:
    """Yield everything below a directory but the directories; links are not followed."""
    for entry in sorted(os.scandir(directory), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(pathlib.Path(entry.path))
        else:
            yield pathlib.Path(entry.path)


def check_member_name(name: str, archive: Archive) -> None:
    """Refuse names of members that would lead out of a directory, on any operating system."""
    windows = PureWindowsPath(name)
    parts = name.rstrip("/").split("/")
    if (
        PurePosixPath(name).is_absolute()
        or windows.drive
        or windows.root
        or "\\" in name
        or "\0" in name
        or any(part in ("", ".", "..") for part in parts)
        or len(name) > 1024
        or len(parts) > limits.DEPTH
    ):
        raise archive.refusal(name[:200], "has a name that leads out of the archive")


@contextmanager
def temporary_directory() -> Iterator[pathlib.Path]:
    """Make a directory for the time of the block."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="kerasish-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
