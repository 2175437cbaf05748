"""Weights in files: Keras's layout both ways, damage and mismatches refused as a whole, nothing ever half written."""

import contextlib
import io
import os
import subprocess
import sys
import textwrap

import h5py
import numpy as np
import pytest

import kerasish
from kerasish import layers
from tests.saving import zoo

keras = pytest.importorskip("keras")


def members(path):
    """What a file holds: groups with their attributes, datasets with shape and dtype."""
    found = {}

    def visit(name, item):
        is_dataset = isinstance(item, h5py.Dataset)
        attributes = {key: value for key, value in item.attrs.items() if key != "crc32"}
        found[name] = (item.shape, str(item.dtype), attributes) if is_dataset else sorted(attributes)

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


@contextlib.contextmanager
def foreign(path):
    """A file opened to be changed, without the checksums that would give the change away."""
    with h5py.File(path, "a") as file:
        del file.attrs["crc32"]
        file.visititems(lambda name, item: item.attrs.pop("crc32", None) and None)
        yield file


def outputs(model, x, lib):
    return [np.asarray(y, "float32") for y in lib.tree.flatten(model(x))]


def with_random_weights(model):
    random = np.random.default_rng(3)
    model.set_weights([(np.abs(random.normal(size=w.shape)) * 0.5 + 0.1).astype(w.dtype) for w in model.get_weights()])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", zoo.MODELS, ids=lambda make: make.__name__)
def test_files_of_keras_load_here_and_ours_in_keras(make, tmp_path):
    theirs, x = zoo.of_keras(make)
    ours, _ = make(kerasish)
    if make is not zoo.adapted:  # statistics take effect when adapted or loaded, not when set
        with_random_weights(theirs)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    expected = outputs(theirs, x, keras)
    for y, wanted in zip(outputs(ours, x, kerasish), expected, strict=True):
        np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-6)
    ours.save_weights(tmp_path / "ours.weights.h5")
    assert members(tmp_path / "ours.weights.h5") == members(tmp_path / "theirs.weights.h5")
    back, _ = make(keras)
    back.load_weights(tmp_path / "ours.weights.h5")
    for value, wanted in zip(back.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(value, wanted)


def trained(lib, optimizer):
    model = lib.Sequential([lib.Input((4,)), lib.layers.Dense(3), lib.layers.Dropout(0.1), lib.layers.Dense(1)])
    model.compile(optimizer, "mse", metrics=["mae"])
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    model.fit(x, x[:, :1], batch_size=4, epochs=1, verbose=0)
    return model


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_state_of_the_optimizer_goes_along(optimizer, tmp_path):
    theirs, ours = trained(keras, optimizer), trained(kerasish, optimizer)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    wanted = [np.asarray(v) for v in theirs.optimizer.variables]
    for variable, value in zip(ours.optimizer.variables, wanted, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), value)
    ours.save_weights(tmp_path / "ours.weights.h5")
    assert members(tmp_path / "ours.weights.h5") == members(tmp_path / "theirs.weights.h5")


def dense(*units, features=4):
    return kerasish.Sequential([layers.Input((features,)), *(layers.Dense(n) for n in units)])


def test_a_model_that_is_not_compiled_takes_the_weights_alone(tmp_path):
    model = trained(kerasish, "adam")
    model.save_weights(tmp_path / "w.weights.h5")
    plain = kerasish.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dropout(0.1), layers.Dense(1)])
    plain.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(plain.get_weights()[0], model.get_weights()[0])
    plain.compile("adam", "mse")
    with pytest.warns(UserWarning, match="not built yet"):
        plain.load_weights(tmp_path / "w.weights.h5")


def values(model):
    return [weight.copy() for weight in model.get_weights()]


def assert_unchanged(model, before):
    for value, wanted in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, wanted)


def test_one_error_lists_all_that_does_not_fit_and_nothing_is_loaded(tmp_path):
    path = tmp_path / "w.weights.h5"
    dense(3, 2, 5).save_weights(path)
    with foreign(path) as file:
        del file["layers/dense/vars/1"]
    model = dense(3, 4)
    before = values(model)
    with pytest.raises(ValueError) as caught:
        model.load_weights(path)
    lines = str(caught.value).splitlines()
    assert "nothing was loaded" in lines[0]
    kinds = [line.split()[:2] for line in lines if line.startswith("  ")]
    assert kinds == [
        ["missing", "layers/dense/vars/1"],
        ["reshaped", "layers/dense_1/vars/0"],
        ["reshaped", "layers/dense_1/vars/1"],
        ["unexpected", "layers/dense_2/vars/0"],
        ["unexpected", "layers/dense_2/vars/1"],
    ]
    assert "skip_mismatch=True" in lines[-1]
    assert_unchanged(model, before)


