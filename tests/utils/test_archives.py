"""Extraction: plain files and folders only, below the target only, all or nothing."""

import hashlib
import io
import os
import stat
import tarfile
import zipfile

import pytest

from kerasish.utils import archives
from kerasish.utils.data_files import get_file


def make_tar(path, *members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.name = name
            data = content if isinstance(content, bytes) else b""
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def make_zip(path, *members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def member(kind, target=""):
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, target
    return info


def tree(folder):
    return {
        os.path.relpath(os.path.join(root, name), folder): open(os.path.join(root, name), "rb").read()
        for root, _, names in os.walk(folder)
        for name in names
    }


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_extracts(tmp_path, make):
    archive = make(tmp_path / "archive", ("a.txt", b"1"), ("b/c.txt", b"2"), ("./b/d", b""))
    assert archives.extract_archive(archive, tmp_path / "out")
    assert tree(tmp_path / "out") == {"a.txt": b"1", "b/c.txt": b"2", "b/d": b""}
    assert sorted(os.listdir(tmp_path)) == ["archive", "out"]


def test_replaces_what_was_there(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    archives.extract_archive(make_tar(tmp_path / "a", ("new", b"1")), tmp_path / "out")
    assert tree(tmp_path / "out") == {"new": b"1"}


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\evil", "C:\\evil", "\\\\host\\share\\evil"])
@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_paths_out_of_the_target_are_refused(tmp_path, make, name):
    archive = make(tmp_path / "archive", ("good", b"1"), (name, b"2"))
    with pytest.raises(archives.UnsafeArchiveError, match="evil"):
        archives.extract_archive(archive, tmp_path / "out")
    assert os.listdir(tmp_path) == ["archive"]


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE],
    ids=["symlink", "hardlink", "fifo", "device"],
)
@pytest.mark.parametrize("target", ["/etc/passwd", "good"])
def test_links_and_devices_are_refused(tmp_path, kind, target):
    archive = make_tar(tmp_path / "archive", ("good", b"1"), ("evil", member(kind, target)))
    with pytest.raises(archives.UnsafeArchiveError, match="evil"):
        archives.extract_archive(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_links_in_zip_files_are_refused(tmp_path):
    info = zipfile.ZipInfo("evil")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive = make_zip(tmp_path / "archive", (info, b"/etc/passwd"))
    with pytest.raises(archives.UnsafeArchiveError, match="evil"):
        archives.extract_archive(archive, tmp_path / "out")


def test_formats(tmp_path):
    archive = make_tar(tmp_path / "archive", ("a", b"1"))
    assert not archives.extract_archive(archive, tmp_path / "out", "zip")
    assert not archives.extract_archive(archive, tmp_path / "out", None)
    assert archives.extract_archive(archive, tmp_path / "out", ["zip", "tar"])
    with pytest.raises(ValueError, match="archive_format"):
        archives.extract_archive(archive, tmp_path / "out", "rar")
    (tmp_path / "plain").write_text("no archive")
    assert not archives.extract_archive(tmp_path / "plain", tmp_path / "out")


def test_read_tar_members(tmp_path):
    archive = make_tar(tmp_path / "archive", ("a", b"1"), ("b", b"2"), ("link", member(tarfile.SYMTYPE, "a")))
    assert list(archives.read_tar_members(archive, ["b", "a"])) == [b"2", b"1"]
    with pytest.raises(ValueError, match="link"):
        list(archives.read_tar_members(archive, ["link"]))


@pytest.mark.parametrize(
    ("name", "folder"), [("data.tar.gz", "data_extracted"), ("data", "data"), (None, "source.tgz")]
)
def test_get_file_extracts(tmp_path, monkeypatch, name, folder):
    """The folders are those of Keras."""
    monkeypatch.setenv("KERASISH_HOME", str(tmp_path / "home"))
    source = make_tar(tmp_path / "source.tgz", ("a", b"1"))
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    path = get_file(name, source.as_uri(), extract=True, file_hash=digest)
    assert path == str(tmp_path / "home" / "datasets" / folder)
    assert tree(path) == {"a": b"1"}
    # A second call neither downloads nor extracts.
    source.unlink()
    inode = os.stat(path).st_ino
    assert get_file(name, source.as_uri(), untar=True, file_hash=digest) == path
    assert os.stat(path).st_ino == inode


def test_get_file_says_when_there_is_nothing_to_extract(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASISH_HOME", str(tmp_path / "home"))
    (tmp_path / "plain").write_text("no archive")
    with pytest.raises(ValueError, match="not an archive"):
        get_file("plain", (tmp_path / "plain").as_uri(), extract=True)
