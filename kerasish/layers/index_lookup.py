"""IndexLookup, the shared base of StringLookup and IntegerLookup: tokens as their indices in a vocabulary."""

import os
import pathlib
from collections import Counter
from typing import Any

import numpy as np

from kerasish.core.config import floatx
from kerasish.core.symbolic import KerasTensor
from kerasish.layers.arguments import choice, complaint
from kerasish.layers.categories import encode_on_host, encoded_shape
from kerasish.layers.hashing import bins, checked_salt, no_sparse
from kerasish.layers.host import HostLayer, as_array, batches
from kerasish.layers.layer import Layer
from kerasish.layers.vocabulary import DROPPED, MISSING, Counts, read_lines, write_lines
from kerasish.layers.words import Words

_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_FORMER_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


class IndexLookup(HostLayer):
    """Maps tokens to their indices in a vocabulary; see StringLookup for the arguments.

    Args:
        max_tokens: limit on the size of the vocabulary, special tokens included.
        num_oov_indices: number of indices for tokens that are not in the vocabulary.
        mask_token: token for masked places.
        oov_token: what an inverted layer returns for indices without token.
        vocabulary_dtype: dtype of tokens.
        vocabulary: tokens, or the path of a file with one in each line.
        idf_weights: inverse document frequencies of the tokens.
        invert: whether indices are mapped to tokens.
        output_mode: `"int"`, `"one_hot"`, `"multi_hot"`, `"count"` or `"tf_idf"`.
        sparse: must be false.
        pad_to_max_tokens: whether vectors have `max_tokens` entries whatever the vocabulary's size.
        oov_method: `"floormod"` or `"farmhash"`.
        name: name of the layer; by default unique.
        salt: one or two integers that change where unknown tokens go.
        **kwargs: `vocabulary_size` and `has_input_vocabulary`, which configs hold.

    Raises:
        ValueError: for arguments that are malformed or contradict each other.
    """

    _untracked = Layer._untracked | {"input_vocabulary", "input_idf_weights", "_table", "_counts"}
    _table_class: Any

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary_dtype: str,
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name)
        self.vocabulary_dtype = vocabulary_dtype
        self.max_tokens = max_tokens
        self.num_oov_indices = num_oov_indices
        self.mask_token = mask_token
        self.oov_token = oov_token
        self.invert = invert
        self.output_mode = choice(self, "output_mode", _FORMER_MODES.get(output_mode, output_mode), _MODES)
        self.sparse = no_sparse(self, sparse)
        self.pad_to_max_tokens = pad_to_max_tokens
        self.oov_method = choice(self, "oov_method", oov_method, ("floormod", "farmhash"))
        self.salt = checked_salt(self, salt)
        self.input_vocabulary = None if isinstance(vocabulary, (str, os.PathLike)) else vocabulary
        self.input_idf_weights = idf_weights
        self._frozen_vocab_size: int | None = kwargs.pop("vocabulary_size", None)
        self._has_input_vocabulary = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        kwargs.pop("trainable", None), kwargs.pop("dtype", None)
        if kwargs:
            raise ValueError(f"{type(self).__name__}: unknown arguments {sorted(kwargs)}.")
        self._check_arguments(vocabulary, idf_weights)
        self.idf_weights: np.ndarray | None = None
        self._counts = Counts()
        self._table: Any = None
        self._inverse: np.ndarray | None = None  # tokens by index
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    def _check_arguments(self, vocabulary: Any, idf_weights: Any) -> None:
        if self.max_tokens is not None and not (isinstance(self.max_tokens, (int, np.integer)) and self.max_tokens > 1):
            raise complaint(self, "max_tokens", self.max_tokens, "None or an integer greater than 1")
        if not isinstance(self.num_oov_indices, (int, np.integer)) or self.num_oov_indices < 0:
            raise complaint(self, "num_oov_indices", self.num_oov_indices, "an integer, 0 or greater")
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise ValueError(f"{type(self).__name__}: `pad_to_max_tokens=True` needs `max_tokens`, received None.")
        if self.salt is not None and self.vocabulary_dtype != "string" and self.oov_method != "farmhash":
            raise ValueError(
                f"{type(self).__name__}: `salt` needs oov_method='farmhash', received oov_method={self.oov_method!r}."
            )
        if self.invert and self.output_mode != "int":
            raise ValueError(
                f"{type(self).__name__}: `invert=True` needs output_mode='int', received {self.output_mode!r}."
            )
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise ValueError(
                f"{type(self).__name__}: `idf_weights` needs output_mode='tf_idf', received {self.output_mode!r}."
            )
        if self.output_mode == "tf_idf" and vocabulary is not None and idf_weights is None:
            raise ValueError(
                f"{type(self).__name__}: output_mode='tf_idf' with a `vocabulary` needs `idf_weights`, received None."
            )

    # What differs between strings and integers

    def _as_tokens(self, vocabulary: Any) -> list:
        """Return the tokens that a user gave as plain strings or integers."""
        raise NotImplementedError

    def _flat(self, inputs: np.ndarray) -> Any:
        """Return the tokens in an array as what the table and `_counts` take."""
        raise NotImplementedError

    def _hash_inputs(self, tokens: Any) -> list[bytes]:
        """Return unknown tokens as the bytes that are hashed."""
        raise NotImplementedError

    # The vocabulary

    @property
    def compute_dtype(self) -> str:
        """The dtype of tokens."""
        return self.vocabulary_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of tokens."""
        return self.vocabulary_dtype

    def _oov_start_index(self) -> int:
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    def _token_start_index(self) -> int:
        return self._oov_start_index() + self.num_oov_indices

    def _special_tokens(self) -> list:
        return [self.mask_token] * self._oov_start_index() + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list:
        """Return the tokens in the order of their indices.

        Args:
            include_special_tokens: whether mask and unknown tokens are among them, as they are among the indices.
        """
        tokens = [] if self._table is None else list(self._table.tokens)
        return self._special_tokens() + tokens if include_special_tokens else tokens

    def vocabulary_size(self) -> int:
        """Return the number of indices, those of mask and unknown tokens included."""
        return self._token_start_index() + (0 if self._table is None else len(self._table.tokens))

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the tokens, in place of those there are.

        Args:
            vocabulary: tokens, with or without the special ones at their start, or the path of a file with one token in
                each line, without special ones.
            idf_weights: with `"tf_idf"`, the inverse document frequency of each.

        Raises:
            ValueError: for repeated, reserved or too many tokens, weights that do not fit, or a missing file.
            RuntimeError: if the size of the outputs is fixed and would change.
        """
        if (idf_weights is None) == (self.output_mode == "tf_idf"):
            needed = "needs" if idf_weights is None else "does not take"
            raise ValueError(
                f"set_vocabulary: {type(self).__name__} {self.name!r} has output_mode={self.output_mode!r}, which "
                f"{needed} `idf_weights`; received {idf_weights!r}."
            )
        start = self._token_start_index()
        if isinstance(vocabulary, (str, os.PathLike)):
            if self.output_mode == "tf_idf":
                raise ValueError("set_vocabulary: output_mode='tf_idf' needs the tokens themselves, not a file.")
            found_special, tokens = False, self._as_tokens(read_lines(vocabulary))
        else:
            tokens = self._as_tokens(vocabulary)
            found_special = tokens[:start] == self._special_tokens()
            tokens = tokens[start:] if found_special else tokens
            self._check_reserved(tokens)
        self._check_tokens(tokens)
        self._set_tokens(tokens)
        if idf_weights is not None:
            weights = np.asarray(idf_weights, dtype="float64")
            if weights.ndim != 1 or len(weights) != len(tokens) + start * found_special:
                raise ValueError(
                    f"set_vocabulary: `idf_weights` must be one weight for each of the {len(tokens)} tokens of the "
                    f"vocabulary, received shape {weights.shape}."
                )
            self._set_weights(weights, 0 if found_special else start)

    def _check_tokens(self, tokens: list) -> None:
        if not tokens:
            raise ValueError(f"set_vocabulary: {type(self).__name__} {self.name!r} received an empty vocabulary.")
        if len(set(tokens)) != len(tokens):
            repeated = [token for token, count in Counter(tokens).items() if count > 1]
            raise ValueError(f"set_vocabulary: tokens must not repeat; these do: {repeated[:20]}.")
        size = self._token_start_index() + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(
                f"set_vocabulary: the vocabulary has size {size}, more than max_tokens={self.max_tokens} of "
                f"{type(self).__name__} {self.name!r}."
            )

    def _check_reserved(self, tokens: list) -> None:
        reserved = {"mask_token": self.mask_token}
        if self.invert:
            reserved["oov_token"] = self.oov_token
        for name, token in reserved.items():
            if token is not None and token in tokens:
                raise ValueError(
                    f"set_vocabulary: found the reserved {name}={token!r} at index {tokens.index(token)}. Leave mask "
                    f"and unknown tokens out of the vocabulary, or put all of them first: {self._special_tokens()}."
                )

    def _set_tokens(self, tokens: list) -> None:
        mask = None if self.mask_token is None else (self.mask_token, 0 if self.output_mode == "int" else DROPPED)
        size = self._token_start_index() + len(tokens)
        if not self._has_fixed_shape and self._frozen_vocab_size not in (None, size):
            raise RuntimeError(
                f"{type(self).__name__} {self.name!r} has outputs of size {self._frozen_vocab_size}; its vocabulary "
                f"cannot get size {size} any more. Make a new layer, or one with `pad_to_max_tokens=True`."
            )
        self._table = self._table_class(tokens, self._token_start_index(), mask)
        self._frozen_vocab_size = size
        self._inverse = None

    def _set_weights(self, weights: np.ndarray, front: int) -> None:
        """Set the weights of the outputs: the mean for unknown tokens, zeros up to `max_tokens`."""
        back = self.max_tokens - front - len(weights) if self.pad_to_max_tokens else 0
        mean = [np.mean(weights)] * front
        self.idf_weights = np.concatenate([mean, weights, np.zeros(back)]).astype(floatx())

    @property
    def _has_fixed_shape(self) -> bool:
        return self.output_mode == "int" or self.pad_to_max_tokens

    # Learning the vocabulary

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary from data, most frequent tokens first, forgetting what was learned before.

        Equally frequent tokens are in descending order. With `max_tokens`, the most frequent ones are kept. With
        `"tf_idf"` each sample is a document, and the weight of a token is
        `log(1 + documents / (1 + documents with the token))`.

        Args:
            data: array or list of samples, or an iterable or a PyDataset of batches.
            steps: number of batches to use, by default all.

        Raises:
            ValueError: if the layer was made with a vocabulary.
        """
        self.reset_state()
        for batch in batches(data, steps, type(self).__name__):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch; an array of one axis is a single document."""
        self._check_adaptable()
        array = as_array(data, type(self).__name__)
        rows = array.reshape(1, -1) if array.ndim < 2 else array.reshape(len(array), -1)
        tokens = self._flat(rows)
        size = rows.shape[1]
        documents = None
        if self.output_mode == "tf_idf":
            documents = [tokens[index * size : (index + 1) * size] for index in range(len(rows))]
        add = self._counts.add_numbers if isinstance(tokens, np.ndarray) else self._counts.add
        add(tokens, documents)

    def count_words(self, words: Words) -> None:
        """Count the words of texts, each of which is a document."""
        self._check_adaptable()
        self._counts.add(words.tokens, words.documents() if self.output_mode == "tf_idf" else None)
        self._counts.discard(words.mark, words.marks)

    def _check_adaptable(self) -> None:
        if self._has_input_vocabulary:
            raise ValueError(
                f"adapt: {type(self).__name__} {self.name!r} was made with a `vocabulary`; nothing is to be learned."
            )

    def finalize_state(self) -> None:
        """Set the vocabulary from the tokens counted."""
        if self._has_input_vocabulary or not self._counts:
            self._frozen_vocab_size = self.vocabulary_size()
            return
        start = self._token_start_index()
        special = [token for token in (self.mask_token, self.oov_token) if token is not None]
        special += [token.encode() for token in special if isinstance(token, str)]
        limit = None if self.max_tokens is None else max(self.max_tokens - start, 0)
        tokens = self._counts.most_frequent(limit, special)
        weights = self._counts.inverse_document_frequencies(tokens) if self.output_mode == "tf_idf" else None
        self._set_tokens([token.decode(errors="replace") if isinstance(token, bytes) else token for token in tokens])
        if weights is not None:
            self._set_weights(weights.astype(floatx()), start)
        self.reset_state()

    def reset_state(self) -> None:
        """Forget the tokens counted."""
        self._counts = Counts()

    # Looking up

    def compute(self, inputs: np.ndarray) -> np.ndarray:
        """Return indices, vectors made from them, or tokens."""
        self._check_ready()
        if self.invert:
            return self._tokens_at(inputs)
        indices = self.find(self._flat(inputs)).reshape(inputs.shape)
        if self.output_mode == "int":
            return indices
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        return self.weighted(encode_on_host(indices, mode, self._depth(), "int64"))

    def weighted(self, counts: np.ndarray) -> np.ndarray:
        """Return counts multiplied by the inverse document frequencies, if the mode is `"tf_idf"`."""
        return counts.astype(floatx()) * self.idf_weights if self.output_mode == "tf_idf" else counts

    def find(self, tokens: Any) -> np.ndarray:
        """Return the indices of tokens, a flat list of strings or a flat array of integers.

        Raises:
            ValueError: for unknown tokens, if there are no indices for them.
        """
        start = self._oov_start_index()
        if self.num_oov_indices == 1:
            return self._table.find(tokens, start)
        indices = self._table.find(tokens, MISSING)
        missing = np.flatnonzero(indices == MISSING)
        if not len(missing):
            return indices
        unknown = tokens[missing] if isinstance(tokens, np.ndarray) else [tokens[place] for place in missing]
        if self.num_oov_indices == 0:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: with num_oov_indices=0 all inputs must be in the vocabulary; "
                f"these are not: {list(unknown[:20])}. Use `num_oov_indices=1` to give them an index."
            )
        if isinstance(unknown, np.ndarray) and self.oov_method == "floormod":
            places = unknown % self.num_oov_indices
        else:
            places = bins(self._hash_inputs(unknown), self.num_oov_indices, self.salt)
        indices[missing] = places + start
        return indices

    def _tokens_at(self, indices: np.ndarray) -> np.ndarray:
        if self._inverse is None:
            self._inverse = np.array([*self.get_vocabulary(), self.oov_token])
        last = len(self._inverse) - 1
        places = indices.astype(np.int64)
        return self._inverse[np.where((places < 0) | (places > last), last, places)]

    def _depth(self) -> int | None:
        return self.max_tokens if self.pad_to_max_tokens else self._frozen_vocab_size

    def _check_ready(self) -> None:
        if self._table is None or (self.output_mode == "tf_idf" and self.idf_weights is None):
            raise RuntimeError(
                f"{type(self).__name__} {self.name!r} has no vocabulary yet: pass `vocabulary`, or call `adapt(data)`."
            )

    def compute_output_spec(self, inputs: KerasTensor) -> KerasTensor:
        """Return a symbolic tensor like the outputs."""
        dtype = self.vocabulary_dtype if self.invert else floatx() if self.output_mode == "tf_idf" else "int64"
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        return KerasTensor(encoded_shape(inputs.shape, mode, self._depth()), dtype)

    # Files

    def save_own_variables(self, store: Any) -> None:
        """Store the inverse document frequencies, if the mode is `"tf_idf"`."""
        if self.output_mode == "tf_idf" and self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store: Any) -> None:
        """Read the inverse document frequencies, if the mode is `"tf_idf"`."""
        if self.output_mode == "tf_idf" and "idf_weights" in store.keys():
            self.idf_weights = np.asarray(store["idf_weights"])

    def save_assets(self, dir_path: Any) -> None:
        """Write the vocabulary into a directory, unless the config holds it."""
        if self.input_vocabulary is None:
            lines = [str(token) for token in self.get_vocabulary()]
            write_lines(pathlib.Path(dir_path, "vocabulary.txt"), lines)

    def load_assets(self, dir_path: Any) -> None:
        """Read the vocabulary from a directory, unless the config held it."""
        if self.input_vocabulary is not None:
            return
        path = pathlib.Path(dir_path, "vocabulary.txt")
        lines = read_lines(path)
        while lines and lines[-1] == "":
            lines.pop()
        # The empty string is a token like others; it comes last if nothing was rarer. Keras loses it.
        if self.vocabulary_dtype == "string" and "" not in lines and path.read_bytes().endswith(b"\n"):
            lines.append("")
        tokens = self._as_tokens(lines)
        if len(tokens) > self._token_start_index():
            self.set_vocabulary(tokens, self.idf_weights if self.output_mode == "tf_idf" else None)

    def get_build_config(self) -> dict:
        """Return nothing: there is nothing to build."""
        return {}

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again; a learned vocabulary is not part of them."""
        names = ("invert", "max_tokens", "num_oov_indices", "oov_token", "mask_token", "output_mode", "sparse")
        config = {name: getattr(self, name) for name in (*names, "pad_to_max_tokens", "vocabulary_dtype")}
        config["idf_weights"] = _plain(self.input_idf_weights)
        config["vocabulary"] = _plain(self.input_vocabulary)
        config["vocabulary_size"] = self._frozen_vocab_size
        return super().get_config() | config | {"oov_method": self.oov_method, "salt": self.salt}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """Make a layer from what `get_config` returned.

        Raises:
            ValueError: if the config names a vocabulary file: a config never makes the program open a file.
        """
        refuse_path(cls, config)
        return super().from_config(config)


def refuse_path(cls: type, config: dict) -> None:
    """Refuse a config that names a vocabulary file.

    Raises:
        ValueError: if it does.
    """
    if isinstance(config.get("vocabulary"), (str, os.PathLike)):
        raise ValueError(
            f"The config of a {cls.__name__} names the vocabulary file {config['vocabulary']!r}; files that a config "
            "names are never opened. Make the layer by its constructor, or put the tokens into the config."
        )


def _plain(values: Any) -> Any:
    """Return arrays and their kin as lists, for the config."""
    return np.asarray(values).tolist() if hasattr(values, "__array__") else values
