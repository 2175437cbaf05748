"""Verified, atomic, resumable downloads into a local cache: `get_file`."""

import contextlib
import hashlib
import http.client
import json
import logging
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from kerasish.core import config
from kerasish.utils.archives import extract_archive

_CHUNK = 1 << 18
_TIMEOUT_SECONDS = 60
_log = logging.getLogger("kerasish")


def cache_home() -> Path:
    """Return the folder of all cached files: `$KERASISH_HOME`, or `~/.kerasish` where that is not set.

    Below it the layout is that of Keras (`datasets/mnist.npz`, ...), so `KERASISH_HOME=~/.keras` shares one cache.
    """
    return Path(os.environ.get("KERASISH_HOME") or "~/.kerasish").expanduser()


def get_file(
    fname: str | os.PathLike | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | list | tuple | None = "auto",
    cache_dir: str | os.PathLike | None = None,
    force_download: bool = False,
) -> str:
    """Return the local path of a file, downloading it if it is not in the cache yet.

    A file appears in the cache only when it is complete and its hash is right. An interrupted download continues
    where it stopped. A file that is already in place is used (and checked, where a hash is given) without network.

    Args:
        fname: name of the file in the cache; taken from `origin` by default. With `extract`, the name of the
            extracted folder if it has no extension.
        origin: URL, `https:` or `file:`; `http:` only together with a sha256 `file_hash`, which then protects it.
        untar: the same as `extract=True, archive_format="tar"`.
        md5_hash: the same as `file_hash=..., hash_algorithm="md5"`.
        file_hash: expected md5 or sha256 in hexadecimal digits.
        cache_subdir: folder under the cache; an absolute path is taken as it is.
        hash_algorithm: `"md5"`, `"sha256"`, or `"auto"` (by the length of `file_hash`).
        extract: extract the archive and return the folder.
        archive_format: `"auto"`, `"tar"`, `"zip"`, a list of these, or None.
        cache_dir: the cache, by default `$KERASISH_HOME` or `~/.kerasish`.
        force_download: download even if the file is there.

    Returns:
        The path of the file, or of the extracted folder.

    Raises:
        ValueError: bad arguments, a refused URL, a wrong hash, or an unsafe archive.
        ConnectionError: the file is not in the cache and could not be downloaded; the message names URL and path.

    Example:
        `path = kerasish.utils.get_file("data.npz", "https://example.org/data.npz", file_hash="731c5a...")`
    """
    if origin is None:
        raise ValueError("get_file: `origin`, the URL to download from, is missing.")
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    _check_origin(origin, file_hash, hash_algorithm)
    folder = Path(cache_dir).expanduser() if cache_dir is not None else cache_home()
    folder = folder / cache_subdir
    name = _file_name(fname, origin)
    extract = extract or untar
    target, extracted = folder / name, folder / name
    if extract and fname is not None and "." in name:
        extracted = folder / f"{name.partition('.')[0]}_extracted"
    elif extract:
        target = folder / f"{name}_archive"
    downloaded = _ensure_file(target, origin, file_hash, hash_algorithm, force_download)
    if not extract:
        return str(target)
    # Extraction ends in one rename, so a folder that exists is complete.
    if (downloaded or not extracted.is_dir()) and not extract_archive(
        target, extracted, "tar" if untar else archive_format
    ):
        raise ValueError(f"get_file: {target} is not an archive of archive_format={archive_format!r}.")
    return str(extracted)


