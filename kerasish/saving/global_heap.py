"""Files whose global heaps are looked through before the HDF5 library does, which can loop for ever in a damaged one.

The format is that of the HDF5 File Format Specification 3.0, III.E: a collection is a header of 16 bytes with its size,
then objects, each of which has a header of 16 bytes with its index and size. Object 0 is the space that is left.
"""

import struct
from typing import IO

_SIGNATURE = b"GCOL"
_HEADER = struct.Struct("<4sB3xQ")
_OBJECT = struct.Struct("<H6xQ")
_OBJECTS = 2**16


class DamagedHeapError(ValueError):
    """A collection of a global heap has sizes that lead nowhere."""


class HeapCheckedFile:
    """A binary file for h5py to read, in which every global heap collection is checked when it is read.

    h5py asks Python files for each piece of metadata by itself, so that a collection is always at the start of a read.

    Args:
        file: binary file open for reading.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.read = file.seek, file.tell, file.read
        self.flush, self.truncate, self.write = file.flush, file.truncate, file.write

    def readinto(self, buffer: memoryview) -> int:
        """Read as files do.

        Raises:
            DamagedHeapError: if it is a collection of a global heap that the HDF5 library would not come to the end of.
        """
        start = self._file.tell()
        count: int = self._file.readinto(buffer)  # type: ignore[attr-defined]
        if bytes(buffer[:4]) == _SIGNATURE:
            self._check_collection(start)
            self._file.seek(start + count)
        return count

    def _check_collection(self, start: int) -> None:
        end = self._file.seek(0, 2) - start
        self._file.seek(start)
        _, version, size = _HEADER.unpack(self._file.read(_HEADER.size).ljust(_HEADER.size, b"\0"))
        if version != 1 or not _HEADER.size <= size <= end:
            raise DamagedHeapError(f"a global heap of version {version} and {size} bytes, {end} bytes from the end")
        self._file.seek(start)
        collection, position = self._file.read(size), _HEADER.size
        for _ in range(_OBJECTS):
            if position + _OBJECT.size > size:
                return
            index, length = _OBJECT.unpack_from(collection, position)
            step = length if index == 0 else _OBJECT.size + -(-length // 8) * 8
            if step < _OBJECT.size or position + step > size:
                raise DamagedHeapError(f"object {index} of a global heap has {length} bytes; the heap has {size}")
            position += step
        raise DamagedHeapError(f"a global heap of more than {_OBJECTS} objects")
