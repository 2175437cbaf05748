"""StringLookup and IntegerLookup: strings and integers as their indices in a vocabulary, and back."""

import operator
from typing import Any

import numpy as np

from kerasish.layers.arguments import complaint
from kerasish.layers.hashing import integers_as_bytes
from kerasish.layers.host import as_array, texts
from kerasish.layers.index_lookup import IndexLookup
from kerasish.layers.vocabulary import NumberTable, TextTable


class StringLookup(IndexLookup):
    """Maps strings to their indices in a vocabulary.

    Indices begin with that of the mask token (if there is one and `output_mode` is `"int"`), then come those for
    unknown strings, then those of the vocabulary.

    Args:
        max_tokens: limit on the size of the vocabulary that `adapt` learns, special tokens included.
        num_oov_indices: number of indices for strings that are not in the vocabulary. With more than one, unknown
            strings are spread over them by their hash; with 0 they are an error.
        mask_token: string for masked places: index 0, and left out in other modes than `"int"`.
        oov_token: what an inverted layer returns for indices of unknown strings.
        vocabulary: the strings, or the path of a text file with one in each line; otherwise `adapt` learns them.
        idf_weights: inverse document frequencies of the vocabulary, needed with it in mode `"tf_idf"`.
        invert: whether indices are mapped to strings instead; the layer then returns a NumPy array.
        output_mode: `"int"` for indices, `"one_hot"` for a vector for each string (a last axis of size 1 goes away),
            `"multi_hot"` for a vector for each sample that marks what occurs in it, `"count"` for one that counts,
            `"tf_idf"` for counts multiplied by inverse document frequencies.
        pad_to_max_tokens: whether vectors have `max_tokens` entries whatever the vocabulary's size.
        sparse: must be false.
        encoding: how inputs that are bytes are read.
        name: name of the layer; by default unique.
        salt: one or two integers: unknown strings are spread by SipHash with this key instead of FarmHash.
        **kwargs: further arguments that configs hold.

    Raises:
        ValueError: for arguments that are malformed or contradict each other.

    Example:
        >>> StringLookup(vocabulary=["a", "b", "c"])([["a", "c", "z"]])
        Array([[1, 3, 0]], dtype=int32)
    """

    _table_class = TextTable

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str | None = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        self.encoding = encoding
        for argument, token in (("mask_token", mask_token), ("oov_token", oov_token)):
            if token is not None and not isinstance(token, str):
                raise complaint(self, argument, token, "a string or None")
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, "string", vocabulary, idf_weights, invert,
            output_mode, sparse, pad_to_max_tokens, name=name, salt=salt, **kwargs,
        )  # fmt: skip

    def _as_tokens(self, vocabulary: Any) -> list[str]:
        array = as_array(vocabulary, "set_vocabulary")
        if array.ndim != 1:
            raise complaint(self, "vocabulary", vocabulary, "a path, or a list or array of strings with one axis")
        return texts(array, self.encoding, "set_vocabulary")

    def _flat(self, inputs: np.ndarray) -> list[str]:
        return texts(inputs, self.encoding, f"StringLookup {self.name!r}")

    def _hash_inputs(self, tokens: list) -> list[bytes]:
        return [token if isinstance(token, bytes) else token.encode() for token in tokens]

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again; a learned vocabulary is not part of them."""
        config = super().get_config()
        del config["vocabulary_dtype"]
        return config | {"encoding": self.encoding}


class IntegerLookup(IndexLookup):
    """Maps integers to their indices in a vocabulary.

    Indices begin with that of the mask token (if there is one and `output_mode` is `"int"`), then come those for
    unknown integers, then those of the vocabulary.

    Args:
        max_tokens: limit on the size of the vocabulary that `adapt` learns, special tokens included.
        num_oov_indices: number of indices for integers that are not in the vocabulary. With more than one, unknown
            integers are spread over them; with 0 they are an error.
        mask_token: integer for masked places: index 0, and left out in other modes than `"int"`.
        oov_token: what an inverted layer returns for indices of unknown integers.
        vocabulary: the integers, or the path of a text file with one in each line; otherwise `adapt` learns them.
        vocabulary_dtype: must be `"int64"`.
        idf_weights: inverse document frequencies of the vocabulary, needed with it in mode `"tf_idf"`.
        invert: whether indices are mapped to integers instead.
        output_mode: as for StringLookup.
        sparse: must be false.
        pad_to_max_tokens: whether vectors have `max_tokens` entries whatever the vocabulary's size.
        oov_method: how unknown integers are spread: `"floormod"` by the remainder of division, `"farmhash"` by hash.
        salt: one or two integers: with `"farmhash"`, SipHash with this key is used.
        name: name of the layer; by default unique.
        **kwargs: further arguments that configs hold.

    Raises:
        ValueError: for arguments that are malformed or contradict each other.

    Example:
        >>> IntegerLookup(vocabulary=[12, 36, 1138])(np.array([[12, 1138, 7]]))
        Array([[1, 3, 0]], dtype=int32)
    """

    _table_class = NumberTable

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int | None = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if vocabulary_dtype != "int64":
            raise complaint(self, "vocabulary_dtype", vocabulary_dtype, "'int64'")
        super().__init__(
            max_tokens, num_oov_indices, self._token("mask_token", mask_token), self._token("oov_token", oov_token),
            vocabulary_dtype, vocabulary, idf_weights, invert, output_mode, sparse, pad_to_max_tokens, oov_method,
            name, salt, **kwargs,
        )  # fmt: skip

    def _token(self, name: str, token: Any) -> int | None:
        try:
            return None if token is None else operator.index(token)
        except TypeError:
            raise complaint(self, name, token, "an integer or None") from None

    def _as_tokens(self, vocabulary: Any) -> list[int]:
        try:
            array = np.asarray([int(item) for item in np.ravel(vocabulary)] if np.ndim(vocabulary) == 1 else None)
        except (TypeError, ValueError):
            array = np.asarray(None)
        if array.dtype == object:
            raise complaint(self, "vocabulary", vocabulary, "a path, or a list or array of integers with one axis")
        return array.tolist()

    def _flat(self, inputs: np.ndarray) -> np.ndarray:
        if inputs.dtype.kind not in "iufb" and inputs.size:
            raise TypeError(f"IntegerLookup {self.name!r}: expected integers, received dtype {inputs.dtype}.")
        return inputs.ravel().astype(np.int64)

    def _hash_inputs(self, tokens: np.ndarray) -> list[bytes]:
        return integers_as_bytes(tokens)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again; a learned vocabulary is not part of them."""
        config = super().get_config()
        if config["vocabulary"] is not None:
            config["vocabulary"] = [int(token) for token in config["vocabulary"]]
        return config