def hash_file(fpath: str | os.PathLike, algorithm: str = "sha256") -> str:
    """Return the md5 or sha256 of a file in hexadecimal digits."""
    with open(fpath, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def validate_file(fpath: str | os.PathLike, file_hash: str, algorithm: str = "auto") -> bool:
    """Return whether a file has the given md5 or sha256."""
    return hash_file(fpath, _algorithm(file_hash, algorithm)) == file_hash.lower()


def _algorithm(file_hash: str, algorithm: str) -> str:
    lengths = {"md5": 32, "sha256": 64}
    if algorithm == "auto":
        algorithm = next((name for name, length in lengths.items() if length == len(file_hash)), "auto")
    if algorithm not in lengths or not re.fullmatch(rf"[0-9a-fA-F]{{{lengths[algorithm]}}}", file_hash):
        raise ValueError(
            "`file_hash` must be 32 (md5) or 64 (sha256) hexadecimal digits and `hash_algorithm` 'auto', 'md5' or "
            f"'sha256'; received file_hash={file_hash!r}, hash_algorithm={algorithm!r}."
        )
    return algorithm


def _check_origin(origin: str, file_hash: str | None, hash_algorithm: str) -> None:
    scheme = urllib.parse.urlsplit(origin).scheme.lower()
    verified = file_hash is not None and _algorithm(file_hash, hash_algorithm) == "sha256"
    if scheme in ("https", "file") or (scheme == "http" and verified):
        return
    advice = "give its sha256 as `file_hash` or use https." if scheme == "http" else "use an https: URL."
    raise ValueError(f"get_file: origin={origin!r} is refused, its content would be unprotected: {advice}")


def _file_name(fname: str | os.PathLike | None, origin: str) -> str:
    given = os.fspath(fname) if fname else ""
    name = given or os.path.basename(urllib.parse.unquote(urllib.parse.urlsplit(origin).path))
    if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise ValueError(
            "get_file: `fname` must be a plain file name (use `cache_subdir` or `cache_dir` for folders); "
            f"received fname={fname!r}, origin={origin!r}."
        )
    return name


def _ensure_file(target: Path, origin: str, file_hash: str | None, algorithm: str, force: bool) -> bool:
    """Bring `target` into the cache; returns whether it was downloaded now."""

    def in_place() -> bool:
        return target.is_file() and (file_hash is None or validate_file(target, file_hash, algorithm))

    if not force and in_place():
        return False
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target.with_name(f".{target.name}.lock")):
            # Another process may have finished the same download while this one waited for the lock.
            if not force and in_place():
                return False
            _download(target, origin, file_hash, algorithm)
    except PermissionError as error:
        error.add_note(f"The cache {target.parent} cannot be written: set KERASISH_HOME or pass `cache_dir`.")
        raise
    return True


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes, where the operating system has advisory file locks."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    # The file stays: removing it would let a third process lock another one of the same name.
    with open(path, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _download(target: Path, origin: str, file_hash: str | None, algorithm: str) -> None:
    part = target.with_name(target.name + ".part")
    if config.is_interactive_logging_enabled():
        print(f"Downloading data from {origin}", flush=True)
    else:
        _log.info("Downloading data from %s", origin)
    stale = target.is_file()
    allow_http = file_hash is not None and _algorithm(file_hash, algorithm) == "sha256"
    try:
        resumed = _fetch(origin, part, allow_http)
        if resumed and file_hash is not None and not validate_file(part, file_hash, algorithm):
            part.unlink()  # The two halves do not fit together: once more from the start.
            _fetch(origin, part, allow_http)
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
        reason = getattr(error, "reason", None) or error
        found = " The file there now does not have the expected hash." if stale else ""
        raise ConnectionError(
            f"Could not download {origin} ({reason}). It belongs at {target}.{found} What to do: call again when the "
            "network is back (a partial download is continued), or fetch the file by other means and put it at that "
            "path; KERASISH_HOME chooses another cache folder."
        ) from error
    if file_hash is not None and not validate_file(part, file_hash, algorithm):
        received = hash_file(part, _algorithm(file_hash, algorithm))
        _forget(part)
        raise ValueError(
            f"The file downloaded from {origin} is not the expected one: its hash is {received}, `file_hash` is "
            f"{file_hash}. It was deleted. Call again; if this persists, the file at the origin has changed."
        )
    os.replace(part, target)
    _forget(part)


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _validator_path(part).unlink(missing_ok=True)


def _validator_path(part: Path) -> Path:
    return part.with_name(part.name + ".json")


class _CarefulRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections, but never from https to anything else unless a hash protects the content."""

    def __init__(self, allow_http: bool) -> None:
        self._allowed = ("https", "http") if allow_http else ("https",)

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        scheme = urllib.parse.urlsplit(newurl).scheme.lower()
        if scheme not in self._allowed:
            raise urllib.error.URLError(f"refused redirection from {req.full_url} to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch(origin: str, part: Path, allow_http: bool) -> bool:
    """Download `origin` into `part`, continuing what is there; returns whether it continued."""
    request = urllib.request.Request(origin, headers={"User-Agent": "kerasish"})
    have = part.stat().st_size if part.is_file() else 0
    validator = _read_validator(part, origin)
    if have and validator:
        # If-Range: the server sends the rest only if the file is still the same, else all of it.
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", validator)
    opener = urllib.request.build_opener(_CarefulRedirects(allow_http))
    with opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
        headers = response.headers
        continues = response.status == 206 and (headers.get("Content-Range") or "").startswith(f"bytes {have}-")
        if response.status == 206 and not continues:
            raise http.client.HTTPException(f"unexpected range {headers.get('Content-Range')!r} in the answer")
        have = have if continues else 0
        tag = headers.get("ETag") or ""
        validator = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")
        _validator_path(part).write_text(json.dumps({"origin": origin, "validator": validator}))
        length = headers.get("Content-Length")
        total = have + int(length) if length else None
        with open(part, "ab" if continues else "wb") as file:
            written = _copy_with_progress(response, file, have, total)
    if total is not None and written != total:
        raise ConnectionError(f"the connection ended after {written} of {total} bytes")
    return continues


def _read_validator(part: Path, origin: str) -> str | None:
    try:
        noted = json.loads(_validator_path(part).read_text())
    except (OSError, ValueError):
        return None
    return noted.get("validator") if isinstance(noted, dict) and noted.get("origin") == origin else None


def _copy_with_progress(source: IO[bytes], sink: IO[bytes], have: int, total: int | None) -> int:
    from tqdm import tqdm

    show = config.is_interactive_logging_enabled()
    with tqdm(total=total, initial=have, unit="B", unit_scale=True, unit_divisor=1024, disable=not show) as bar:
        while chunk := source.read(_CHUNK):
            sink.write(chunk)
            bar.update(len(chunk))
            have += len(chunk)
    return have
