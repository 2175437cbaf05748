"""Writes `text_references.json`: what Keras's text and table layers return where TensorFlow is installed.

Run it with Keras 3.15 and TensorFlow: `KERAS_BACKEND=tensorflow python tests/layers/data/make_references.py`.
"""

import itertools
import json
import pathlib

import keras
import numpy as np

TEXTS = ["Foo, bar!", "baz É  bar\tfoo's", "", "the-end of  \x0b IT; it is a", "日本 foo 日本", "Straße ÉCOLE école."]
WORDS = [["a", "z", "a"], ["c", "b", ""], ["zz", "d", "é"]]
NUMBERS = [[5, 0, 7], [1, 2, -3], [7, 7, 2**40]]
MODES = ["int", "one_hot", "multi_hot", "count"]


def lookups():
    for mode, mask, oov in itertools.product(MODES, [None, ""], [1, 3]):
        options = {"vocabulary": ["a", "b", "c"], "output_mode": mode, "mask_token": mask, "num_oov_indices": oov}
        for inputs in (WORDS, WORDS[0], [["a"], ["q"]], "a", [WORDS[:2], WORDS[1:]]):
            yield "StringLookup", options, None, inputs
    for mode, mask, oov in itertools.product(MODES, [None, 0], [1, 3]):
        options = {"vocabulary": [5, 7, 2**40], "output_mode": mode, "mask_token": mask, "num_oov_indices": oov}
        for inputs in (NUMBERS, NUMBERS[0], [[5], [9]], 7):
            yield "IntegerLookup", options, None, inputs
    yield "StringLookup", {"vocabulary": ["a", "b"], "num_oov_indices": 7, "salt": [3, 9]}, None, WORDS
    hashed = {"vocabulary": [5], "num_oov_indices": 7, "oov_method": "farmhash"}
    yield "IntegerLookup", hashed, None, NUMBERS
    yield "IntegerLookup", {**hashed, "salt": 11}, None, NUMBERS
    weights = {"vocabulary": ["a", "b", "c"], "output_mode": "tf_idf", "idf_weights": [0.25, 0.5, 0.75]}
    yield "StringLookup", weights, None, WORDS
    yield "StringLookup", {**weights, "max_tokens": 6, "pad_to_max_tokens": True}, None, WORDS
    yield "IntegerLookup", {**weights, "vocabulary": [5, 7, 9], "mask_token": 0}, None, NUMBERS
    special = {"vocabulary": ["", "[UNK]", "a", "b"], "mask_token": ""}
    yield "StringLookup", special, None, WORDS
    for mode in (*MODES, "tf_idf"):
        for limit in (None, 4):
            options = {"output_mode": mode, "max_tokens": limit}
            yield "StringLookup", options, WORDS + [["a", "[UNK]", "é"]], WORDS
            yield "IntegerLookup", {**options, "mask_token": 0}, NUMBERS, NUMBERS
    yield "StringLookup", {"output_mode": "tf_idf"}, ["a", "b", "a"], WORDS
    yield "StringLookup", {"output_mode": "count", "max_tokens": 9, "pad_to_max_tokens": True}, WORDS, WORDS
    yield "IntegerLookup", {"vocabulary": [12, 36, 7], "invert": True}, None, [[1, 3], [0, 9]]
    yield "IntegerLookup", {"vocabulary": [12, 36, 7], "invert": True, "mask_token": 0}, None, [[1, 3], [0, 2]]
    yield "StringLookup", {"vocabulary": ["a", "b"], "invert": True}, None, [[1, 2], [0, 9]]
    yield "StringLookup", {"vocabulary": ["a", "b"], "invert": True, "mask_token": ""}, None, [[1, 2], [0, 9]]


