"""Damage and interruption: files load as they were written or not at all; saves leave the old file or the new one."""

import os
import random
import subprocess
import sys
import textwrap
import zipfile

import numpy as np
import pytest

import kerasish
from kerasish import layers
from kerasish.saving import load_model


def make(units=3):
    model = kerasish.Sequential([kerasish.Input((4,)), layers.Dense(units), layers.Dense(2)])
    model.compile("adam", "mse")
    model.optimizer.ensure_built(model.trainable_variables)
    return model


def state(model):
    return [np.asarray(v).tobytes() for v in [*model.variables, *model.optimizer.variables]]


def load_archive(path, model):
    return load_model(path)


def load_into(path, model):
    model.load_weights(path)
    return model


CASES = {"m.keras": load_archive, "m.weights.h5": load_into, "m.weights.json": load_into, "m.h5": load_archive}


def saved(name, directory):
    """A model, and the file of it that is to be damaged."""
    model, path = make(), directory / name
    if name == "m.weights.json":
        model.save_weights(path, max_shard_size=200 / 2**30)
        shards = sorted(directory.glob("*_0000[1-9].weights.h5"))
        assert len(shards) > 1
        return model, path, shards[0]
    (model.save_weights if "weights" in name else model.save)(path)
    return model, path, path


def outcome(load, path, model, wanted):
    """Load; return whether it was refused. What is loaded must be what was saved."""
    try:
        loaded = load(path, model)
    except ValueError:
        return True
    assert state(loaded) == wanted
    return False


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("name", "flips"), [("m.keras", 60), ("m.weights.h5", 180), ("m.weights.json", 30), ("m.h5", 30)]
)
def test_flipped_bits_are_noticed_or_do_not_matter(name, flips, tmp_path):
    model, path, damaged = saved(name, tmp_path)
    wanted, content = state(model), damaged.read_bytes()
    places = random.Random(name)
    refused = 0
    for _ in range(flips):
        changed = bytearray(content)
        changed[places.randrange(len(content))] ^= 1 << places.randrange(8)
        damaged.write_bytes(changed)
        refused += outcome(CASES[name], path, model, wanted)
        assert state(model) == wanted
    assert refused > 0


@pytest.mark.parametrize(
    ("name", "count"), [("m.keras", 20), ("m.weights.h5", 20), ("m.weights.json", 10), ("m.h5", 10)]
)
def test_truncated_files_are_refused(name, count, tmp_path):
    model, path, damaged = saved(name, tmp_path)
    wanted, content = state(model), damaged.read_bytes()
    places = random.Random(name)
    for size in [0, len(content) - 1, *(places.randrange(len(content)) for _ in range(count - 2))]:
        damaged.write_bytes(content[:size])
        assert outcome(CASES[name], path, model, wanted)
        assert state(model) == wanted


def test_values_are_compared_with_their_checksums(tmp_path):
    model, path, _ = saved("m.weights.h5", tmp_path)
    content = path.read_bytes()
    kernel = np.asarray(model.layers[0].kernel).tobytes()
    place = content.index(kernel)
    path.write_bytes(content[:place] + bytes(len(kernel)) + content[place + len(kernel) :])
    with pytest.raises(ValueError, match="'layers/dense/vars/0' do not have their checksum"):
        model.load_weights(path)


SAVING = """
    import sys
    import numpy as np
    import kerasish
    from kerasish import layers
    path, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    model = kerasish.Sequential([kerasish.Input((100,)), layers.Dense(2000), layers.Dense(5)])
    print("ready", flush=True)
    for number in range(first, last):
        model.set_weights([np.full(w.shape, number, w.dtype) for w in model.get_weights()])
        model.save(path) if path.endswith(".keras") else model.save_weights(path)
"""


def start(path, first, last):
    command = [sys.executable, "-c", textwrap.dedent(SAVING), str(path), str(first), str(last)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=os.getcwd())
    assert process.stdout.readline() == "ready\n"
    return process


def assert_complete(path, model):
    if path.suffix == ".keras":
        model = load_model(path)
    else:
        model.load_weights(path)
    values = {float(value) for weight in model.get_weights() for value in np.unique(weight)}
    assert len(values) == 1
    return values.pop()


