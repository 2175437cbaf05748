"""Models with layers of text and tables, which Keras makes only where TensorFlow is, written once for both libraries.

`data/text_models` holds the files that Keras wrote of them, with what the models returned. Run this with Keras 3.15 and
TensorFlow to write these again, or to let Keras load the files in a directory and compare what they return:

    KERAS_BACKEND=tensorflow python tests/saving/text_models.py
    KERAS_BACKEND=tensorflow python tests/saving/text_models.py DIRECTORY
"""

import json
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

DATA = pathlib.Path(__file__).with_name("data") / "text_models"
WORDS = ["a", "b", "c d", "b a", "É", ""]
TEXTS = ["The cat sat.", "the dog; the CAT!", "a  dog\tsat", "", "École foo the cat"]
NUMBERS = [3, 5, 4, 0, 2**40, 3]


def _words(lib: Any, layer: Any, *more: Any) -> tuple:
    return lib.Sequential([lib.Input((1,), dtype="string"), layer, *more]), [[word] for word in WORDS]


def _numbers(lib: Any, layer: Any, *more: Any) -> tuple:
    return lib.Sequential([lib.Input((1,), dtype="int64"), layer, *more]), [[number] for number in NUMBERS]


def strings(lib: Any) -> tuple:
    return _words(lib, lib.layers.StringLookup(vocabulary=["b", "a"], num_oov_indices=2))


def strings_adapted(lib: Any) -> tuple:
    layer = lib.layers.StringLookup(output_mode="tf_idf")
    layer.adapt(np.array(WORDS))
    return _words(lib, layer)


def strings_inverted(lib: Any) -> tuple:
    layer = lib.layers.StringLookup(vocabulary=["b", "a"], invert=True, mask_token="")
    return lib.Sequential([lib.Input((2,), dtype="int64"), layer]), [[0, 1], [2, 3]]


def integers(lib: Any) -> tuple:
    return _numbers(lib, lib.layers.IntegerLookup(vocabulary=[3, 5, 2**40], output_mode="one_hot"))


def integers_adapted(lib: Any) -> tuple:
    layer = lib.layers.IntegerLookup(max_tokens=4, mask_token=0)
    layer.adapt(np.array(NUMBERS))
    return _numbers(lib, layer)


def hashes(lib: Any) -> tuple:
    return _words(lib, lib.layers.Hashing(7, salt=[3, 9]))


def hashes_of_integers(lib: Any) -> tuple:
    return _numbers(lib, lib.layers.Hashing(5, mask_value=0, output_mode="one_hot"), lib.layers.Dense(2))


def crossing(lib: Any) -> tuple:
    words, numbers = lib.Input((1,), dtype="string", name="words"), lib.Input((1,), dtype="int64", name="numbers")
    crossed = lib.layers.HashedCrossing(5, output_mode="one_hot")([words, numbers])
    model = lib.Model([words, numbers], lib.layers.Dense(2)(crossed))
    return model, [[[word] for word in WORDS], [[number] for number in NUMBERS]]


def texts(lib: Any) -> tuple:
    layer = lib.layers.TextVectorization(output_sequence_length=4, vocabulary=["the", "cat", "dog"])
    model = lib.Sequential([lib.Input((1,), dtype="string"), layer, lib.layers.Embedding(5, 3)])
    model.add(lib.layers.GlobalAveragePooling1D())
    model.add(lib.layers.Dense(2))
    return model, [[text] for text in TEXTS]


def texts_adapted(lib: Any) -> tuple:
    layer = lib.layers.TextVectorization(max_tokens=8, ngrams=2, output_mode="tf_idf", standardize="lower")
    layer.adapt(np.array(TEXTS))
    return lib.Sequential([lib.Input((1,), dtype="string"), layer, lib.layers.Dense(2)]), [[text] for text in TEXTS]


MODELS: list[Callable] = [
    strings, strings_adapted, strings_inverted, integers, integers_adapted, hashes, hashes_of_integers, crossing,
    texts, texts_adapted,
]  # fmt: skip


def arrays(inputs: Any, to_tensor: Callable = np.array) -> Any:
    """Inputs of a model as arrays; those of several inputs are nested deeper."""
    several = isinstance(inputs[0][0], list)
    return [to_tensor(each) for each in inputs] if several else to_tensor(inputs)


def plain(outputs: Any) -> list:
    """What a model returned, as JSON has it."""
    values = np.asarray(outputs)
    if values.dtype.kind in "SO":
        return [[item.decode() if isinstance(item, bytes) else item for item in row] for row in values.tolist()]
    return values.tolist()


def main() -> None:
    """Write the files, or load those in a directory."""
    import keras
    import tensorflow as tf

    if len(sys.argv) > 1:
        recorded = json.loads((DATA / "predictions.json").read_text())
        for path in sorted(pathlib.Path(sys.argv[1]).glob("*.keras")):
            case = recorded[path.stem]
            found = plain(keras.models.load_model(path)(arrays(case["inputs"], tf.constant)))
            if isinstance(found[0][0], str):
                assert found == case["outputs"], (path, found)
            else:
                np.testing.assert_allclose(found, case["outputs"], 1e-6, 1e-6)
            print(path.name)
        return
    DATA.mkdir(parents=True, exist_ok=True)
    recorded = {}
    for make in MODELS:
        keras.utils.set_random_seed(1)
        model, inputs = make(keras)
        model.save(DATA / f"{make.__name__}.keras")
        outputs = plain(model(arrays(inputs, tf.constant)))
        recorded[make.__name__] = {"inputs": inputs, "outputs": outputs}
    (DATA / "predictions.json").write_text(json.dumps(recorded, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
