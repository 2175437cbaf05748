"""Feeds changed files to the loaders for some minutes and reports what ends in neither a model nor a documented error.

Run with `python benchmarks/fuzz_files.py --minutes 10`. Workers load, show and verify files of which configurations,
HDF5 bytes or zip bytes were changed at random; a case that raises anything but ValueError, takes more than 20
seconds of the processor, more than 3 GB of memory or ends its process is a finding, and can be repeated with
`--case NUMBER`.
"""

import argparse
import contextlib
import copy
import io
import json
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

# Of the processor, and of the clock for those that wait for something.
SECONDS = 20
WAITING = 300
KILOBYTES = 3_000_000
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2, 3.5, -0.0, 1e308, float("nan"), float("inf"), 2**31, 2**63, 10**30, 10**9, "",
    "relu", "Dense", "../x", "\0", "float16", "string", "é", [], [None], [-1], [0, 0], [2**40, 2**40], {}, {"a": 1},
    {"class_name": "__tensor__", "config": {"value": [1, 2], "dtype": "float32"}},
    {"class_name": "__lambda__", "config": {"value": "x"}}, {"class_name": "__slice__", "config": {}},
    {"class_name": "__numpy__", "config": {"value": [[1], [2, 3]], "dtype": "int64"}},
    {"class_name": "__keras_tensor__", "config": {"keras_history": ["dense", 0, 0]}},
    {"class_name": "function", "config": "eval", "module": "builtins"},
]  # fmt: skip


def seeds() -> dict[str, bytes]:
    """Return files to start from, by name."""
    import kerasish
    from kerasish import layers as of

    image = kerasish.Input((8, 8, 2))
    x = of.BatchNormalization()(of.Conv2D(3, 3, activation="relu")(image))
    convolutions = kerasish.Model(image, of.Dense(2)(of.GlobalAveragePooling2D()(of.MaxPooling2D()(x) + 1.0)))
    tokens = kerasish.Input((4,), dtype="int32")
    x = of.Bidirectional(of.LSTM(2, return_sequences=True))(of.Embedding(5, 3)(tokens))
    sequence = kerasish.Model(tokens, of.Dense(1)(of.Flatten()(of.MultiHeadAttention(2, 2)(x, x)[:, 1:])))
    stack = kerasish.Sequential([kerasish.Input((4,)), of.Dense(3), of.Dropout(0.5), of.LayerNormalization()])
    pictures = kerasish.Input((6, 6, 3))
    x = of.RandomZoom(0.1)(of.RandomContrast(0.2)(of.Resizing(6, 6)(of.Rescaling(0.5)(pictures))))
    x = of.Conv2DTranspose(2, 2)(of.SeparableConv2D(2, 2)(of.ZeroPadding2D(1)(x)))
    x = of.Reshape((7, 14))(of.GroupNormalization(2)(of.Cropping2D(((0, 1), (0, 1)))(x)))
    sound = kerasish.Input((32, 1))
    waves = of.STFTSpectrogram("log", 8, 4, 8)(sound)
    x = of.RNN(of.StackedRNNCells([of.GRUCell(2), of.SimpleRNNCell(2)]))(of.RepeatVector(2)(of.Flatten()(x)))
    various = kerasish.Model([pictures, sound], [x, of.UpSampling1D()(waves)])
    words = kerasish.Sequential([kerasish.Input((1,), dtype="string"), of.TextVectorization(vocabulary=["a", "b"])])
    words.add(of.Embedding(4, 2))
    learned = of.StringLookup(output_mode="tf_idf")
    learned.adapt(["a", "b", "a"])
    table = kerasish.Sequential([kerasish.Input((1,), dtype="string"), learned])
    found: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as name:
        for index, model in enumerate((convolutions, sequence, stack, various, words, table)):
            if model.trainable_variables:
                model.compile("adam", "mse", metrics=["mae"])
                model.optimizer.ensure_built(model.trainable_variables)
            for ending in (".keras", ".h5"):
                path = pathlib.Path(name) / f"{index}{ending}"
                model.save(path)
                found[path.name] = path.read_bytes()
    return found


def places(item: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) in plain data."""
    found, stack = [], [item]
    while stack:
        value = stack.pop()
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in pairs:
            found.append((value, key))
            stack.append(inner)
    return found


def changed_config(config: Any, chance: random.Random, classes: list[tuple[str, str]]) -> Any:
    """Return a configuration with a few values changed, moved, doubled or removed."""
    config = copy.deepcopy(config)
    for _ in range(chance.choice((1, 1, 2, 4))):
        found = places(config)
        container, key = chance.choice(found)
        action = chance.randrange(7)
        if action <= 2:
            container[key] = copy.deepcopy(chance.choice(ODD))
        elif action == 3:
            del container[key]
        elif action == 4:
            other, other_key = chance.choice(found)
            container[key] = copy.deepcopy(other[other_key])
        elif action == 5:
            named = [pair for pair in found if pair[1] == "class_name"]
            container, _ = chance.choice(named or [({}, None)])
            container["module"], container["class_name"] = chance.choice(classes)
        elif isinstance(container[key], (int, float)) and not isinstance(container[key], bool):
            container[key] = container[key] * chance.choice((-1, 0, 10**3, 10**6, 10**12)) + chance.choice((0, 1))
    return config


def changed_bytes(content: bytes, chance: random.Random) -> bytes:
    """Return bytes of which some were changed, cut out or doubled."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 2, 8, 40))):
        start = chance.randrange(len(data))
        action = chance.randrange(5)
        if action <= 1:
            data[start] ^= 1 << chance.randrange(8)
        elif action == 2:
            length = chance.choice((1, 2, 4, 8))
            data[start : start + length] = chance.choice((b"\xff", b"\0", b"\x7f")) * length
        elif action == 3:
            source = chance.randrange(len(data))
            data[start : start + 16] = data[source : source + 16]
        else:
            del data[start : start + chance.choice((1, 16, 1000))]
            if not data:
                data = bytearray(b"x")
    return bytes(data)