def texts():
    words = {"vocabulary": ["foo", "bar", "f", "o", "é", "日", "日本"]}
    for mode, split in itertools.product(["int", "multi_hot", "count"], ["whitespace", "character", None]):
        options = {**words, "output_mode": mode, "split": split}
        for inputs in (TEXTS, [[text] for text in TEXTS], "Foo bar"):
            yield "TextVectorization", options, None, inputs
    for standardize in (None, "lower", "strip_punctuation"):
        yield "TextVectorization", {**words, "standardize": standardize}, None, TEXTS
    for length in (1, 3, 9):
        yield "TextVectorization", {**words, "output_sequence_length": length}, None, TEXTS
    yield "TextVectorization", {**words, "output_sequence_length": 3, "split": None}, None, [["foo", "x"], ["y", "f"]]
    yield "TextVectorization", words, None, ["", ""]
    for ngrams, mode in itertools.product([2, [3, 1]], ["int", "tf_idf"]):
        yield "TextVectorization", {"ngrams": ngrams, "output_mode": mode}, TEXTS, TEXTS
    for mode, limit, split in itertools.product(["int", "count", "tf_idf"], [None, 6], ["whitespace", "character"]):
        yield "TextVectorization", {"output_mode": mode, "max_tokens": limit, "split": split}, TEXTS, TEXTS
    padded = {"output_mode": "tf_idf", "max_tokens": 30, "pad_to_max_tokens": True}
    yield "TextVectorization", padded, TEXTS, TEXTS


def hashes():
    generator = np.random.default_rng(7)
    letters = np.array(list("abcdefghij é日"))
    lengths = [*range(40), 47, 48, 63, 64, 65, 66, 127, 128, 129, 200, 333]
    strings = ["".join(generator.choice(letters, size=length)) for length in lengths]
    for salt in (None, 133, [5, 2**40]):
        yield "Hashing", {"num_bins": 2**31 - 1, "salt": salt}, None, strings
        yield "Hashing", {"num_bins": 3, "salt": salt}, None, NUMBERS
    yield "Hashing", {"num_bins": 4, "mask_value": ""}, None, WORDS
    yield "Hashing", {"num_bins": 4, "mask_value": 7}, None, NUMBERS
    yield "Hashing", {"num_bins": 9}, None, [1.5, -3.7, 1e9]
    yield "Hashing", {"num_bins": 9}, None, [True, False]
    for mode in MODES:
        for inputs in (WORDS, WORDS[0], [["a"], ["b"]], [WORDS[:2], WORDS[1:]]):
            yield "Hashing", {"num_bins": 4, "output_mode": mode}, None, inputs
    for mode in ("int", "one_hot"):
        options = {"num_bins": 5, "output_mode": mode}
        yield "HashedCrossing", options, None, [["A", "B", "A", "B", "A"], [101, 101, 101, 102, -3]]
        yield "HashedCrossing", options, None, [[["A"], ["é"]], [[1], [2**40]], [["x"], [""]]]
        yield "HashedCrossing", options, None, ["A", 7]


def numbers():
    data = np.random.default_rng(3).normal(size=(4, 25)).round(3).tolist()
    for bins, epsilon in ((4, 0.01), (7, 0.1), (3, 0.5)):
        yield "Discretization", {"num_bins": bins, "epsilon": epsilon}, data, data[0]
    for mode in MODES:
        options = {"bin_boundaries": [0.0, 1.0, 2.0], "output_mode": mode}
        for inputs in (data[0][:3], [data[0][:3]], [[0.0], [2.0]], [[[0.5, 7.0], [1.0, -3.0]]]):
            yield "Discretization", options, None, inputs
    for mode in MODES[1:]:
        for inputs in ([[0, 1, 1], [3, 2, 0]], [1, 3, 3], [[1], [2]], 2):
            yield "CategoryEncoding", {"num_tokens": 4, "output_mode": mode}, None, inputs


def plain(x):
    x = np.asarray(x)
    if x.dtype == object:
        return np.vectorize(bytes.decode, otypes=[object])(x).tolist()
    return x.tolist()


def reference(name, options, data, inputs):
    arguments = {key: tuple(value) if key == "ngrams" and value != 2 else value for key, value in options.items()}
    layer = getattr(keras.layers, name)(**arguments)
    if data is not None:
        layer.adapt(np.array(data) if name == "Discretization" else data)
    values = [np.array(x) for x in inputs] if name == "HashedCrossing" else np.array(inputs)
    found = {"layer": name, "options": options, "data": data, "inputs": inputs, "outputs": plain(layer(values))}
    if hasattr(layer, "get_vocabulary"):
        found["vocabulary"] = [token if isinstance(token, str) else int(token) for token in layer.get_vocabulary()]
    if name == "Discretization":
        found["boundaries"] = layer.bin_boundaries
    return found


