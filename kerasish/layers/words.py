"""Texts that are standardized in one go, and their words in one flat list: what makes many short texts fast."""

import functools
import itertools
from typing import Any

import numpy as np

END = "\0"  # between texts that are joined to one, and between their words


class Texts:
    """Texts as one string of bytes, or, where one of them holds the mark between texts, as a list.

    Args:
        items: the texts.
    """

    def __init__(self, items: list[str]) -> None:
        joined = END.join(items)
        self._joined: bytes | None = None
        self._items: list[bytes] = []
        if items and joined.count(END) == len(items) - 1:
            self._joined = joined.encode()
        else:
            self._items = [text.encode() for text in items]

    def translated(self, table: bytes | None, deleted: bytes) -> "Texts":
        """Return the texts with their bytes replaced by those of a table, and some deleted."""
        result = Texts([])
        if self._joined is not None:
            result._joined = self._joined.translate(table, deleted)
        result._items = [text.translate(table, deleted) for text in self._items]
        return result

    def texts(self) -> list[str]:
        """Return the texts as strings."""
        if self._joined is not None:
            return self._joined.decode().split(END)
        return [text.decode() for text in self._items]

    def words(self) -> "Words":
        """Return what stands between ASCII white space, as UTF-8."""
        if self._joined is None:
            return Words.of([text.split() for text in self._items])
        mark = END.encode()
        return Words(self._joined.replace(mark, b" %b " % mark).split(), marks=self._joined.count(mark))

    def characters(self) -> "Words":
        """Return the characters."""
        if self._joined is None:
            return Words.of([list(text.decode()) for text in self._items])
        return Words(list(self._joined.decode()), marks=self._joined.count(END.encode()))


class Words:
    """The words of texts.

    Args:
        tokens: the words of all texts, all strings or all UTF-8.
        lengths: number of words of each text.
            None: `END` stands between the words of one text and those of the next.
        marks: number of these marks.
        order: with `lengths`, the places of the words in the order of the texts; None: as they are.
    """

    def __init__(
        self, tokens: list, lengths: np.ndarray | None = None, marks: int = 0, order: np.ndarray | None = None
    ) -> None:
        self.tokens = tokens
        self._lengths = lengths
        self.marks = marks
        self._order = order
        self.mark: Any = END.encode() if tokens and isinstance(tokens[0], bytes) else END

    @classmethod
    def of(cls, documents: list[list]) -> "Words":
        """Return the words of texts that are lists of words."""
        return cls(list(itertools.chain.from_iterable(documents)), np.fromiter(map(len, documents), np.int64))

    @functools.cached_property
    def ends(self) -> list[int]:
        """The places of the marks between texts."""
        places, place = [], -1
        for _ in range(self.marks):
            place = self.tokens.index(self.mark, place + 1)
            places.append(place)
        return places

    def without_ends(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the values that belong to words, in the order of the texts, and the number of words of each text.

        Args:
            values: a value for each of `tokens`.
        """
        if self._lengths is not None:
            return values if self._order is None else values[self._order], self._lengths
        bounds = np.array([-1, *self.ends, len(values)])
        return np.delete(values, self.ends), np.diff(bounds) - 1

    def documents(self) -> list[list]:
        """Return the words of each text as a list."""
        places, lengths = self.without_ends(np.arange(len(self.tokens)))
        tokens = self.tokens
        if self.marks or self._order is not None:
            tokens = [tokens[place] for place in places.tolist()]
        starts = np.cumsum(lengths) - lengths
        return [tokens[start : start + length] for start, length in zip(starts.tolist(), lengths.tolist())]

    def ngrams(self, sizes: range | tuple[int, ...]) -> "Words":
        """Return the n-grams of each text: all of the first size in order, then all of the next."""
        places, lengths = self.without_ends(np.arange(len(self.tokens)))
        tokens = [self.tokens[place] for place in places.tolist()] if self.marks else self.tokens
        owners = np.repeat(np.arange(len(lengths)), lengths)
        space: Any = b" " if isinstance(self.mark, bytes) else " "
        found: list = []
        rows = [owners[:0]]
        longest = int(lengths.max(initial=0))
        # A range, from 1 on, can be far longer than any text.
        for size in sizes[:longest] if isinstance(sizes, range) else sizes:
            if size > longest:
                continue
            if size == 1:
                found.extend(tokens)
                rows.append(owners)
                continue
            inside = owners[size - 1 :] == owners[: max(len(owners) - size + 1, 0)]
            joined = map(space.join, zip(*(tokens[offset:] for offset in range(size))))
            found.extend(itertools.compress(joined, inside.tolist()))
            rows.append(owners[size - 1 :][inside])
        row = np.concatenate(rows)
        order = np.argsort(row, kind="stable")
        return Words(found, np.bincount(row, minlength=len(lengths)), order=order)