def test_skip_mismatch_loads_what_fits_and_warns(tmp_path):
    path = tmp_path / "w.weights.h5"
    saved, model = dense(3, 2), dense(3, 4)
    saved.save_weights(path)
    before = values(model)
    with pytest.warns(UserWarning, match="layers/dense_1/vars/0"):
        model.load_weights(path, skip_mismatch=True)
    assert_unchanged(model, [*saved.get_weights()[:2], *before[2:]])


def test_objects_to_skip_stay_as_they_are(tmp_path):
    path = tmp_path / "w.weights.h5"
    saved, model = dense(3, 2), dense(3, 4)
    saved.save_weights(path)
    before = values(model)
    model.load_weights(path, objects_to_skip=[model.layers[1]])
    assert_unchanged(model, [*saved.get_weights()[:2], *before[2:]])
    kerasish.saving.save_weights(saved, path, objects_to_skip=saved.layers[:1])
    assert not any(name.startswith("layers/dense/") for name in members(path))


def test_layers_that_share_a_class_may_store_what_they_like(tmp_path):
    class Counter(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.total = 0.0

        def call(self, x):
            return x + self.total

        def save_own_variables(self, store):
            store["total"] = np.float32(self.total)

        def load_own_variables(self, store):
            self.total = float(store["total"])

    def make():
        return kerasish.Sequential([layers.Input((2,)), Counter(), layers.Dense(2)])

    path = tmp_path / "w.weights.h5"
    saved, model = make(), make()
    saved.layers[0].total = 3.5
    saved.save_weights(path)
    model.load_weights(path)
    assert model.layers[0].total == 3.5
    model.layers[0].total = 1.0
    with foreign(path) as file:
        file["layers/counter/vars"].move("total", "sum")
    before = values(model)
    with pytest.raises(KeyError):
        model.load_weights(path)
    assert model.layers[0].total == 1.0
    assert_unchanged(model, before)


def test_arguments_are_checked(tmp_path):
    model, path = dense(2), tmp_path / "w.weights.h5"
    with pytest.raises(ValueError, match=r"must end in '\.weights\.h5'"):
        model.save_weights(tmp_path / "w.h5")
    with pytest.raises(TypeError, match="filepath"):
        model.load_weights(7)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        model.load_weights(path)
    with pytest.raises(FileNotFoundError, match="no directory"):
        model.save_weights(tmp_path / "none" / "w.weights.h5")
    with pytest.raises(ValueError, match="not built"):
        kerasish.Sequential([layers.Dense(2)]).save_weights(path)
    model.save_weights(str(path))
    with pytest.raises(ValueError, match="not built"):
        kerasish.Sequential([layers.Dense(2)]).load_weights(path)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save_weights(path, overwrite=False)


def soft_link(file):
    file["layers/dense/vars/0"] = h5py.SoftLink("/layers/dense_1/vars/0")


def external_link(file):
    file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/x")


def external_data(file):
    file["layers/dense/vars"].create_dataset("0", (4, 3), "f4", external=[("/etc/hostname", 0, 48)])


def virtual_data(file):
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4, 3))
    file.create_virtual_dataset("layers/dense/vars/0", layout)


def loop(file):
    file["layers/dense/vars/0"] = file["layers"]


def absurd_shape(file):
    file["layers/dense/vars"].create_dataset("0", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024), compression="gzip")


def large_chunks(file):
    options = {"chunks": (4, 1 << 28), "maxshape": (4, None), "compression": "gzip"}
    file["layers/dense/vars"].create_dataset("0", (4, 3), "f4", **options)


def strings(file):
    file["layers/dense/vars/0"] = [[b"x"] * 3] * 4


def objects(file):
    file["layers/dense/vars"].create_dataset("0", (4, 3), h5py.string_dtype())


def empty(file):
    file["layers/dense/vars/0"] = h5py.Empty("f4")


def named_type(file):
    file["layers/dense/vars/0"] = np.dtype("f4")


@pytest.mark.parametrize(
    "replace",
    [soft_link, external_link, external_data, virtual_data, loop, absurd_shape, large_chunks, strings, objects, empty,
     named_type],
)  # fmt: skip
def test_anything_but_plain_arrays_is_refused(replace, tmp_path):
    path, model = tmp_path / "w.weights.h5", dense(3, 2)
    model.save_weights(path)
    before = values(model)
    with foreign(path) as file:
        del file["layers/dense/vars/0"]
        replace(file)
    with pytest.raises(ValueError, match="layers"):
        model.load_weights(path)
    assert_unchanged(model, before)