KILLED = """
    import os, random, signal, sys, time, warnings
    import numpy as np
    import kerasish
    from kerasish import layers
    warnings.simplefilter("ignore")  # that JAX has threads
    def make(value):
        model = kerasish.Sequential([kerasish.Input((100,)), layers.Dense(2000), layers.Dense(5)])
        model.set_weights([np.full(w.shape, value, w.dtype) for w in model.get_weights()])
        return model
    models, places = [make(1.0), make(2.0)], random.Random(0)
    models[0].save("m.keras")
    models[0].save_weights("m.weights.h5")
    seen = []
    for round in range(30):
        child = os.fork()
        if child == 0:
            while True:
                for model in models:
                    model.save("m.keras")
                    model.save_weights("m.weights.h5")
        time.sleep(places.uniform(0.0, 0.06))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        loaded = kerasish.models.load_model("m.keras")
        seen.append(np.unique(np.concatenate([w.ravel() for w in loaded.get_weights()])).tolist())
        loaded.load_weights("m.weights.h5")
        seen.append(np.unique(np.concatenate([w.ravel() for w in loaded.get_weights()])).tolist())
    assert all(values in ([1.0], [2.0]) for values in seen), seen
    print(len(seen), "complete")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX signals")
def test_killed_at_thirty_random_moments_while_saving(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(KILLED)]
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300)
    assert result.stdout.split() == ["60", "complete"], result.stderr


def test_two_processes_save_to_one_path(tmp_path):
    path = tmp_path / "m.keras"
    processes = [start(path, first, first + 8) for first in (1, 100)]
    while any(process.poll() is None for process in processes):
        if path.exists():
            assert_complete(path, None)
    assert [process.wait() for process in processes] == [0, 0]
    for process in processes:
        process.stdout.close()
    assert assert_complete(path, None) in (8, 107)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX limits")
def test_a_full_disk_leaves_the_old_files(tmp_path):
    code = """
        import os, resource, signal, sys
        import kerasish
        os.chdir(sys.argv[1])
        model = kerasish.Sequential([kerasish.Input((200,)), kerasish.layers.Dense(300)])
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        for limit in (0, 1_000, 100_000, 240_000):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            for save in (lambda: model.save("m.keras"), lambda: model.save("m.h5"),
                         lambda: kerasish.saving.save_model(model, "m", zipped=False),
                         lambda: model.save_weights("m.weights.json", max_shard_size=1.0)):
                try:
                    save()
                    os.write(1, b"saved ")
                except OSError as error:
                    os.write(1, b"refused ")
    """
    model = kerasish.Sequential([kerasish.Input((200,)), layers.Dense(300)])
    model.save(tmp_path / "m.keras")
    model.save(tmp_path / "m.h5")
    kerasish.saving.save_model(model, tmp_path / "m", zipped=False)
    model.save_weights(tmp_path / "m.weights.json", max_shard_size=1.0)
    before = sorted((p.relative_to(tmp_path), p.stat().st_size) for p in tmp_path.rglob("*") if p.is_file())
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    result = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": os.getcwd()}
    )
    assert result.stdout.split() == ["refused"] * 16, result.stderr
    assert sorted((p.relative_to(tmp_path), p.stat().st_size) for p in tmp_path.rglob("*") if p.is_file()) == before


@pytest.mark.skipif(not hasattr(os, "fork") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_may_not_be_written_to(tmp_path):
    model = make()
    model.save(tmp_path / "m.keras")
    os.chmod(tmp_path, 0o500)
    with pytest.raises(PermissionError):
        model.save(tmp_path / "m.keras")
    os.chmod(tmp_path, 0o700)
    load_model(tmp_path / "m.keras")


def test_members_that_go_or_come_are_named(tmp_path):
    model, path, _ = saved("m.keras", tmp_path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for change in ({"model.weights.h5": None}, {"config.json": None}, {"assets/x": b"x"}, {"model.weights.h5": b"x"}):
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in {**members, **change}.items():
                if content is not None:
                    archive.writestr(name, content)
        with pytest.raises(ValueError, match=next(iter(change))):
            load_model(path)


def test_shards_of_two_saves_do_not_mix(tmp_path):
    model, path, shard = saved("m.weights.json", tmp_path)
    content = shard.read_bytes()
    model.set_weights([w + 1 for w in model.get_weights()])
    model.save_weights(path, max_shard_size=200 / 2**30)
    assert not shard.exists()
    new = sorted(tmp_path.glob("*_00001.weights.h5"))
    new[0].write_bytes(content)
    with pytest.raises(ValueError, match="not the file that was written with it"):
        model.load_weights(path)


def test_shards_are_those_of_keras(tmp_path):
    keras = pytest.importorskip("keras")
    theirs = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
    ours = kerasish.Sequential([kerasish.Input((4,)), layers.Dense(3), layers.Dense(2)])
    ours.save_weights(tmp_path / "o.weights.json", max_shard_size=80 / 2**30)
    theirs.load_weights(str(tmp_path / "o.weights.json"))
    for value, wanted in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(value, wanted)
    theirs.set_weights([w + 1 for w in theirs.get_weights()])
    theirs.save_weights(str(tmp_path / "t.weights.json"), max_shard_size=80 / 2**30)
    ours.load_weights(tmp_path / "t.weights.json")
    for value, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(value, wanted)
