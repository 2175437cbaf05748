"""Malicious files: each published weakness of Keras's loaders, with a harmless proof of concept, is refused here."""

import base64
import io
import json
import marshal
import os
import pickle
import random
import resource
import time
import warnings
import zipfile

import h5py
import numpy as np
import pytest

import kerasish
from kerasish import layers
from kerasish.saving import InvalidConfigError, RefusedFileError, limits, load_model, tools


def weights():
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        opened.create_group("vars")
    return file.getvalue()


def write(path, config, members=(), compression=zipfile.ZIP_STORED):
    """Write an archive by hand, without a list of members, as Keras does."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        text = config if isinstance(config, (str, bytes)) else json.dumps(config)
        for name, content in {"config.json": text, "model.weights.h5": weights(), **dict(members)}.items():
            archive.writestr(name, content)
    return path


def entry(class_name, config, module="keras.layers", **more):
    return {"module": module, "class_name": class_name, "config": config, "registered_name": None, **more}


def model_with(*stack):
    inputs = entry("InputLayer", {"batch_shape": [None, 4], "dtype": "float32", "name": "input"})
    return entry("Sequential", {"name": "m", "layers": [inputs, *stack]}, "keras")


def refused(path, match=".", seconds=20):
    start = time.monotonic()
    for safe_mode in (True, False):
        with pytest.raises(ValueError, match=match) as caught:
            load_model(path, safe_mode=safe_mode)
        assert type(caught.value) in (ValueError, RefusedFileError, InvalidConfigError)
    assert time.monotonic() - start < seconds


def bytecode(witness):
    code = compile(f"(lambda x: open({str(witness)!r}, 'w').close())(0)", "poc", "eval")
    return base64.b64encode(marshal.dumps(code)).decode()


def lambda_config(witness):
    function = {"class_name": "__lambda__", "config": {"value": [bytecode(witness), None, None]}}
    return {"name": "lambda", "function": function, "arguments": {}}


def test_cve_2024_3660_code_in_a_lambda_layer(tmp_path, witness):
    refused(write(tmp_path / "m.keras", model_with(entry("Lambda", lambda_config(witness)))), "never run")


def older_file(path, model_config, **attributes):
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(model_config)
        file.attrs.update({name: json.dumps(value) for name, value in attributes.items()})
        file.create_group("model_weights").attrs["layer_names"] = np.array([b"lambda"])
    return path


def test_cve_2025_9905_code_in_an_older_file(tmp_path, witness):
    config = {"name": "lambda", "function": [bytecode(witness), None, None], "function_type": "lambda"}
    stack = [{"class_name": "Lambda", "config": config | {"batch_input_shape": [None, 4]}}]
    sequential = {"class_name": "Sequential", "config": {"name": "m", "layers": stack}}
    refused(older_file(tmp_path / "m.h5", sequential), "never run")
    stack[0]["config"] = lambda_config(witness)
    refused(older_file(tmp_path / "m.h5", sequential), "never run")


def test_cve_2026_12481_code_through_from_config(witness):
    """No description was public when this was written; assumed: bytecode run by `from_config`, outside `load_model`."""
    with pytest.raises(ValueError, match="never run"):
        layers.Lambda.from_config(lambda_config(witness))
    with pytest.raises(ValueError, match="never run"):
        kerasish.saving.deserialize_keras_object(entry("Lambda", lambda_config(witness)))
    with pytest.raises(ValueError, match="never run"):
        kerasish.Sequential.from_config(model_with(entry("Lambda", lambda_config(witness)))["config"])


def function(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("builtins", "eval"), ("subprocess", "run"), ("keras.src.utils.python_utils", "func_load")],
)
def test_cve_2025_1550_functions_of_any_module(module, name, tmp_path, witness):
    argument = f"touch {witness}"
    stack = entry("Lambda", {"name": "x", "function": function(module, name), "arguments": {"command": argument}})
    refused(write(tmp_path / "m.keras", model_with(stack)), "Unknown object")
    whole = entry(name, {"command": argument}, module)
    refused(write(tmp_path / "m.keras", whole), "Unknown object")
    refused(write(tmp_path / "m.keras", model_with(whole)), "Unknown object")


DATASETS = ["boston_housing", "california_housing", "cifar10", "cifar100", "fashion_mnist", "imdb", "mnist", "reuters"]
GADGETS = [
    ("keras.config", "enable_unsafe_deserialization"),
    ("keras.config", "set_floatx"),
    ("keras.utils", "get_file"),
    ("keras.utils", "set_random_seed"),
    ("keras.utils", "plot_model"),
    ("keras.visualization", "plot_image_gallery"),
    *((f"keras.datasets.{name}", "load_data") for name in DATASETS),
    ("keras.saving", "load_model"),
    ("keras.models", "load_model"),
    ("keras.utils", "clear_session"),
    ("kerasish.utils", "get_file"),
    ("kerasish.saving", "save_model"),
]


def import_everything():
    """Names resolve in tables that packages fill when imported: look with all of them there."""
    for name in ("utils", "datasets", "saving", "callbacks", "config", "visualization", "applications"):
        getattr(kerasish, name, None)


@pytest.mark.parametrize(("module", "name"), GADGETS)
def test_cve_2025_8747_and_9906_functions_with_side_effects(module, name, tmp_path, witness, monkeypatch):
    """Functions that write files, set global state or download, as the function of a layer or as the model."""
    import_everything()
    monkeypatch.setenv("KERASISH_HOME", str(witness))  # where downloads would go
    before = kerasish.config.floatx(), random.getstate(), np.random.get_state()[1].tolist()
    for lambda_function in (function(module, name), function("builtins", name)):
        stack = entry("Lambda", {"name": "x", "function": lambda_function, "arguments": {"path": str(witness)}})
        refused(write(tmp_path / "m.keras", model_with(stack)))
    refused(write(tmp_path / "m.keras", entry(name, {"path": str(witness)}, module)))
    assert (kerasish.config.floatx(), random.getstate(), np.random.get_state()[1].tolist()) == before


@pytest.mark.parametrize("module", ["keras_hub.models", "keras_nlp", "keras_cv.layers", "keras_rs", "kerasish_evil"])
def test_open_in_keras_packages_imported_by_name(module, tmp_path, witness, monkeypatch):
    package = tmp_path / module.split(".")[0]
    package.mkdir()
    for file in ("__init__.py", "models.py", "layers.py"):
        (package / file).write_text(f"open({str(witness)!r}, 'w').close()\nclass Gadget: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    refused(write(tmp_path / "m.keras", model_with(entry("Gadget", {}, module))), "Unknown object")
    refused(write(tmp_path / "m.keras", entry("Gadget", {}, module, registered_name="keras_hub>Gadget")))


@pytest.mark.parametrize("class_name", ["StringLookup", "IntegerLookup", "TextVectorization"])
@pytest.mark.parametrize("vocabulary", ["{secret}", "http://127.0.0.1:9/x"])
def test_cve_2025_12058_vocabulary_files(class_name, vocabulary, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("swordfish\n")
    config = {"name": "x", "vocabulary": vocabulary.format(secret=secret)}
    path = write(tmp_path / "m.keras", model_with(entry(class_name, config)))
    with pytest.raises(RefusedFileError) as caught:
        load_model(path)
    assert "swordfish" not in str(caught.value)
    with pytest.raises(ValueError, match="never opened"):
        getattr(layers, class_name).from_config(config)


def test_cve_2025_49655_pickles_of_torch_modules(tmp_path, witness):
    class Payload:
        def __reduce__(self):
            return open, (str(witness), "w")

    module = base64.b64encode(pickle.dumps(Payload())).decode()
    refused(write(tmp_path / "m.keras", model_with(entry("TorchModuleWrapper", {"module": module}))), "Unknown object")


def test_cve_2026_1462_saved_models(tmp_path):
    """A TFSMLayer runs a TensorFlow program that lies beside the model; there is no such layer here."""
    stack = entry("TFSMLayer", {"name": "x", "filepath": str(tmp_path), "call_endpoint": "serve"})
    refused(write(tmp_path / "m.keras", model_with(stack)), "Unknown object")


DENSE = entry("Dense", {"name": "dense", "units": 3})


def with_dataset(tmp_path, make):
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        make(opened)
    return write(tmp_path / "m.keras", model_with(DENSE), {"model.weights.h5": file.getvalue()})


def test_cve_2026_0897_shapes_without_data(tmp_path):
    """Datasets that declare far more than they hold, which Keras before 3.13 allocates."""
    for size in (1 << 40, 1 << 28):
        path = with_dataset(
            tmp_path,
            lambda file, n=size: [
                file.create_dataset("layers/dense/vars/0", (4, n), "f4", chunks=(4, 1024), compression="gzip"),
                file.create_dataset("layers/dense/vars/1", (3,), "f4"),
            ],
        )
        refused(path, "reshaped|does not fit|larger", seconds=10)


class Hungry(layers.Layer):
    """A layer that reads whatever the file has for it."""

    def build(self, input_shape):
        self.seen = None

    def call(self, x):
        return x

    def save_own_variables(self, store):
        store["seen"] = np.zeros(3)

    def load_own_variables(self, store):
        self.seen = store["seen"]


def bomb(file, path, size=1 << 27):
    """A dataset of two gibibytes, which Keras lets through, in a few kilobytes."""
    file.create_dataset(path, (4, size), "f4", chunks=(4, 1024), compression="gzip")


def test_open_in_keras_shapes_below_four_gibibytes(tmp_path):
    model = kerasish.Sequential([kerasish.Input((4,)), layers.Dense(3), Hungry()])
    path = tmp_path / "m.weights.h5"
    for name in ("layers/dense/vars/0", "layers/hungry/vars/seen", "layers/other/vars/0", "optimizer/vars/0"):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with h5py.File(path, "w") as file:
            bomb(file, name)
            if "hungry" in name:
                file["layers/dense/vars/0"], file["layers/dense/vars/1"] = np.ones((4, 3), "f4"), np.ones(3, "f4")
        for load in (
            lambda: model.load_weights(path),
            lambda: kerasish.saving.KerasFileEditor(path),
            lambda: tools.convert(str(path), str(tmp_path / "out.weights.h5")),
            lambda: tools.verify(str(path)),
        ):
            with pytest.raises(ValueError, match="does not fit|far more"):
                load()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.load_weights(path, skip_mismatch=True)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 20  # kilobytes
        assert not (tmp_path / "out.weights.h5").exists()


def test_cve_2026_1669_data_of_other_files(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"swordfish" * 100)

    def external(file):
        file.create_dataset("layers/dense/vars/0", (4, 3), "f4", external=[(str(secret), 0, 48)])

    def link(file):
        file["layers/dense/vars/0"] = h5py.ExternalLink(str(secret), "/x")

    def soft(file):
        file["layers/dense/vars/0"] = h5py.SoftLink("/layers")

    def virtual(file):
        layout = h5py.VirtualLayout((4, 3), "f4")
        layout[:] = h5py.VirtualSource(str(secret), "x", (4, 3))
        file.create_virtual_dataset("layers/dense/vars/0", layout)

    for make in (external, link, soft, virtual):
        refused(with_dataset(tmp_path, make), "layers/dense")


@pytest.mark.parametrize(
    "name", ["../witness", "assets/../../witness", "/tmp/kerasish_witness", "assets\\..\\w", "C:/w"]
)
def test_cve_2026_12479_names_that_lead_out(name, tmp_path, witness):
    """No description was public when this was written; assumed: members of archives written outside the directory."""
    refused(write(tmp_path / "m.keras", model_with(DENSE), {name: b"x"}), "leads out")
    assert not os.path.exists("/tmp/kerasish_witness")


def test_cve_2026_12479_names_of_attributes_do_not_lead_out_when_saving(tmp_path, witness):
    """The other direction, by the same assumption: files of layers written outside the directory when saving."""

    class WithFile(layers.Layer):
        def save_assets(self, directory):
            with open(os.path.join(directory, "witness"), "w") as file:
                file.write("x")

        def call(self, x):
            return x

    model = kerasish.Sequential([kerasish.Input((2,)), layers.Dense(2)])
    setattr(model, f"../../../..{tmp_path}", WithFile())
    with pytest.raises(ValueError, match="no usable path"):
        model.save(tmp_path / "m.keras")
    assert not (tmp_path / "m.keras").exists()


def test_open_in_keras_symlinked_assets(tmp_path):
    path = write(tmp_path / "m.keras", model_with(DENSE))
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("assets/vocabulary.txt")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    refused(path, "link")
    directory = tmp_path / "model"
    kerasish.saving.save_model(kerasish.Sequential([kerasish.Input((2,)), layers.Dense(2)]), directory, zipped=False)
    (directory / "assets").mkdir()
    (directory / "assets" / "vocabulary.txt").symlink_to("/etc/passwd")
    refused(directory, "link")


@pytest.mark.parametrize("member", ["model.weights.h5", "config.json", "assets/a/x", "other"])
def test_cve_2026_12570_members_that_expand(member, tmp_path):
    """No description was public when this was written; assumed: decompression bombs as members of archives."""
    members = {member: b"\0" * (70 << 20)}
    path = write(tmp_path / "m.keras", model_with(DENSE), members, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 18
    refused(path, "far more", seconds=10)


def test_open_in_keras_pickles_in_npz_weights(tmp_path, witness):
    class Payload:
        def __reduce__(self):
            return open, (str(witness), "w")

    file = io.BytesIO()
    np.savez(file, layers=np.array([Payload()], object), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(model_with(DENSE)))
        archive.writestr("model.weights.npz", file.getvalue())
    refused(tmp_path / "m.keras", "model.weights.h5' is missing")


@pytest.mark.parametrize(
    "layer",
    [
        entry("Dense", {"name": "x", "units": 10**12}),
        entry("Dense", {"name": "x", "units": 10**9}),
        entry("Dense", {"name": "x", "units": 10**30}),
        entry("Dense", {"name": "x", "units": -3}),
        entry("Embedding", {"name": "x", "input_dim": 10**10, "output_dim": 10**5}),
        entry("LSTM", {"name": "x", "units": 10**8}),
        entry("Conv1D", {"name": "x", "filters": 10**11, "kernel_size": 10**7}),
        entry("EinsumDense", {"name": "x", "equation": "ab,bc->ac", "output_shape": 10**12}),
    ],
    ids=lambda layer: layer["class_name"],
)
def test_open_in_keras_absurd_sizes_of_layers(layer, tmp_path):
    refused(write(tmp_path / "m.keras", model_with(layer)), seconds=30)
    config = {"class_name": "Sequential", "config": model_with(layer)["config"]}
    refused(older_file(tmp_path / "m.h5", config), seconds=30)
    start = time.monotonic()
    for text in (json.dumps(model_with(layer)), json.dumps(model_with(DENSE, layer))):
        with pytest.raises(InvalidConfigError):
            kerasish.models.model_from_json(text)
    assert time.monotonic() - start < 30


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (entry("Resizing", {"name": "x", "height": 10**9, "width": 2}), [6, 6, 3]),
        (entry("CenterCrop", {"name": "x", "height": 2, "width": 10**9}), [6, 6, 3]),
        (entry("MelSpectrogram", {"name": "x", "num_mel_bins": 10**9}), [4000]),
        (entry("MelSpectrogram", {"name": "x", "fft_length": 10**9}), [4000]),
        (entry("AdaptiveAveragePooling1D", {"name": "x", "output_size": 10**9}), [6, 2]),
        (entry("AdaptiveMaxPooling2D", {"name": "x", "output_size": [10**5, 10**5]}), [6, 6, 2]),
    ],
    ids=lambda value: value["class_name"] if isinstance(value, dict) else "",
)
def test_open_in_keras_absurd_sizes_of_layers_without_weights(layer, shape):
    """These make tables of the size that they are told, also where the model is only described."""
    inputs = entry("InputLayer", {"batch_shape": [None, *shape], "dtype": "float32", "name": "input"})
    config = entry("Sequential", {"name": "m", "layers": [inputs, layer]}, "keras")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidConfigError, match="at most"):
        kerasish.models.model_from_json(json.dumps(config))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 18  # kilobytes


def test_models_of_json_may_be_as_large_as_the_limit_says(monkeypatch):
    text = json.dumps(model_with(entry("Dense", {"name": "x", "units": 1000})))
    monkeypatch.setattr(limits, "DESCRIBED_BYTES", 20_000)
    assert kerasish.models.model_from_json(text).count_params() == 5000
    monkeypatch.setattr(limits, "DESCRIBED_BYTES", 19_999)
    with pytest.raises(InvalidConfigError, match=r"kerasish\.saving\.limits"):
        kerasish.models.model_from_json(text)
    compiled = kerasish.Sequential([kerasish.Input((4,)), layers.Dense(1000)])
    compiled.compile("adam", "mse")
    monkeypatch.setattr(limits, "DESCRIBED_BYTES", 20_000)
    assert kerasish.models.model_from_json(compiled.to_json()).optimizer is not None


def test_initial_values_that_take_long_are_not_made(tmp_path):
    """The recurrent weights of a large LSTM are made by a decomposition that takes minutes."""
    inputs = entry("InputLayer", {"batch_shape": [None, 3, 4], "dtype": "float32", "name": "input"})
    stack = [inputs, entry("LSTM", {"name": "x", "units": 2500})]
    config = entry("Sequential", {"name": "m", "layers": stack}, "keras")
    refused(write(tmp_path / "m.keras", config), "missing", seconds=10)


def nested(depth):
    return "[" * depth + "]" * depth


def wide(count):
    return json.dumps(model_with(entry("Dense", {"name": "x", "units": [0] * count})))


def endless_graph():
    def node(name):
        return {"class_name": "__keras_tensor__", "config": {"shape": [1], "dtype": "float32",
                                                             "keras_history": [name, 0, 0]}}  # fmt: skip

    def dense(name, source):
        return {**entry("Dense", {"name": name, "units": 1}), "name": name,
                "inbound_nodes": [{"args": [node(source)], "kwargs": {}}]}  # fmt: skip

    config = {"name": "m", "layers": [dense("a", "b"), dense("b", "a")], "input_layers": [], "output_layers": []}
    return entry("Functional", config, "keras.src.models.functional")


def sequential_in_itself(depth):
    config = DENSE
    for index in range(depth):
        config = entry("Sequential", {"name": f"m{index}", "layers": [config]}, "keras")
    return config


@pytest.mark.parametrize(
    "config",
    [
        "", "{", "null", "[]", "3", '"Dense"', b"\xff\xfe", "NaN", "9" * 10_000, nested(100_000), nested(500),
        f'{{"class_name": "Sequential", "config": {nested(300)}}}', '{"class_name": [], "config": {}}',
        '{"class_name": "Dense", "config": 3}', '{"class_name": "Sequential", "config": {"name": 3, "layers": 7}}',
        '{"class_name": "Functional", "config": {"layers": {}, "input_layers": 0, "output_layers": null}}',
        endless_graph(), sequential_in_itself(190), wide(100_000),
        model_with(entry("Dense", {"name": {"a": 1}, "units": "many"})), model_with(entry("Dense", {"nmae": 1})),
        model_with(3), model_with(None), model_with([]), model_with("Dense"), model_with({"class_name": "Dense"}),
        model_with(entry("Adam", {}, "keras.optimizers")), entry("Adam", {}, "keras.optimizers"),
        model_with(entry("Dense", {"name": "x", "units": 3, "kernel_initializer": {"class_name": "Dense"}})),
        model_with(entry("Dense", {"name": "../../x", "units": 3})),
        model_with(entry("Reshape", {"name": "x", "target_shape": [10**30]})),
        model_with(entry("RepeatVector", {"name": "x", "n": -(10**30)})),
        {**model_with(DENSE), "compile_config": {"optimizer": "no such optimizer"}},
        {**model_with(DENSE), "compile_config": {"steps": 3}}, {**model_with(DENSE), "compile_config": [1]},
        {**model_with(DENSE), "build_config": {"input_shape": {"a": "b"}}},
    ],
)  # fmt: skip
def test_configs_that_describe_no_model(config, tmp_path):
    refused(write(tmp_path / "m.keras", config), seconds=60)


def test_archives_that_are_none(tmp_path):
    path = tmp_path / "m.keras"
    for content in (b"", b"PK", b"PK\x05\x06" + b"\0" * 18, b"\x89HDF\r\n\x1a\n", os.urandom(100), b"PK" * 5000):
        path.write_bytes(content)
        refused(path)
    write(path, model_with(DENSE))
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", json.dumps(model_with(DENSE)))
    refused(path, "there twice")


def test_many_members(tmp_path):
    path = write(tmp_path / "m.keras", model_with(DENSE), {f"assets/{index}": b"" for index in range(10_001)})
    refused(path, "10003 members|10004 members")


def test_shards_name_files_beside_them_only(tmp_path):
    model = kerasish.Sequential([kerasish.Input((2,)), layers.Dense(2)])
    for names in (
        "../x.weights.h5",
        "/etc/passwd",
        "a/b.weights.h5",
        "x",
        3,
        None,
        ["x.weights.h5", {}],
        "n.weights.h5",
    ):
        content = json.dumps({"metadata": {}, "weight_map": {"/layers/dense/vars": names}})
        (tmp_path / "m.weights.json").write_text(content)
        with pytest.raises(RefusedFileError):
            model.load_weights(tmp_path / "m.weights.json")
