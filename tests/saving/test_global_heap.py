"""Global heaps of HDF5 files: whole ones are read whatever they hold, damaged ones refused where HDF5 would hang."""

import struct
import subprocess
import sys

import h5py
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasish.saving.hdf5 import RefusedFileError, VariablesReader


def write(path, strings):
    with h5py.File(path, "w") as file:
        file.create_group("a").attrs["names"] = strings


def objects(content):
    """Yield the place of each object's header in the first collection, the free space last."""
    start = content.index(b"GCOL")
    position = start + 16
    while True:
        yield position
        index, length = struct.unpack_from("<H6xQ", content, position)
        if index == 0:
            return
        position += 16 + -(-length // 8) * 8


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 6000), min_size=1, max_size=40))
def test_whole_heaps_are_read(tmp_path_factory, lengths):
    path = tmp_path_factory.mktemp("heap") / "w.h5"
    strings = ["x" * length for length in lengths]
    write(path, strings)
    with VariablesReader(path, "w.h5") as reader:
        assert reader.attributes("a")["names"] == strings


def test_lengths_that_lead_nowhere_are_refused(tmp_path):
    path = tmp_path / "whole.h5"
    write(path, ["one", "three"])
    content = path.read_bytes()
    first, *_, free = objects(content)
    long = [4096, 2**63, 2**64 - 16, 2**64 - 1]
    for place, length in [(first, length) for length in long] + [(free, length) for length in [0, 15, *long]]:
        damaged = bytearray(content)
        struct.pack_into("<Q", damaged, place + 8, length)
        (tmp_path / f"{place}-{length}.h5").write_bytes(damaged)
    # In a process of its own: what HDF5 does not come back from cannot be interrupted.
    script = """if True:
        import pathlib, sys
        from kerasish.saving.hdf5 import RefusedFileError, VariablesReader
        for path in sorted(pathlib.Path(sys.argv[1]).glob("*-*.h5")):
            try:
                with VariablesReader(path, "w.h5") as reader:
                    print("read:", reader.attributes("a"))
            except RefusedFileError as error:
                print(error)
    """
    command = [sys.executable, "-c", script, str(tmp_path)]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout.splitlines()
    assert len(lines) == 10
    for line in lines:
        assert line.startswith("w.h5 is damaged") and "of a global heap has" in line


@pytest.mark.parametrize(("place", "value"), [(4, 2), (8, 2**40), (8, 8)], ids=["version", "past the end", "short"])
def test_headers_that_cannot_be_are_refused(tmp_path, place, value):
    path = tmp_path / "w.h5"
    write(path, ["one"])
    content = bytearray(path.read_bytes())
    struct.pack_into("<B" if place == 4 else "<Q", content, content.index(b"GCOL") + place, value)
    path.write_bytes(content)
    with VariablesReader(path, "w.h5") as reader, pytest.raises(RefusedFileError, match="global heap of version"):
        reader.attributes("a")


def test_sizes_of_another_width_are_refused(tmp_path):
    path = tmp_path / "w.h5"
    properties = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    properties.set_sizes(4, 4)
    h5py.File(h5py.h5f.create(str(path).encode(), fcpl=properties)).close()
    with pytest.raises(RefusedFileError, match="other than 8 bytes"):
        VariablesReader(path, "w.h5")
