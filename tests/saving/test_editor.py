"""KerasFileEditor: the same edits as in Keras give files with the same content, and bad files are refused."""

import h5py
import numpy as np
import pytest

import kerasish
from kerasish import layers
from kerasish.saving import KerasFileEditor, RefusedFileError
from tests.saving import zoo

keras = pytest.importorskip("keras")


def model(lib, *units):
    made = lib.Sequential([lib.Input((3,)), *(lib.layers.Dense(n) for n in units)])
    made.compile("adam", "mse")
    made.train_on_batch(np.ones((2, 3), "float32"), np.ones((2, units[-1]), "float32"))
    return made


@pytest.fixture(scope="module")
def theirs():
    return model(keras, 2, 4)


def content(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def edit(editor):
    editor.rename_object("layers/dense", "dense_7")
    editor.rename_object("optimizer", "old")
    editor.delete_weight("old", "9")
    editor.delete_weight("layers/dense_1", "1")
    editor.add_object("layers/new", {"0": np.ones((3, 2), "float32")})
    editor.add_object("more", {"a": np.zeros(2)})
    editor.add_weights("layers/dense_7", {"3": np.arange(2)})
    editor.add_weights("layers/new", {"1": np.ones(2, "float32")})
    editor.delete_object("more")


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5"])
def test_edits_are_those_of_keras(name, theirs, tmp_path, capsys):
    path = str(tmp_path / name)
    theirs.save(path) if name == "m.keras" else theirs.save_weights(path)
    for editor, target in (
        (keras.saving.KerasFileEditor(path), tmp_path / "theirs.weights.h5"),
        (KerasFileEditor(path), tmp_path / "ours.weights.h5"),
    ):
        edit(editor)
        editor.resave_weights(target)
    first, second = content(tmp_path / "theirs.weights.h5"), content(tmp_path / "ours.weights.h5")
    assert first.keys() == second.keys()
    for key, value in first.items():
        np.testing.assert_array_equal(second[key], value)
    KerasFileEditor(tmp_path / "ours.weights.h5")
    keras.saving.KerasFileEditor(str(tmp_path / "ours.weights.h5"))


def test_comparisons_are_those_of_keras(theirs, tmp_path, capsys):
    theirs.save_weights(tmp_path / "m.weights.h5")
    editor = KerasFileEditor(tmp_path / "m.weights.h5")
    reference = keras.saving.KerasFileEditor(str(tmp_path / "m.weights.h5"))
    found = editor.compare(model(kerasish, 2, 4))
    # Keras counts the weights of nested objects again for each that comes after them.
    assert found == {"status": "success", "error_count": 0, "match_count": 14}
    assert reference.compare(theirs)["status"] == "success"
    assert "fits the model" in capsys.readouterr().out
    other = kerasish.Sequential([kerasish.Input((3,)), layers.Dense(2), layers.Dense(5)])
    their_other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(5)])
    found, wanted = editor.compare(other), reference.compare(their_other)
    assert found == {"status": "error", "error_count": 3, "match_count": 2}
    assert (wanted["status"], wanted["error_count"]) == ("error", 3)
    text = capsys.readouterr().out
    assert "layers/dense_1/0: shape (2, 4) in the file, (2, 5) in the model" in text
    assert "optimizer: object with ['0', '1'" in text


def test_an_edited_file_loads_into_the_changed_model(tmp_path, capsys):
    saved = kerasish.Sequential([kerasish.Input((3,)), layers.Dense(4), layers.Dense(2)])
    saved.save_weights(tmp_path / "m.weights.h5")
    inputs = kerasish.Input((3,))
    x = layers.LayerNormalization()(layers.EinsumDense("ab,bc->ac", output_shape=4, bias_axes="c")(inputs))
    changed = kerasish.Model(inputs, layers.Dense(2)(x))
    editor = KerasFileEditor(tmp_path / "m.weights.h5")
    editor.rename_object("layers/dense", "einsum_dense")
    editor.rename_object("dense_1", "dense")
    editor.add_object("layers/layer_normalization", {"0": np.ones(4), "1": np.zeros(4)})
    assert editor.compare(changed)["status"] == "success"
    editor.save(tmp_path / "edited.weights.h5")
    changed.load_weights(tmp_path / "edited.weights.h5")
    for value, wanted in zip([*changed.get_weights()[:2], *changed.get_weights()[4:]], saved.get_weights()):
        np.testing.assert_array_equal(value, wanted)


