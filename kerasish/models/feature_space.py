"""FeatureSpace: columns of a table, of all kinds, as one vector or a dict of encodings."""

from collections.abc import Iterable, Iterator
from typing import Any

import jax
import numpy as np

from kerasish import layers
from kerasish.core import naming, registry, tree
from kerasish.core.config import floatx
from kerasish.core.dtypes import is_float_dtype
from kerasish.core.symbolic import KerasTensor
from kerasish.layers.host import as_array
from kerasish.models.trainable import Trainable
from kerasish.ops import cast

# Samples that adapting looks at in one go: summaries of quantiles depend on it.
_ADAPT_BATCH = 32
_STANDARD = (
    "float", "float_normalized", "float_rescaled", "float_discretized", "integer_categorical", "string_categorical",
    "integer_hashed", "string_hashed",
)  # fmt: skip


class Cross:
    """Features whose combined values are hashed into one feature.

    Args:
        feature_names: names of the features.
        crossing_dim: number of bins.
        output_mode: `"one_hot"` or `"int"`.

    Raises:
        ValueError: for another mode.
    """

    def __init__(self, feature_names: Iterable[str], crossing_dim: int, output_mode: str = "one_hot") -> None:
        _check_mode("Cross", output_mode, ("int", "one_hot"))
        self.feature_names = tuple(feature_names)
        self.crossing_dim = crossing_dim
        self.output_mode = output_mode

    @property
    def name(self) -> str:
        """The features' names, joined by `_X_`."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict:
        """Return the arguments that make the same cross again."""
        names = ("feature_names", "crossing_dim", "output_mode")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict) -> "Cross":
        """Make a cross from what `get_config` returned."""
        return cls(**config)


class Feature:
    """How one column is read, preprocessed and encoded.

    Args:
        dtype: dtype of the values.
        preprocessor: layer that is applied to them.
        output_mode: `"int"`, `"one_hot"` or `"float"`.

    Raises:
        ValueError: for another mode.
    """

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str) -> None:
        _check_mode("Feature", output_mode, ("int", "one_hot", "float"))
        self.dtype = dtype
        is_config = isinstance(preprocessor, dict)
        self.preprocessor = registry.deserialize_keras_object(preprocessor) if is_config else preprocessor
        self.output_mode = output_mode

    def get_config(self) -> dict:
        """Return the arguments that make the same feature again."""
        preprocessor = registry.serialize_keras_object(self.preprocessor)
        return {"dtype": self.dtype, "preprocessor": preprocessor, "output_mode": self.output_mode}

    @classmethod
    def from_config(cls, config: dict) -> "Feature":
        """Make a feature from what `get_config` returned."""
        return cls(**config)


class TFDIdentity(layers.Layer):
    """Returns its inputs: the preprocessor of plain floats, under the name that Keras gives it."""

    def call(self, x: jax.Array) -> jax.Array:
        """Return the inputs."""
        return x


class FeatureSpace(layers.Layer):
    """Preprocesses and encodes the columns of a table.

    Args:
        features: name of each column to its kind: `"float"`, `"float_normalized"`, `"float_rescaled"`,
            `"float_discretized"`, `"integer_categorical"`, `"string_categorical"`, `"integer_hashed"`,
            `"string_hashed"`, or what the method of that name, or `FeatureSpace.feature`, returns.
        output_mode: `"concat"` for one vector of all features, `"dict"` for a dict of them.
        crosses: tuples of names of features to cross, or what `FeatureSpace.cross` returns.
        crossing_dim: number of bins of crosses.
        hashing_dim: number of bins of hashed features given by name.
        num_discretization_bins: number of bins of discretized features given by name.
        name: name of the layer; by default unique.
        **kwargs: further arguments of `Layer`.

    Raises:
        ValueError: for unknown kinds, modes and crossed features, or no features.

    Example:
        >>> space = FeatureSpace({"size": "float_normalized", "color": "string_categorical"})
        >>> space.adapt({"size": [1.0, 3.0], "color": ["red", "blue"]})
        >>> space({"size": [1.0], "color": ["red"]})
        Array([[0., 1., 0., -1.]], dtype=float32)
    """

    _untracked = layers.Layer._untracked | {"inputs", "encoded_features"}

    def __init__(
        self,
        features: dict[str, Any],
        output_mode: str = "concat",
        crosses: Iterable | None = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if not features:
            raise ValueError("FeatureSpace: `features` is empty; pass a dict from names of columns to their kinds.")
        _check_mode("FeatureSpace", output_mode, ("concat", "dict"))
        self.crossing_dim = crossing_dim
        self.hashing_dim = hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.output_mode = output_mode
        self.features = {name: self._feature(name, value) for name, value in features.items()}
        self.crosses = [self._cross(cross) for cross in crosses or ()]
        self.inputs = {n: layers.Input((1,), dtype=f.dtype, name=n) for n, f in self.features.items()}
        self.preprocessors = {name: feature.preprocessor for name, feature in self.features.items()}
        self.crossers = {c.name: layers.HashedCrossing(c.crossing_dim, name=c.name) for c in self.crosses}
        self.one_hot_encoders: dict[str, layers.CategoryEncoding] = {}
        self.encoded_features: Any = None
        self._is_adapted = False

    # Kinds of features

    @classmethod
    def cross(cls, feature_names: Iterable[str], crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """Return a cross of features: their combined values hashed into `crossing_dim` bins."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """Return a feature with a preprocessing layer of one's own."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Return a feature of floats as they are."""
        return Feature("float32", TFDIdentity(dtype="float32", name=_name(name, "float")), "float")

    @classmethod
    def float_rescaled(cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None) -> Feature:
        """Return a feature of floats, multiplied by `scale` and added to `offset`."""
        return Feature("float32", layers.Rescaling(scale, offset, name=_name(name, "float_rescaled")), "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Return a feature of floats, with mean 0 and variance 1 after `adapt`."""
        return Feature("float32", layers.Normalization(axis=-1, name=_name(name, "float_normalized")), "float")

    @classmethod
    def float_discretized(
        cls, num_bins: int | None, bin_boundaries: Any = None, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Return a feature of floats as the ranges they fall into: `num_bins` found by `adapt`, or given ones."""
        layer = layers.Discretization(bin_boundaries, num_bins, name=_name(name, "float_discretized"))
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Return a feature of integers as categories, found by `adapt`."""
        layer = layers.IntegerLookup(max_tokens, num_oov_indices, name=_name(name, "integer_categorical"))
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Return a feature of strings as categories, found by `adapt`."""
        layer = layers.StringLookup(max_tokens, num_oov_indices, name=_name(name, "string_categorical"))
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Return a feature of strings, hashed into bins."""
        return Feature("string", layers.Hashing(num_bins, name=_name(name, "string_hashed")), output_mode)

    @classmethod
    def integer_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Return a feature of integers, hashed into bins."""
        return Feature("int32", layers.Hashing(num_bins, name=_name(name, "integer_hashed")), output_mode)

    def _feature(self, name: str, feature: Any) -> Feature:
        if isinstance(feature, dict):
            feature = registry.deserialize_keras_object(feature)
        if isinstance(feature, Feature):
            return feature
        if feature not in _STANDARD:
            raise ValueError(
                f"FeatureSpace: feature {name!r} must be one of {_STANDARD} or a Feature, received {feature!r}."
            )
        options: dict[str, Any] = {"name": name}
        if feature.endswith("_hashed"):
            options["num_bins"] = self.hashing_dim
        elif feature == "float_discretized":
            options["num_bins"] = self.num_discretization_bins
        return getattr(self, feature)(**options)

    def _cross(self, cross: Any) -> Cross:
        if isinstance(cross, dict):
            cross = registry.deserialize_keras_object(cross)
        if not isinstance(cross, Cross):
            if not self.crossing_dim:
                raise ValueError(f"FeatureSpace: `crosses` need `crossing_dim`, received {self.crossing_dim!r}.")
            cross = Cross(cross, self.crossing_dim)
        unknown = [name for name in cross.feature_names if name not in self.features]
        if unknown:
            raise ValueError(
                f"FeatureSpace: `crosses` names the features {unknown}, which are not among {list(self.features)}."
            )
        return cross

    # Learning

    def adapt(self, dataset: Any) -> None:
        """Find what the features need (vocabularies, means, boundaries) in data.

        Args:
            dataset: dict of arrays or lists, one value for each sample, or an iterable of such dicts: of samples or of
                batches.

        Raises:
            ValueError: if it is neither.
        """
        columns = _columns(dataset, list(self.features))
        for name in self._adaptable():
            self.preprocessors[name].adapt(_chunks(columns[name]))
        self._is_adapted = True
        self.get_encoded_features()
        self.built = True

    def _adaptable(self) -> list[str]:
        found = []
        for name, layer in self.preprocessors.items():
            is_given = getattr(layer, "_has_input_vocabulary", False) or (
                getattr(layer, "input_mean", None) is not None or getattr(layer, "num_bins", 1) is None
            )
            if hasattr(layer, "adapt") and not is_given:
                found.append(name)
        return found

    def get_inputs(self) -> dict[str, KerasTensor]:
        """Return the symbolic inputs of a functional model, one for each feature.

        Raises:
            ValueError: if `adapt` was not called but is needed.
        """
        self._check_adapted()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """Return the symbolic encoding of the inputs that `get_inputs` returns.

        Raises:
            ValueError: if `adapt` was not called but is needed, or features that are not encoded are to be joined.
        """
        self._check_adapted()
        if self.encoded_features is None:
            self.encoded_features = self._encoded(self.inputs)
        return self.encoded_features

    def _check_adapted(self) -> None:
        if not self._is_adapted and self._adaptable():
            raise ValueError(f"FeatureSpace {self.name!r}: call `adapt(data)` first; {self._adaptable()} need it.")

    # Encoding

    def __call__(self, data: Any) -> Any:
        """Encode a dict of columns, or of the values of one sample.

        Args:
            data: name of each feature to an array or list of shape `(batch,)` or `(batch, size)`, or to one value.

        Returns:
            An array of shape `(batch, size)`, or `(size,)` for one sample; a dict of arrays in mode `"dict"`.
        """
        if not isinstance(data, dict):
            raise ValueError(f"FeatureSpace {self.name!r}: expected a dict, received {type(data).__name__}.")
        missing = [name for name in self.features if name not in data]
        if missing:
            raise ValueError(f"FeatureSpace {self.name!r}: the data has no values for {missing}.")
        if any(isinstance(value, KerasTensor) for value in data.values()):
            self._check_adapted()
            return self._encoded(data)
        self.get_encoded_features()
        columns = {name: self._column(name, data[name]) for name in self.features}
        is_single = all(column.ndim == 0 for column in columns.values())
        columns = {n: c.reshape(-1, 1) if c.ndim < 2 else c for n, c in columns.items()}
        encoded = self._encoded(columns)
        return tree.map_structure(lambda x: x[0], encoded) if is_single else encoded

    def _column(self, name: str, values: Any) -> np.ndarray:
        column = as_array(values, f"FeatureSpace: {name!r}")
        return column.astype("float32") if self.features[name].dtype == "float32" else column

    def _encoded(self, columns: dict[str, Any]) -> Any:
        """Return the encoding of columns, arrays or symbolic tensors."""
        features = {name: self.preprocessors[name](columns[name]) for name in self.features}
        crossed = {c.name: self.crossers[c.name]([features[n] for n in c.feature_names]) for c in self.crosses}
        specs = {**self.features, **{cross.name: cross for cross in self.crosses}}
        encoded = {}
        for name, x in [*sorted(features.items()), *sorted(crossed.items())]:
            mode = specs[name].output_mode
            encoded[name] = self._one_hot(name, x) if mode == "one_hot" else x
            if mode == "float" and not is_float_dtype(str(x.dtype)):
                encoded[name] = cast(x, floatx())
        if self.output_mode == "dict":
            return encoded
        for name, x in encoded.items():
            if not is_float_dtype(str(x.dtype)):
                raise ValueError(
                    f"FeatureSpace {self.name!r}: feature {name!r} has dtype {x.dtype}: it is not encoded and cannot "
                    "be joined to the others. Use `output_mode='dict'`, or a one-hot feature."
                )
        values = list(encoded.values())
        return layers.concatenate(values, axis=-1) if len(values) > 1 else values[0]

    def _one_hot(self, name: str, x: Any) -> Any:
        if name not in self.one_hot_encoders:
            layer = self.preprocessors.get(name) or self.crossers[name]
            self.one_hot_encoders[name] = layers.CategoryEncoding(_cardinality(name, layer), "multi_hot")
        return self.one_hot_encoders[name](x)

    # Files

    def get_config(self) -> dict:
        """Return the arguments that make the same feature space again; what it learned is not part of them."""
        return {
            "features": registry.serialize_keras_object(self.features),
            "output_mode": self.output_mode,
            "crosses": registry.serialize_keras_object(self.crosses),
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }

    @classmethod
    def from_config(cls, config: dict) -> "FeatureSpace":
        """Make a feature space from what `get_config` returned."""
        return cls(**config)

    def get_build_config(self) -> dict:
        """Return what the preprocessing layers were built for."""
        return {name: layer.get_build_config() for name, layer in self.preprocessors.items()}

    def build_from_config(self, config: dict) -> None:
        """Build the preprocessing layers; a feature space that is loaded is adapted."""
        for name, build_config in config.items():
            layer = self.preprocessors[name]
            if not layer.built and build_config:
                layer.build_from_config(build_config)
        self._is_adapted = True

    def save(self, filepath: Any) -> None:
        """Write a `.keras` file, which `kerasish.models.load_model` loads."""
        Trainable.save(self, filepath)  # type: ignore[arg-type]

    def save_own_variables(self, store: Any) -> None:
        """Store nothing: the preprocessing layers store what they learned."""

    def load_own_variables(self, store: Any) -> None:
        """Read nothing."""


def _name(name: str | None, kind: str) -> str:
    return f"{name or naming.auto_name(kind)}_preprocessor"


def _check_mode(what: str, mode: Any, allowed: tuple[str, ...]) -> None:
    if mode not in allowed:
        raise ValueError(f"{what}: `output_mode` must be one of {allowed}, received output_mode={mode!r}.")


def _cardinality(name: str, layer: Any) -> int:
    """Return how many categories a layer tells apart.

    Raises:
        ValueError: if that is not known.
    """
    if isinstance(layer, (layers.IntegerLookup, layers.StringLookup)):
        return layer.vocabulary_size()
    if isinstance(layer, layers.Discretization):
        return layer.num_bins if layer.bin_boundaries is None else len(layer.bin_boundaries) + 1
    if isinstance(layer, (layers.HashedCrossing, layers.Hashing)):
        return layer.num_bins
    if isinstance(layer, layers.CategoryEncoding):
        return layer.num_tokens
    raise ValueError(
        f"FeatureSpace: feature {name!r} has output_mode='one_hot', but it is not known how many categories "
        f"{type(layer).__name__} tells apart. Use `output_mode='int'`."
    )


def _columns(dataset: Any, names: list[str]) -> dict[str, np.ndarray]:
    """Return the data to adapt to as an array for each feature, of shape `(samples, size)`."""
    if isinstance(dataset, dict):
        samples = [dataset]
    elif hasattr(dataset, "__iter__") and not isinstance(dataset, (str, bytes)):
        samples = list(dataset)
    else:
        samples = []
    if not samples or not all(isinstance(sample, dict) for sample in samples):
        raise ValueError(
            f"FeatureSpace.adapt: expected a dict of columns, or dicts one after the other, received {dataset!r}."
        )
    columns = {}
    for name in names:
        parts = [as_array(sample[name], f"FeatureSpace.adapt: {name!r}") for sample in samples]
        columns[name] = np.concatenate([part.reshape(-1, 1) if part.ndim < 2 else part for part in parts])
    return columns


def _chunks(column: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(column), _ADAPT_BATCH):
        yield column[start : start + _ADAPT_BATCH]
