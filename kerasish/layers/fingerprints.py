"""Hash functions of byte strings and integers, for many values at once: FarmHash64, SipHash-2-4, and pairs of hashes.

Sources: G. Pike, FarmHash (its function `farmhashna::Hash64`, whose values never change between versions), and
J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", 2012. All arithmetic is modulo 2**64.
"""

from collections.abc import Callable, Sequence

import numpy as np

_K0 = np.uint64(0xC3A5C85C97CB3127)
_K1 = np.uint64(0xB492B66FBE98F273)
_K2 = np.uint64(0x9AE16A3B2F90404F)
_JOIN = np.uint64(0xC6A4A7935BD1E995)  # of MurmurHash64A
_LONGEST_READ = 8


class _Bytes:
    """Byte strings laid end to end, with reads of little-endian words at a position in each of them."""

    def __init__(self, strings: Sequence[bytes]) -> None:
        self.lengths = np.fromiter(map(len, strings), np.int64, len(strings))
        self._starts = np.cumsum(self.lengths) - self.lengths
        self._data = np.frombuffer(b"".join([*strings, bytes(_LONGEST_READ)]), np.uint8)

    def select(self, rows: np.ndarray) -> "_Bytes":
        """Return the strings at `rows`."""
        part = object.__new__(_Bytes)
        part.lengths, part._starts, part._data = self.lengths[rows], self._starts[rows], self._data
        return part

    def word(self, offset: np.ndarray | int, size: int = 8) -> np.ndarray:
        """Return the `size` bytes from `offset` on in each string as unsigned integers."""
        # All words of the data, at every position: they overlap.
        count = len(self._data) - size + 1
        words = np.ndarray((count,), f"<u{size}", self._data, strides=(1,))
        return words[self._starts + offset].astype(np.uint64, copy=False)


def farmhash64(strings: Sequence[bytes]) -> np.ndarray:
    """Return the FarmHash64 fingerprints of byte strings.

    Args:
        strings: any number of byte strings of any lengths.

    Returns:
        uint64 array of shape `(len(strings),)`.
    """
    data = _Bytes(strings)
    hashes = np.full(len(strings), _K2)
    classes: list[tuple[int, int | None, Callable]] = [
        (1, 3, _hash_to_3), (4, 7, _hash_to_7), (8, 16, _hash_to_16), (17, 32, _hash_to_32), (33, 64, _hash_to_64),
        (65, None, _hash_longer),
    ]  # fmt: skip
    with np.errstate(over="ignore"):
        for shortest, longest, function in classes:
            chosen = data.lengths >= shortest
            if longest is not None:
                chosen &= data.lengths <= longest
            rows = np.flatnonzero(chosen)
            if len(rows):
                hashes[rows] = function(data.select(rows))
    return hashes


def _rotated(x: np.ndarray, bits: int) -> np.ndarray:
    """Rotate right."""
    return (x >> np.uint64(bits)) | (x << np.uint64(64 - bits))


def _folded(x: np.ndarray) -> np.ndarray:
    return x ^ (x >> np.uint64(47))