@pytest.mark.parametrize(
    "make", [zoo.subclassed, zoo.nested, zoo.bfloat16_weights, zoo.subclass_of_layer], ids=lambda make: make.__name__
)
def test_what_is_not_edited_stays(make, tmp_path, capsys):
    """Keras drops objects inside objects that have weights, and the names; here nothing is lost."""
    saved, x = make(kerasish)
    saved.save_weights(tmp_path / "m.weights.h5")
    editor = KerasFileEditor(tmp_path / "m.weights.h5")
    assert editor.compare(saved) == {"status": "success", "error_count": 0, "match_count": len(saved.weights)}
    editor.save(tmp_path / "again.weights.h5")
    again, _ = make(kerasish)
    again.load_weights(tmp_path / "again.weights.h5")
    for value, wanted in zip(again.get_weights(), saved.get_weights(), strict=True):
        np.testing.assert_array_equal(value, wanted)


def test_summary(theirs, tmp_path, capsys):
    theirs.save(tmp_path / "m.keras")
    editor = KerasFileEditor(tmp_path / "m.keras")
    assert editor.metadata["keras_version"] == keras.__version__
    assert editor.config["class_name"] == "Sequential"
    editor.delete_object("optimizer")
    capsys.readouterr()
    editor.summary()
    lines = capsys.readouterr().out.splitlines()
    names = [layer.name for layer in theirs.layers]
    labels = [key if key == name else f"{key} ({name!r})" for key, name in zip(("dense", "dense_1"), names)]
    assert lines == [
        "Weights structure",
        "  └─ layers",
        f"     ├─ {labels[0]}",
        "     │  ├─ 0: shape=(3, 2), dtype=float32",
        "     │  └─ 1: shape=(2,), dtype=float32",
        f"     └─ {labels[1]}",
        "        ├─ 0: shape=(2, 4), dtype=float32",
        "        └─ 1: shape=(4,), dtype=float32",
    ]


def test_arguments_are_checked(theirs, tmp_path, capsys):
    theirs.save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="must end in"):
        KerasFileEditor(tmp_path / "m.h5")
    with pytest.raises(FileNotFoundError, match="no file"):
        KerasFileEditor(tmp_path / "none.weights.h5")
    editor = KerasFileEditor(tmp_path / "m.weights.h5")
    for name in ("none", "layers/none", "none/dense", "/layers", ""):
        with pytest.raises(ValueError, match="nowhere"):
            editor.delete_object(name)
    with pytest.raises(ValueError, match="more than once"):
        editor.rename_object("0", "x")
    for name in ("a/b", "", ".."):
        with pytest.raises(ValueError, match="without '/'"):
            editor.rename_object("layers/dense", name)
    with pytest.raises(ValueError, match="delete it first"):
        editor.rename_object("layers/dense", "dense_1")
    with pytest.raises(ValueError, match="nowhere"):
        editor.add_object("none/new", {})
    with pytest.raises(ValueError, match="has no weight '7'"):
        editor.delete_weight("layers/dense", "7")
    with pytest.raises(ValueError, match="is a weight"):
        editor.add_weights("layers/dense/0", {})
    for weights in ([1], {"0": "a"}, {"0": [object()]}):
        with pytest.raises(TypeError, match="weight"):
            editor.add_object("new", weights)
    with pytest.raises(ValueError, match="must end in"):
        editor.save(tmp_path / "m.keras")


def test_files_are_held_to_the_limits_of_loading(tmp_path, capsys):
    path = tmp_path / "m.weights.h5"

    def bomb(file):
        file.create_dataset("layers/a/vars/0", (1 << 28,), "f4", chunks=(1 << 20,), compression="gzip")

    def link(file):
        file["layers/a/vars/0"] = h5py.ExternalLink("/etc/passwd", "/x")

    def elsewhere(file):
        file["layers/a/0"] = np.ones(3)

    def both(file):
        file["layers/vars/a"] = np.ones(3)
        file["layers/a/vars/0"] = np.ones(3)

    for make, message in ((bomb, "far more"), (link, "is a link"), (elsewhere, "no weight"), (both, "both a weight")):
        with h5py.File(path, "w") as file:
            make(file)
        with pytest.raises(ValueError, match=message):
            KerasFileEditor(path)
    path.write_bytes(b"nothing")
    with pytest.raises(RefusedFileError):
        KerasFileEditor(path)
