"""Callbacks that follow a metric decide as those of Keras do on the same script of logs."""

import random

import pytest

import kerasish.callbacks as ours
from tests.callbacks.helpers import FakeModel, Rate, metric, run

keras = pytest.importorskip("keras")


def scripts():
    generator = random.Random(0)
    return [
        [{"loss": generator.choice([0.1, 0.2, 0.25, 0.3, 0.5, float("nan")]), "acc": generator.random()}
         for _ in range(14)]
        for _ in range(12)
    ]  # fmt: skip


def both(name, *args, **kwargs):
    return getattr(ours, name)(*args, **kwargs), getattr(keras.callbacks, name)(*args, **kwargs)


def same_states(mine, theirs):
    def readable(states):
        return [{key: repr(value) for key, value in state.items()} for state in states]

    assert readable(mine) == readable(theirs)


@pytest.mark.parametrize(
    "arguments",
    [
        {"monitor": "loss"},
        {"monitor": "loss", "patience": 2},
        {"monitor": "loss", "patience": 3, "min_delta": 0.06},
        {"monitor": "loss", "patience": 2, "baseline": 0.2},
        {"monitor": "loss", "patience": 2, "restore_best_weights": True},
        {"monitor": "loss", "patience": 1, "start_from_epoch": 4, "restore_best_weights": True},
        {"monitor": "acc", "mode": "max", "patience": 3, "restore_best_weights": True},
        {"monitor": "acc", "mode": "min", "patience": 3, "min_delta": -0.1},
    ],
)
def test_early_stopping(arguments, capsys):
    for script in scripts():
        mine, theirs = both("EarlyStopping", verbose=1, **arguments)
        my_model, my_states = run(mine, script)
        my_text = capsys.readouterr().out
        their_model, their_states = run(theirs, script)
        same_states(my_states, their_states)
        assert my_model.restored == their_model.restored
        assert len(my_text.splitlines()) == len(capsys.readouterr().out.splitlines())


def test_early_stopping_can_be_used_again():
    callback = ours.EarlyStopping("loss", patience=1)
    falling, rising = [{"loss": 1.0 / (n + 1)} for n in range(4)], [{"loss": float(n)} for n in range(6)]
    assert len(run(callback, rising)[1]) == 2 and callback.stopped_epoch == 1
    assert len(run(callback, falling)[1]) == 4 and callback.stopped_epoch == 0


@pytest.mark.parametrize(
    "arguments",
    [
        {"monitor": "loss", "patience": 1},
        {"monitor": "loss", "patience": 2, "factor": 0.5, "cooldown": 2},
        {"monitor": "loss", "patience": 1, "factor": 0.2, "min_lr": 0.01, "min_delta": 0.06},
        {"monitor": "acc", "mode": "max", "patience": 2, "cooldown": 1},
    ],
)
def test_reduce_lr_on_plateau(arguments):
    for script in scripts():
        mine, theirs = both("ReduceLROnPlateau", **arguments)
        same_states(run(mine, script)[1], run(theirs, script)[1])


def test_reduce_lr_on_plateau_lowers_each_optimizer_of_several():
    optimizer = Rate()
    optimizer.optimizers = [Rate(0.1, "first"), Rate(0.2, "second")]
    callback = ours.ReduceLROnPlateau("loss", patience=1, factor=0.5, verbose=1)
    _, states = run(callback, [{"loss": 1.0}] * 2, FakeModel(optimizer=optimizer))
    assert [float(each.learning_rate) for each in optimizer.optimizers] == pytest.approx([0.05, 0.1])
    assert states[-1]["logs"] == ["learning_rate_first", "learning_rate_second", "loss"]


def test_reduce_lr_on_plateau_refuses_a_factor_that_does_not_reduce():
    with pytest.raises(ValueError, match="factor"):
        ours.ReduceLROnPlateau(factor=1.0)


@pytest.mark.parametrize("name", ["EarlyStopping", "ReduceLROnPlateau"])
def test_a_missing_metric_is_warned_about(name):
    for callback in both(name, "val_loss"):
        with pytest.warns(UserWarning, match=r"val_loss.*not available"):
            run(callback, [{"loss": 1.0}])


def test_an_unknown_mode_is_warned_about():
    with pytest.warns(UserWarning, match="sideways"):
        assert ours.EarlyStopping("loss", mode="sideways").mode == "auto"


