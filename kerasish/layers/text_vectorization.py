"""TextVectorization: texts as the vocabulary indices of their words, or as vectors made from them."""

import string
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasish.core import registry
from kerasish.core.symbolic import KerasTensor
from kerasish.layers.arguments import choice, complaint
from kerasish.layers.categories import encode_on_host, encode_rows
from kerasish.layers.hashing import no_sparse
from kerasish.layers.host import HostLayer, as_array, batches, on_device, texts
from kerasish.layers.index_lookup import _FORMER_MODES, _MODES, refuse_path
from kerasish.layers.lookup import StringLookup
from kerasish.layers.words import Texts, Words

_LOWER = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
# What each standardization does to UTF-8: a table of bytes, and bytes to delete. Letters beyond ASCII stay.
_STANDARDIZE: dict[str | None, tuple[bytes | None, bytes]] = {
    None: (None, b""),
    "lower": (_LOWER, b""),
    "strip_punctuation": (None, string.punctuation.encode()),
    "lower_and_strip_punctuation": (_LOWER, string.punctuation.encode()),
}


class TextVectorization(HostLayer):
    """Maps texts to the indices of their words in a vocabulary, or to vectors made from those.

    Each text is standardized, split into words, and the words are joined to n-grams if wanted. Index 0 stands for
    padding and 1 for unknown words.

    Args:
        max_tokens: limit on the size of the vocabulary that `adapt` learns, special tokens included.
        standardize: `"lower_and_strip_punctuation"`, `"lower"`, `"strip_punctuation"` (ASCII letters and signs), None,
            or a function from one string to another.
        split: `"whitespace"`, `"character"`, None for texts that are words already, or a function from one string to a
            list of strings.
        ngrams: n for all n-grams up to n words, or a tuple of such lengths.
        output_mode: `"int"` for indices, `"multi_hot"`, `"count"`, `"tf_idf"` for a vector for each text (words that
            occur, their counts, counts times inverse document frequencies), `"one_hot"` for one for each word.
        output_sequence_length: length to which rows of indices are padded with 0 or cut; by default the longest.
        pad_to_max_tokens: whether vectors have `max_tokens` entries whatever the vocabulary's size.
        vocabulary: the words, or the path of a text file with one in each line; otherwise `adapt` learns them.
        idf_weights: inverse document frequencies of the vocabulary, needed with it in mode `"tf_idf"`.
        sparse: must be false.
        ragged: whether to return a list of NumPy arrays of different lengths, in mode `"int"`.
        encoding: how inputs that are bytes are read.
        name: name of the layer; by default unique.
        **kwargs: `trainable` and `dtype` of `Layer`, and arguments that configs hold.

    Raises:
        ValueError: for arguments that are malformed or contradict each other.

    Example:
        >>> layer = TextVectorization(output_sequence_length=4)
        >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
        >>> layer(["foo qux bar", "qux baz"])
        Array([[4, 1, 3, 0],
               [1, 2, 0, 0]], dtype=int32)
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | Callable | None = "lower_and_strip_punctuation",
        split: str | Callable | None = "whitespace",
        ngrams: int | tuple[int, ...] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        known = {key: kwargs.pop(key) for key in ("has_input_vocabulary", "vocabulary_size") if key in kwargs}
        super().__init__(name=name, **kwargs)
        if standardize is not None and not callable(standardize):
            choice(self, "standardize", standardize, [name for name in _STANDARDIZE if name])
        if split is not None and not callable(split):
            choice(self, "split", split, ("whitespace", "character"))
        self._standardize, self._split = standardize, split
        self._output_mode = choice(self, "output_mode", _FORMER_MODES.get(output_mode, output_mode), _MODES)
        self._ngrams_arg = ngrams
        self._ngrams = _checked_ngrams(self, ngrams)
        self._output_sequence_length = output_sequence_length
        self._ragged = bool(ragged)
        self._encoding = encoding
        self._check_output(output_sequence_length, no_sparse(self, sparse))
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens, vocabulary=vocabulary, idf_weights=idf_weights, mask_token="", encoding=encoding,
            pad_to_max_tokens=pad_to_max_tokens, output_mode=self._output_mode, **known,
        )  # fmt: skip
        self._has_input_vocabulary = self._lookup_layer._has_input_vocabulary

    def _check_output(self, length: Any, sparse: bool) -> None:
        if self._output_mode == "int":
            if length is not None and (isinstance(length, bool) or not isinstance(length, int) or length < 1):
                raise complaint(self, "output_sequence_length", length, "None or a positive integer")
        elif length is not None or self._ragged:
            given = "ragged" if self._ragged else "output_sequence_length"
            raise ValueError(
                f"TextVectorization: `{given}` needs output_mode='int', received output_mode={self._output_mode!r}."
            )

    @property
    def compute_dtype(self) -> str:
        """The dtype of texts."""
        return "string"

    @property
    def variable_dtype(self) -> str:
        """The dtype of texts."""
        return "string"

    # Texts to words

    def _tokenized(self, array: np.ndarray) -> Words | np.ndarray:
        """Return the words of each text; if there is nothing to split or join, an array of texts like the input."""
        items = texts(array, self._encoding, f"TextVectorization {self.name!r}")
        if self._split is None:
            standardized = np.array([*self._standardized(items).texts(), None], dtype=object)[:-1].reshape(array.shape)
            if self._ngrams is None:
                return standardized
            rows = standardized.reshape(1, -1) if array.ndim < 2 else standardized.reshape(len(array), -1)
            return Words.of([row.tolist() for row in rows]).ngrams(self._ngrams)
        if array.ndim > 2 or (array.ndim == 2 and array.shape[-1] != 1):
            raise ValueError(
                f"TextVectorization {self.name!r}: texts to be split must have shape (batch,) or (batch, 1), received "
                f"{array.shape}."
            )
        standardized = self._standardized(items)
        if callable(self._split):
            split = [self._split(text) for text in standardized.texts()]
            words = Words.of([[_as_text(word, self._encoding) for word in found] for found in split])
        else:
            words = standardized.characters() if self._split == "character" else standardized.words()
        return words if self._ngrams is None else words.ngrams(self._ngrams)

    def _standardized(self, items: list[str]) -> Texts:
        if callable(self._standardize):
            return Texts([_as_text(self._standardize(text), self._encoding) for text in items])
        return Texts(items).translated(*_STANDARDIZE[self._standardize])

    # The vocabulary

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary from texts, most frequent words first, forgetting what was learned before.

        Equally frequent words are in descending order. With `max_tokens`, the most frequent ones are kept. With
        `"tf_idf"` the weight of a word is `log(1 + texts / (1 + texts with the word))`.

        Args:
            data: array or list of texts, or an iterable or a PyDataset of batches of them.
            batch_size: kept for compatibility.
            steps: number of batches to use, by default all.

        Raises:
            ValueError: if the layer was made with a vocabulary.
        """
        self.reset_state()
        for batch in batches(data, steps, "TextVectorization"):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the words of a batch of texts."""
        tokens = self._tokenized(as_array(data, "TextVectorization"))
        if isinstance(tokens, np.ndarray):
            self._lookup_layer.update_state(tokens)
        else:
            self._lookup_layer.count_words(tokens)

    def finalize_state(self) -> None:
        """Set the vocabulary from the words counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget the words counted."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """Return the words in the order of their indices.

        Args:
            include_special_tokens: whether padding and unknown words are among them, as they are among the indices.
        """
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """Return the number of indices, those of padding and unknown words included."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the words, in place of those there are; see `StringLookup.set_vocabulary`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    # Texts to numbers

    def call(self, inputs: Any) -> Any:
        """Return indices or vectors; a list of NumPy arrays if `ragged`."""
        outputs = self.compute(np.asarray(inputs))
        return [*outputs] if self._ragged and isinstance(outputs, list) else on_device(outputs)

    def compute(self, inputs: np.ndarray) -> Any:
        """Return the outputs for an array of texts."""
        lookup = self._lookup_layer
        lookup._check_ready()
        tokens = self._tokenized(inputs)
        if isinstance(tokens, np.ndarray):
            return self._fitted(lookup.compute(tokens))
        indices, lengths = tokens.without_ends(lookup.find(tokens.tokens))
        if inputs.ndim == 0 or (self._split is None and inputs.ndim == 1):
            return self._fitted(self._encoded_row(indices))
        if self._output_mode in ("int", "one_hot"):
            if self._ragged:
                return [row[: self._output_sequence_length] for row in np.split(indices, np.cumsum(lengths)[:-1])]
            if self._output_mode == "int":
                return _padded(indices, lengths, self._output_sequence_length, 0)
            return encode_on_host(_padded(indices, lengths, None, -1)[..., None], "one_hot", lookup._depth(), "int64")
        mode = "multi_hot" if self._output_mode == "multi_hot" else "count"
        owners = np.repeat(np.arange(len(lengths)), lengths)
        return lookup.weighted(encode_rows(indices, owners, len(lengths), mode, lookup._depth(), "int64"))

    def _encoded_row(self, indices: np.ndarray) -> np.ndarray:
        """Return the outputs for a single text."""
        mode = "count" if self._output_mode == "tf_idf" else self._output_mode
        return self._lookup_layer.weighted(encode_on_host(indices, mode, self._lookup_layer._depth(), "int64"))

    def _fitted(self, outputs: np.ndarray) -> np.ndarray:
        """Return rows of indices padded or cut to the wanted length; other outputs as they are."""
        length = self._output_sequence_length
        if length is None or outputs.ndim == 0:
            return outputs
        outputs = outputs[..., :length]
        missing = 0 if self._ragged else length - outputs.shape[-1]
        return np.pad(outputs, [(0, 0)] * (outputs.ndim - 1) + [(0, missing)])

    def compute_output_spec(self, inputs: KerasTensor) -> KerasTensor:
        """Return a symbolic tensor like the outputs."""
        shape = tuple(inputs.shape)
        if self._split is not None or self._ngrams is not None:
            shape = (*shape[:1], None)
        if self._output_mode != "int":
            return self._lookup_layer.compute_output_spec(KerasTensor(shape, "string"))
        if shape and (self._output_sequence_length is not None or self._ragged):
            shape = (*shape[:-1], None if self._ragged else self._output_sequence_length)
        return KerasTensor(shape, "int64")

    # Files

    def save_own_variables(self, store: Any) -> None:
        """Store the inverse document frequencies, if the mode is `"tf_idf"`."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        """Read the inverse document frequencies, if the mode is `"tf_idf"`."""
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path: Any) -> None:
        """Write the vocabulary into a directory, unless the config holds it."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: Any) -> None:
        """Read the vocabulary from a directory, unless the config held it."""
        self._lookup_layer.load_assets(dir_path)

    def get_build_config(self) -> None:
        """Return nothing: there is nothing to build."""
        return

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again; a learned vocabulary is not part of them."""
        lookup = self._lookup_layer.get_config()
        return super().get_config() | {
            "max_tokens": lookup["max_tokens"],
            "standardize": registry.serialize_keras_object(self._standardize),
            "split": registry.serialize_keras_object(self._split),
            "ngrams": self._ngrams_arg,
            "output_mode": self._output_mode,
            "output_sequence_length": self._output_sequence_length,
            "pad_to_max_tokens": lookup["pad_to_max_tokens"],
            "sparse": False,
            "ragged": self._ragged,
            "vocabulary": lookup["vocabulary"],
            "idf_weights": lookup["idf_weights"],
            "encoding": self._encoding,
            "vocabulary_size": self.vocabulary_size(),
        }

    @classmethod
    def from_config(cls, config: dict) -> "TextVectorization":
        """Make a layer from what `get_config` returned.

        Raises:
            ValueError: if the config names a vocabulary file: a config never makes the program open a file.
        """
        refuse_path(cls, config)
        config = dict(config)
        for name in ("standardize", "split"):
            if isinstance(config.get(name), dict):
                config[name] = registry.deserialize_keras_object(config[name])
        if isinstance(config.get("ngrams"), list):
            config["ngrams"] = tuple(config["ngrams"])
        return super().from_config(config)


def _checked_ngrams(layer: Any, ngrams: Any) -> range | tuple[int, ...] | None:
    """Return the lengths of n-grams.

    Raises:
        ValueError: if `ngrams` is not None, a positive integer or a tuple of them.
    """
    if ngrams is None:
        return None
    if isinstance(ngrams, int) and ngrams > 0:
        return range(1, ngrams + 1)
    if not isinstance(ngrams, tuple) or not ngrams or not all(isinstance(n, int) and n > 0 for n in ngrams):
        raise complaint(layer, "ngrams", ngrams, "None, a positive integer or a tuple of positive integers")
    return ngrams


def _as_text(value: Any, encoding: str) -> str:
    """Return what a function of the user returned as a string: it may be bytes or a NumPy array of one string."""
    value = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
    return value.decode(encoding) if isinstance(value, bytes) else str(value)


def _padded(indices: np.ndarray, lengths: np.ndarray, length: int | None, padding: int) -> np.ndarray:
    """Return rows of equal length from flat indices and the lengths of the rows."""
    width = int(lengths.max(initial=0)) if length is None else length
    rows = np.full((len(lengths), width), padding, np.int64)
    kept = np.minimum(lengths, width)
    if (kept < lengths).any():
        starts = np.cumsum(lengths) - lengths
        indices = indices[np.arange(len(indices)) - np.repeat(starts, lengths) < width]
    rows[np.arange(width) < kept[:, None]] = indices
    return rows