def configs():
    """Layers whose configs are compared."""
    yield "StringLookup", {}
    yield "StringLookup", {"vocabulary": ["a", "b"], "mask_token": "", "num_oov_indices": 2, "salt": 3}
    yield "IntegerLookup", {"vocabulary": [1, 2], "output_mode": "tf_idf", "idf_weights": [0.5, 0.25]}
    yield "IntegerLookup", {"max_tokens": 9, "pad_to_max_tokens": True, "output_mode": "count"}
    yield "TextVectorization", {}
    yield "TextVectorization", {"split": None, "standardize": "lower", "output_mode": "count", "ngrams": 2}
    yield "Hashing", {"num_bins": 3}
    yield "Hashing", {"num_bins": 3, "output_mode": "one_hot", "salt": [1, 2], "mask_value": "x"}
    yield "HashedCrossing", {"num_bins": 3}
    yield "HashedCrossing", {"num_bins": 3, "output_mode": "one_hot"}
    yield "Discretization", {"bin_boundaries": [0.0, 1.0]}
    yield "Discretization", {"num_bins": 3, "output_mode": "count"}
    yield "CategoryEncoding", {"num_tokens": 3}


def feature_space():
    """A table, and what feature spaces make of its first rows and of its first row alone."""
    generator = np.random.default_rng(0)
    size = 70
    table = {name: generator.normal(2, 3, size=size).round(3).tolist() for name in ("f", "fn", "fr", "fd")}
    table |= {"ic": generator.integers(0, 4, size).tolist(), "sc": generator.choice(["a", "b", "é"], size).tolist()}
    table |= {"ih": generator.integers(0, 99, size).tolist(), "sh": generator.choice(["x", "yy"], size).tolist()}
    kinds = {"f": "float", "fn": "float_normalized", "fr": "float_rescaled", "fd": "float_discretized"}
    kinds |= {"ic": "integer_categorical", "sc": "string_categorical", "ih": "integer_hashed", "sh": "string_hashed"}
    options = {"crosses": [("ic", "sc"), ("sh", "sc")], "crossing_dim": 5, "hashing_dim": 6}
    space = keras.utils.FeatureSpace(kinds, num_discretization_bins=4, **options)
    space.adapt(table)
    make = keras.utils.FeatureSpace
    features = {
        "sc": make.string_categorical(output_mode="int", max_tokens=3),
        "ic": make.integer_categorical(num_oov_indices=2),
        "f": make.float_rescaled(2.0, 1.0),
    }
    by_name = make(features, crosses=[make.cross(("sc", "ic"), 4, output_mode="int")], output_mode="dict")
    by_name.adapt(table)
    few, one = {n: v[:5] for n, v in table.items()}, {n: v[0] for n, v in table.items()}
    part = lambda rows: {name: rows[name] for name in features}
    return {
        "table": table, "kinds": kinds, "options": options,
        "concat": plain(space(few)), "concat_one": plain(space(one)),
        "dict": {name: plain(x) for name, x in by_name(part(few)).items()},
        "dict_one": {name: plain(x) for name, x in by_name(part(one)).items()},
    }  # fmt: skip


if __name__ == "__main__":
    cases = [reference(*case) for case in itertools.chain(lookups(), texts(), hashes(), numbers())]
    lines = [json.dumps(case, ensure_ascii=False) for case in cases]
    for name, options in configs():
        config = getattr(keras.layers, name)(name="layer", **options).get_config()
        lines.append(json.dumps({"layer": name, "options": options, "config": config}, ensure_ascii=False))
    here = pathlib.Path(__file__)
    here.with_name("text_references.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    text = json.dumps(feature_space(), ensure_ascii=False)
    here.with_name("feature_space_references.json").write_text(text + "\n", encoding="utf-8")