@pytest.mark.parametrize(
    ("monitor", "better"),
    [("loss", "down"), ("val_loss", "down"), ("auc", "up"), ("val_mae", "down"), ("val_head_auc", "up"),
     ("head_loss", "down")],
)  # fmt: skip
def test_the_direction_comes_from_the_metric(monitor, better):
    callback = ours.EarlyStopping(monitor, patience=1)
    model = FakeModel([metric("auc", "up"), metric("mae", "down")])
    rising = [{monitor: float(value)} for value in range(1, 6)]
    _, states = run(callback, rising, model)
    assert (len(states) == 5) == (better == "up")


def test_an_unknown_direction_asks_for_a_mode():
    with pytest.raises(ValueError, match=r"speed.*mode='max'"):
        run(ours.EarlyStopping("speed"), [{"speed": 1.0}], FakeModel([metric("speed", None)]))


# ModelCheckpoint


@pytest.mark.parametrize(
    "arguments",
    [
        {"filepath": "m.keras"},
        {"filepath": "{epoch:02d}-{loss:.2f}.keras", "monitor": "loss", "save_best_only": True},
        {"filepath": "sub/{epoch}.weights.h5", "save_weights_only": True},
        {"filepath": "{epoch:03d}-{batch:02d}.keras", "save_freq": 3},
        {"filepath": "{epoch}-{batch}-{acc:.3f}.weights.h5", "save_freq": 5, "save_weights_only": True},
        {"filepath": "b.h5", "monitor": "acc", "mode": "max", "save_best_only": True, "initial_value_threshold": 0.6},
    ],
)
def test_model_checkpoint_saves_the_same_files(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for script in scripts()[:4]:
        mine, theirs = both("ModelCheckpoint", verbose=1, **arguments)
        my_model, _ = run(mine, script, batches=4)
        my_text = [line for line in capsys.readouterr().out.splitlines() if line]
        their_model, _ = run(theirs, script, batches=4)
        assert my_model.saved == their_model.saved and my_model.saved
        assert len(my_text) == len([line for line in capsys.readouterr().out.splitlines() if line])


@pytest.mark.parametrize("last_batches", [[3, 7], [2, 5, 7], [7]])
def test_model_checkpoint_counts_batches_that_end_together(last_batches):
    pair = both("ModelCheckpoint", "{epoch}-{batch}.keras", save_freq=4)
    saved = []
    for callback in pair:
        callback.set_model(FakeModel())
        for epoch in range(3):
            callback.on_epoch_begin(epoch)
            for batch in last_batches:
                callback.on_train_batch_end(batch, {})
        saved.append(callback.model.saved)
    assert saved[0] == saved[1]


def test_model_checkpoint_saves_the_best_by_batch_too():
    callback = ours.ModelCheckpoint("m.keras", "loss", save_best_only=True, save_freq=1)
    callback.set_model(FakeModel())
    for batch, loss in enumerate([3.0, 2.0, 2.5, 1.0]):
        callback.on_train_batch_end(batch, {"loss": loss})
    assert len(callback.model.saved) == 3 and callback.best == 1.0


def test_model_checkpoint_creates_the_folder(tmp_path):
    run(ours.ModelCheckpoint(tmp_path / "a" / "b" / "m.keras"), [{"loss": 1.0}])
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filepath": "model"}, r"\.keras"),
        ({"filepath": "model.keras", "save_weights_only": True}, r"\.weights\.h5"),
        ({"filepath": "model.keras", "save_freq": "batch"}, "save_freq"),
        ({"filepath": "model.keras", "save_freq": 0}, "save_freq"),
    ],
)
def test_model_checkpoint_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        ours.ModelCheckpoint(**arguments)


def test_model_checkpoint_names_what_a_file_name_may_hold():
    with pytest.raises(KeyError, match=r"val_acc.*epoch, loss"):
        run(ours.ModelCheckpoint("{val_acc}.keras"), [{"loss": 1.0}])


def test_model_checkpoint_refuses_a_directory(tmp_path):
    (tmp_path / "m.keras").mkdir()
    with pytest.raises(OSError, match="directory"):
        run(ours.ModelCheckpoint(tmp_path / "m.keras"), [{"loss": 1.0}])


def test_model_checkpoint_without_the_metric_saves_and_warns():
    for callback in both("ModelCheckpoint", "m.keras", "val_loss", save_best_only=True):
        with pytest.warns(UserWarning, match="val_loss"):
            model, _ = run(callback, [{"loss": 1.0}])
        assert len(model.saved) == 1
