"""Vocabularies: tables from tokens to indices, what counting tokens tells, and vocabulary files."""

import collections
import functools
import itertools
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

MISSING, DROPPED = -1, -2  # what tables answer for unknown tokens, and for masked ones that no output counts


class TextTable:
    """Finds the indices of strings.

    Args:
        tokens: the strings, without repetition.
        start: index of the first.
        mask: a further string and its index.
    """

    def __init__(self, tokens: Sequence[str], start: int, mask: tuple[str, int] | None) -> None:
        self.tokens = tokens
        self._by_text = dict(zip(tokens, range(start, start + len(tokens))))
        if mask is not None:
            self._by_text[mask[0]] = mask[1]

    @functools.cached_property
    def _by_bytes(self) -> dict[bytes, int]:
        return {token.encode(): index for token, index in self._by_text.items()}

    def find(self, items: Sequence[str] | Sequence[bytes], default: int) -> np.ndarray:
        """Return the indices of strings, all given as text or all as UTF-8; `default` for unknown ones."""
        table: dict = self._by_bytes if items and isinstance(items[0], bytes) else self._by_text
        return np.fromiter(map(table.get, items, itertools.repeat(default)), np.int64, len(items))


class NumberTable:
    """Finds the indices of integers.

    Args:
        tokens: the integers, without repetition.
        start: index of the first.
        mask: a further integer and its index.
    """

    def __init__(self, tokens: Sequence[int], start: int, mask: tuple[int, int] | None) -> None:
        self.tokens = tokens
        table = dict(zip(tokens, range(start, start + len(tokens))))
        if mask is not None:
            table[mask[0]] = mask[1]
        keys = np.fromiter(table, np.int64, len(table))
        order = np.argsort(keys)
        self._keys = keys[order]
        self._indices = np.fromiter(table.values(), np.int64, len(table))[order]

    def find(self, items: np.ndarray, default: int) -> np.ndarray:
        """Return the indices of a flat array of integers; `default` for unknown ones."""
        if not len(self._keys):
            return np.full(len(items), default)
        places = np.minimum(np.searchsorted(self._keys, items), len(self._keys) - 1)
        return np.where(self._keys[places] == items, self._indices[places], default)


class Counts:
    """How often tokens occurred, and in how many documents."""

    def __init__(self) -> None:
        self._tokens: collections.Counter = collections.Counter()
        self._documents: collections.Counter = collections.Counter()
        self.num_documents = 0

    def __bool__(self) -> bool:
        return bool(self._tokens)

    def add(self, tokens: Iterable[Any], documents: Iterable[Iterable[Any]] | None = None) -> None:
        """Count tokens; `documents` are the same tokens in groups, if those count too."""
        self._tokens.update(tokens)
        for document in documents or ():
            self._documents.update(set(document))
            self.num_documents += 1

    def discard(self, token: Any, count: int) -> None:
        """Take back that a token was counted so many times."""
        self._tokens[token] -= count
        if not self._tokens[token]:
            del self._tokens[token]

    def add_numbers(self, numbers: np.ndarray, documents: Iterable[np.ndarray] | None = None) -> None:
        """Count integers in an array."""
        values, counts = np.unique(numbers, return_counts=True)
        self._tokens.update(dict(zip(values.tolist(), counts.tolist())))
        self.add((), [document.tolist() for document in documents] if documents is not None else None)

    def most_frequent(self, limit: int | None, without: Iterable[Any]) -> list:
        """Return tokens, the most frequent first, and of equally frequent ones the greater first.

        Args:
            limit: how many at most, None for all.
            without: tokens to leave out.
        """
        for token in without:
            self._tokens.pop(token, None)
        tokens = list(self._tokens)
        if limit is not None and limit < len(tokens):
            counts = np.fromiter(self._tokens.values(), np.int64, len(tokens))
            least = np.partition(counts, len(tokens) - limit)[len(tokens) - limit] if limit > 0 else np.inf
            tokens = [token for token, keep in zip(tokens, (counts >= least).tolist()) if keep]
        tokens.sort(reverse=True)
        tokens.sort(key=self._tokens.__getitem__, reverse=True)  # stable: equal counts stay in order
        return tokens[:limit]

    def inverse_document_frequencies(self, tokens: list) -> np.ndarray:
        """Return `log(1 + number of documents / (1 + number of documents with the token))` for tokens."""
        counts = np.array([self._documents[token] for token in tokens])
        return np.log(1 + self.num_documents / (1 + counts))


def read_lines(path: Any) -> list[str]:
    """Return the lines of a vocabulary file.

    Raises:
        ValueError: if there is no such file.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"Vocabulary file {str(path)!r} does not exist.")
    lines = path.read_bytes().decode("utf-8").replace("\r", "").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def write_lines(path: Any, lines: Sequence[str]) -> None:
    """Write a vocabulary file, one token in a line.

    Raises:
        ValueError: if a token holds a line break.
    """
    for line in lines:
        if "\n" in line or "\r" in line:
            raise ValueError(
                f"The vocabulary holds {line!r}, and a vocabulary file cannot hold line breaks. Pass the tokens as "
                "`vocabulary` to the constructor: then they are part of the config."
            )
    pathlib.Path(path).write_bytes("\n".join(lines).encode("utf-8"))