def make_case(number: int, files: dict[str, bytes], classes: list[tuple[str, str]], path: pathlib.Path) -> pathlib.Path:
    """Write the changed file with this number; return its path."""
    import h5py

    chance = random.Random(number)
    name = chance.choice(sorted(files))
    content = files[name]
    path = path / name
    kind = chance.randrange(4)
    if kind == 0:
        path.write_bytes(changed_bytes(content, chance))
    elif name.endswith(".keras"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {member: archive.read(member) for member in archive.namelist()}
        del members["metadata.json"]
        if kind == 1:
            members["model.weights.h5"] = changed_bytes(members["model.weights.h5"], chance)
        else:
            config = changed_config(json.loads(members["config.json"]), chance, classes)
            members["config.json"] = json.dumps(config).encode()
        with zipfile.ZipFile(path, "w") as archive:
            for member, data in members.items():
                archive.writestr(member, data)
    else:
        path.write_bytes(content)
        with h5py.File(path, "a") as file:
            key = chance.choice([key for key in ("model_config", "training_config") if key in file.attrs])
            file.attrs[key] = json.dumps(changed_config(json.loads(file.attrs[key]), chance, classes))
    return path


def work(first: int, last: int) -> None:
    """Load cases one after the other; print the number of each before and its finding after."""
    import kerasish
    from kerasish.core import registry
    from kerasish.saving import limits

    limits.DESCRIBED_BYTES = limits.VARIABLES_BYTES
    warnings.simplefilter("ignore")
    files = seeds()
    classes = sorted({key for key in registry._builtins if key[0].startswith("keras.")})
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, _too_long)
    with tempfile.TemporaryDirectory() as directory:
        for number in range(first, last):
            print("case", number, flush=True)
            path = make_case(number, files, classes, pathlib.Path(directory))
            start = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            signal.alarm(WAITING)
            try:
                for load in (kerasish.models.load_model, show, kerasish.models.model_from_json):
                    if load is not kerasish.models.model_from_json:
                        attempt(load, path)
                    elif (text := configuration(path)) is not None:
                        attempt(load, text)
            except BaseException as error:
                where = "".join(traceback.format_tb(error.__traceback__)[-2:])
                print("finding", number, type(error).__name__, str(error)[:300].replace("\n", " "), where, flush=True)
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
                signal.alarm(0)
            if time.process_time() - start > SECONDS / 2:
                print("finding", number, f"took {time.process_time() - start:.0f} seconds", flush=True)
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            if memory > KILOBYTES:
                print("finding", number, f"the process has taken {memory} kB", flush=True)
                return


def attempt(load: Callable[[Any], Any], given: Any) -> None:
    """Call a loader, which may refuse."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(ValueError):
        load(given)


def show(path: pathlib.Path) -> None:
    """Let everything look at a file that shows files."""
    from kerasish.saving import KerasFileEditor, tools

    for look in (tools.inspect, tools.verify):
        attempt(look, str(path))
    if path.suffix == ".keras":
        KerasFileEditor(path).summary()


def configuration(path: pathlib.Path) -> bytes | None:
    """Return the configuration in an archive, if it can be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read("config.json")
    except Exception:
        return None


class TooLongError(BaseException):
    """A case took too long; no handler of the loaders catches it."""


def _too_long(*_: object) -> None:
    raise TooLongError


def main() -> int:
    """Run workers until the time is over; return 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0, help="number of the first case")
    parser.add_argument("--case", type=int, help="load only the case with this number")
    parser.add_argument("--worker", type=int, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker or given.case is not None:
        work(*(given.worker or (given.case, given.case + 1)))
        return 0
    end, number, findings = time.monotonic() + 60 * given.minutes, given.seed, 0
    while time.monotonic() < end:
        command = [sys.executable, __file__, "--worker", str(number), str(number + 500)]
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert worker.stdout is not None
        for line in worker.stdout:
            if line.startswith("case"):
                number = int(line.split()[1]) + 1
                if time.monotonic() > end:
                    worker.terminate()
            elif line.startswith("finding"):
                findings += 1
                print(line, end="", flush=True)
            else:
                print("   ", line, end="", flush=True)
        status = worker.wait()
        if status not in (0, -signal.SIGTERM):
            findings += 1
            print(f"finding {number - 1} ended its process with status {status}", flush=True)
    print(f"{number - given.seed} cases, {findings} findings")
    return int(findings > 0)


if __name__ == "__main__":
    sys.exit(main())