def _mixed(u: np.ndarray, v: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Return the hash of two words."""
    return _folded((v ^ _folded((u ^ v) * factor)) * factor) * factor


def _hash_to_3(s: _Bytes) -> np.ndarray:
    length = s.lengths.astype(np.uint64)
    first, middle, last = s.word(0, 1), s.word(s.lengths // 2, 1), s.word(s.lengths - 1, 1)
    y, z = first + (middle << np.uint64(8)), length + (last << np.uint64(2))
    return _folded(y * _K2 ^ z * _K0) * _K2


def _hash_to_7(s: _Bytes) -> np.ndarray:
    length = s.lengths.astype(np.uint64)
    first, last = s.word(0, 4), s.word(s.lengths - 4, 4)
    return _mixed(length + (first << np.uint64(3)), last, _factor(s))


def _factor(s: _Bytes) -> np.ndarray:
    return _K2 + s.lengths.astype(np.uint64) * np.uint64(2)


def _hash_to_16(s: _Bytes) -> np.ndarray:
    factor = _factor(s)
    a, b = s.word(0) + _K2, s.word(s.lengths - 8)
    return _mixed(_rotated(b, 37) * factor + a, (_rotated(a, 25) + b) * factor, factor)


def _ends(s: _Bytes, factor: np.ndarray, scale: np.uint64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the first word and two sums made from the first and last 16 bytes."""
    a, b = s.word(0) * scale, s.word(8)
    c, d = s.word(s.lengths - 8) * factor, s.word(s.lengths - 16) * _K2
    return a, _rotated(a + b, 43) + _rotated(c, 30) + d, a + _rotated(b + _K2, 18) + c


def _hash_to_32(s: _Bytes) -> np.ndarray:
    factor = _factor(s)
    _, u, v = _ends(s, factor, _K1)
    return _mixed(u, v, factor)


def _hash_to_64(s: _Bytes) -> np.ndarray:
    factor = _factor(s)
    a, y, v = _ends(s, factor, _K2)
    z = _mixed(y, v, factor)
    e, f = s.word(16) * factor, s.word(24)
    g, h = (y + s.word(s.lengths - 32)) * factor, (z + s.word(s.lengths - 24)) * factor
    return _mixed(_rotated(e + f, 43) + _rotated(g, 30) + h, e + _rotated(f + a, 18) + g, factor)


class _LongState:
    """The seven words that FarmHash carries over blocks of 64 bytes, for many strings."""

    def __init__(self, s: _Bytes) -> None:
        seed = np.full(len(s.lengths), np.uint64(81))
        self.x = seed * _K2 + s.word(0)
        self.y = seed * _K1 + np.uint64(113)
        self.z = _folded(self.y * _K2 + np.uint64(113)) * _K2
        self.v0, self.v1, self.w0, self.w1 = (np.zeros_like(seed) for _ in range(4))

    def select(self, rows: np.ndarray) -> "_LongState":
        part = object.__new__(_LongState)
        vars(part).update({name: value[rows] for name, value in vars(self).items()})
        return part

    def assign(self, rows: np.ndarray, part: "_LongState") -> None:
        for name, value in vars(self).items():
            value[rows] = getattr(part, name)

    def advance(self, s: _Bytes, at: np.ndarray | int, factor: np.ndarray | np.uint64, last: bool = False) -> None:
        """Take in the 64 bytes at `at`."""
        nine = np.uint64(9 if last else 1)
        x = _rotated(self.x + self.y + self.v0 + s.word(at + 8), 37) * factor
        y = _rotated(self.y + self.v1 + s.word(at + 48), 42) * factor
        x ^= self.w1 * nine
        y += self.v0 * nine + s.word(at + 40)
        z = _rotated(self.z + self.w0, 33) * factor
        self.v0, self.v1 = _take_32(s, at, self.v1 * factor, x + self.w0)
        self.w0, self.w1 = _take_32(s, at + 32, z + self.w1, y + s.word(at + 16))
        self.x, self.y, self.z = z, y, x


def _take_32(s: _Bytes, at: np.ndarray | int, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    w, x, y, z = (s.word(at + offset) for offset in (0, 8, 16, 24))
    a = a + w
    b = _rotated(b + a + z, 21)
    total = a + x + y
    return total + z, b + _rotated(total, 44) + a


def _hash_longer(s: _Bytes) -> np.ndarray:
    state = _LongState(s)
    blocks = (s.lengths - 1) // 64
    for index in range(int(blocks.max())):
        rows = np.flatnonzero(blocks > index)
        part = state.select(rows)
        part.advance(s.select(rows), index * 64, _K1)
        state.assign(rows, part)
    rest = (s.lengths - 1) & 63
    factor = _K1 + ((state.z & np.uint64(0xFF)) << np.uint64(1))
    state.w0 = state.w0 + rest.astype(np.uint64)
    state.v0 = state.v0 + state.w0
    state.w0 = state.w0 + state.v0
    state.advance(s, s.lengths - 64, factor, last=True)
    first = _mixed(state.v0, state.w0, factor) + _folded(state.y) * _K0 + state.z
    return _mixed(first, _mixed(state.v1, state.w1, factor) + state.x, factor)


def siphash64(strings: Sequence[bytes], key: Sequence[int]) -> np.ndarray:
    """Return the SipHash-2-4 of byte strings under a key.

    Args:
        strings: any number of byte strings of any lengths.
        key: two integers.

    Returns:
        uint64 array of shape `(len(strings),)`.
    """
    # Each string is padded to whole words; the last byte of the last word is its length.
    padded = [s + bytes(7 - len(s) % 8) + bytes([len(s) & 0xFF]) for s in strings]
    data = _Bytes(padded)
    k0, k1 = (np.uint64(int(part) & 0xFFFFFFFFFFFFFFFF) for part in key)
    constants = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    state = [np.full(len(strings), np.uint64(c) ^ k) for c, k in zip(constants, (k0, k1, k0, k1))]
    words = data.lengths // 8
    with np.errstate(over="ignore"):
        for index in range(int(words.max(initial=0))):
            rows = np.flatnonzero(words > index)
            message = data.select(rows).word(index * 8)
            part = [v[rows] for v in state]
            part[3] ^= message
            part = _sip_round(_sip_round(part))
            part[0] ^= message
            for v, value in zip(state, part):
                v[rows] = value
        state[2] ^= np.uint64(0xFF)
        for _ in range(4):
            state = _sip_round(state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _sip_round(state: list[np.ndarray]) -> list[np.ndarray]:
    v0, v1, v2, v3 = state
    v0, v2 = v0 + v1, v2 + v3
    v1, v3 = _rotated(v1, 51) ^ v0, _rotated(v3, 48) ^ v2
    v0 = _rotated(v0, 32)
    v2, v0 = v2 + v1, v0 + v3
    v1, v3 = _rotated(v1, 47) ^ v2, _rotated(v3, 43) ^ v0
    return [v0, v1, _rotated(v2, 32), v3]


def combined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return one fingerprint for each pair of fingerprints, which depends on their order, as TensorFlow joins them.

    Args:
        first: uint64 array.
        second: uint64 array of the same shape.
    """
    with np.errstate(over="ignore"):
        mixed = (first ^ _JOIN) ^ (_folded(second * _JOIN) * _JOIN)
        return _folded(_folded(mixed * _JOIN) * _JOIN)
