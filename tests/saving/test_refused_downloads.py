"""Malicious downloads: published weaknesses of `get_file` and caches, with harmless proofs of concept, are refused."""

import io
import pickle
import stat
import tarfile
import zipfile

import numpy as np
import pytest

import kerasish
from kerasish.datasets import pickled
from kerasish.utils.archives import UnsafeArchiveError, extract_archive
from tests.saving import test_refusals


def tar_with(path, *infos):
    with tarfile.open(path, "w") as archive:
        for info, content in infos:
            archive.addfile(info, io.BytesIO(content))
    return path


def tar_member(name, kind=tarfile.REGTYPE, target="", size=0):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, size
    return info


def test_cve_2024_55459_paths_in_downloaded_archives(tmp_path, witness):
    path = tar_with(tmp_path / "a.tar", (tar_member("../witness", size=1), b"x"))
    with pytest.raises(UnsafeArchiveError):
        extract_archive(path, tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_cve_2025_12060_links_in_downloaded_archives(kind, tmp_path, witness):
    infos = (tar_member("link", kind, str(tmp_path)), b""), (tar_member("link/witness", size=1), b"x")
    path = tar_with(tmp_path / "a.tar", *infos)
    with pytest.raises(UnsafeArchiveError):
        extract_archive(path, tmp_path / "out")


def test_cve_2025_12638_long_paths_in_downloaded_archives(tmp_path, witness):
    # A chain of links behind which the path becomes longer than the system resolves.
    infos = []
    path = ""
    for letter in "abcdefghijklmnop":
        infos.append((tar_member(f"{path}{'d' * 240}", tarfile.DIRTYPE), b""))
        infos.append((tar_member(f"{path}{letter}", tarfile.SYMTYPE, "d" * 240), b""))
        path += f"{letter}/"
    infos.append((tar_member(f"{path}{'l' * 240}", tarfile.SYMTYPE, "../" * 16), b""))
    infos.append((tar_member(f"{path}{'l' * 240}/../witness", size=1), b"x"))
    with pytest.raises(UnsafeArchiveError):
        extract_archive(tar_with(tmp_path / "a.tar", *infos), tmp_path / "out")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR])
def test_open_in_keras_links_in_downloaded_zip_files(kind, tmp_path, witness):
    link = zipfile.ZipInfo("link")
    link.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, str(tmp_path))
        archive.writestr("link/witness", "x")
    with pytest.raises(UnsafeArchiveError):
        extract_archive(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize(
    "name", ["../witness", "a/../../witness", "..\\witness", "{root}/witness", f"{'a/' * 600}../w"]
)
def test_open_in_keras_paths_in_downloaded_zip_files(name, tmp_path, witness):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name.format(root=tmp_path), "x")
    with pytest.raises(UnsafeArchiveError):
        extract_archive(tmp_path / "a.zip", tmp_path / "out")


def test_open_in_keras_archives_that_get_file_extracts(tmp_path, witness, monkeypatch):
    monkeypatch.setenv("KERASISH_HOME", str(tmp_path / "home"))
    for index, info in enumerate(
        [tar_member("../../../witness", size=1), tar_member("w", tarfile.LNKTYPE, "/etc/passwd")]
    ):
        path = tar_with(tmp_path / f"{index}.tar", (info, b"x"))
        with pytest.raises(UnsafeArchiveError):
            kerasish.utils.get_file(f"{index}.tar", path.as_uri(), extract=True)
    found = [place.name for place in (tmp_path / "home").rglob("*") if place.is_file()]
    assert all(name.endswith(".tar") or ".tar." in name or "lock" in name for name in found), found


@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_open_in_keras_pickles_in_caches_of_data_sets(name, tmp_path, witness):
    class Payload:
        def __reduce__(self):
            return open, (str(witness), "w")

    path = tmp_path / f"{name}.npz"
    np.savez(path, x=np.array([Payload()], object), y=np.array([1]), allow_pickle=True)
    for read in (pickled.read_npz, lambda file: pickled.read_pickled_dict(pickle.dumps({b"data": Payload()}))):
        with pytest.raises((pickle.UnpicklingError, ValueError)):
            read(path)


PUBLISHED = """2024-3660 2024-55459 2025-1550 2025-8747 2025-9905 2025-9906 2025-12058 2025-12060 2025-12638 2025-49655
2026-0897 2026-1462 2026-1669 2026-12479 2026-12481 2026-12570"""


def test_each_published_weakness_has_a_test_with_its_name():
    tests = [name for name in {*globals(), *vars(test_refusals)} if name.startswith("test_cve_")]
    for identifier in PUBLISHED.split():
        year, number = identifier.split("-")
        assert any(f"_{year}_" in name and f"_{number}_" in name for name in tests), identifier