def test_damaged_files_are_refused_and_leave_the_model_alone(tmp_path):
    path, model = tmp_path / "w.weights.h5", dense(3, 2)
    model.save_weights(path)
    content = path.read_bytes()
    before = values(model)
    for size in (0, 7, len(content) // 3, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match="damaged or no HDF5 file"):
            model.load_weights(path)
    assert_unchanged(model, before)


def test_changed_bytes_end_in_one_kind_of_error(tmp_path):
    path, model = tmp_path / "w.weights.h5", dense(3, 2)
    model.save_weights(path)
    content, random = path.read_bytes(), np.random.default_rng(0)
    for _ in range(150):
        changed = bytearray(content)
        for place in random.integers(len(content), size=8):
            changed[place] ^= 1 << random.integers(8)
        path.write_bytes(changed)
        before = values(model)
        try:
            model.load_weights(path)
        except ValueError:
            assert_unchanged(model, before)


def test_numbers_with_a_fraction_do_not_go_into_integers(tmp_path):
    class Counting(layers.Layer):
        def build(self, input_shape):
            self.count = self.add_weight(shape=(2,), dtype="int32", initializer="zeros", name="count")

        def call(self, x):
            return x + self.count

    path = tmp_path / "w.weights.h5"
    model = kerasish.Sequential([layers.Input((2,)), Counting()])
    model.save_weights(path)
    with foreign(path) as file:
        del file["layers/counting/vars/0"]
        file["layers/counting/vars/0"] = np.array([0.5, 1.5])
    with pytest.raises(ValueError, match="retyped"):
        model.load_weights(path)


def test_files_written_by_keras_2_13_name_layers_otherwise(tmp_path):
    path, saved, model = tmp_path / "w.weights.h5", dense(3, 2), dense(3, 2)
    saved.save_weights(path)
    with foreign(path) as file:
        file.move("layers", "_layer_checkpoint_dependencies")
    model.load_weights(path)
    assert_unchanged(model, saved.get_weights())


def test_an_object_stored_under_another_of_its_attributes_is_found(tmp_path):
    class Network(kerasish.Model):
        def __init__(self):
            super().__init__()
            self._encoder = layers.Dense(2)
            self.encoder = self._encoder

        def call(self, x):
            return self.encoder(x)

    path = tmp_path / "w.weights.h5"
    saved, model = Network(), Network()
    x = np.ones((1, 3), "float32")
    saved(x), model(x)
    saved.save_weights(path)
    with foreign(path) as file:
        file.move("encoder", "_encoder")
    model.load_weights(path)
    assert_unchanged(model, saved.get_weights())


def test_a_failing_save_leaves_the_old_file_and_no_other(tmp_path):
    class Broken(layers.Layer):
        def save_own_variables(self, store):
            raise RuntimeError("cannot")

        def call(self, x):
            return x

    path = tmp_path / "w.weights.h5"
    dense(3).save_weights(path)
    content = path.read_bytes()
    with pytest.raises(RuntimeError, match="cannot"):
        kerasish.Sequential([layers.Input((4,)), layers.Dense(3), Broken()]).save_weights(path)
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX limits")
def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "w.weights.h5"
    dense(3).save_weights(path)
    content = path.read_bytes()
    code = """
        import resource, signal, sys
        import kerasish
        model = kerasish.Sequential([kerasish.Input((200,)), kerasish.layers.Dense(300)])
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            model.save_weights(sys.argv[1])
        except OSError as error:
            print("refused", error.errno)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=os.getcwd())
    assert result.stdout.split() == ["refused", "27"]
    assert result.stderr == ""
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == [path.name]


def test_links_are_followed_and_permissions_kept(tmp_path):
    target, link = tmp_path / "target.weights.h5", tmp_path / "link.weights.h5"
    model = dense(3)
    model.save_weights(target)
    os.chmod(target, 0o640)
    link.symlink_to(target)
    model.save_weights(link)
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    model.load_weights(link)


def test_writing_is_not_bound_to_paths():
    """The walk and the reader serve archives too."""
    from kerasish.saving.hdf5 import VariablesReader, VariablesWriter
    from kerasish.saving.loading import load_variables
    from kerasish.saving.weights import write_variables

    saved, model, file = dense(3), dense(3), io.BytesIO()
    with VariablesWriter(file) as writer:
        write_variables(saved, writer)
    with VariablesReader(file, "archive") as reader:
        load_variables(model, reader, "archive")
    assert_unchanged(model, saved.get_weights())
