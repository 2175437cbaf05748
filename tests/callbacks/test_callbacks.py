"""History, schedules, functions, CSV files, NaN and averaged weights; and CallbackList, which knows who listens."""

import inspect

import numpy as np
import pytest

import kerasish.callbacks as ours
from kerasish.callbacks.logs import Logs
from kerasish.core.variable import Variable
from kerasish.optimizers import SGD

keras = pytest.importorskip("keras")

SHARED = [name for name in ours.__all__ if hasattr(keras.callbacks, name)]


class Model:
    def __init__(self):
        self.stop_training = False
        self.optimizer = type("Optimizer", (), {"learning_rate": 0.1, "name": "sgd"})()
        self.history = None


def epochs(callback, script, model=None):
    model = model or Model()
    callback.set_params({"verbose": 0, "epochs": len(script), "steps": 1})
    callback.set_model(model)
    callback.on_train_begin({})
    for epoch, values in enumerate(script):
        callback.on_epoch_begin(epoch, {})
        callback.on_epoch_end(epoch, dict(values))
    callback.on_train_end({})
    return model


# The public face


@pytest.mark.parametrize("name", SHARED)
def test_constructors_take_the_arguments_of_keras(name):
    mine, theirs = (inspect.signature(getattr(module, name)) for module in (ours, keras.callbacks))
    assert [(p.name, p.default, p.kind) for p in mine.parameters.values()] == [
        (p.name, p.default, p.kind) for p in theirs.parameters.values()
    ]


def test_the_hooks_are_those_of_keras():
    def hooks(cls):
        return {
            name: list(inspect.signature(method).parameters)
            for name, method in vars(cls).items()
            if name.startswith(("on_", "set_"))
        }

    assert hooks(ours.Callback) == hooks(keras.callbacks.Callback)


# Single callbacks


def test_history_records_every_epoch():
    history = ours.History()
    model = epochs(history, [{"loss": 2.0}, {"loss": 1.0, "val_loss": 3.0}])
    assert history.history == {"loss": [2.0, 1.0], "val_loss": [3.0]}
    assert history.epoch == [0, 1] and model.history is history


@pytest.mark.parametrize(
    "schedule",
    [lambda epoch, lr: lr * 0.5, lambda epoch: 1.0 / (epoch + 1), lambda epoch, lr: np.float32(lr), lambda *a: a[1]],
)
def test_learning_rate_scheduler(schedule, capsys):
    rates, lines = [], []
    for module in (ours, keras.callbacks):
        model = epochs(module.LearningRateScheduler(schedule, verbose=1), [{"loss": 1.0}] * 3)
        rates.append(float(model.optimizer.learning_rate))
        lines.append([line for line in capsys.readouterr().out.splitlines() if line])
    assert rates[0] == rates[1] and lines[0] == lines[1] and len(lines[0]) == 3


def test_learning_rate_scheduler_puts_the_rate_into_the_logs():
    callback = ours.LearningRateScheduler(lambda epoch, lr: 0.25)
    callback.set_model(Model())
    callback.on_epoch_begin(0)
    logs = Logs({})
    callback.on_epoch_end(0, logs)
    assert logs == {"learning_rate": 0.25}


@pytest.mark.parametrize("wrong", ["0.1", None, 1, np.ones(2)])
def test_learning_rate_scheduler_wants_a_float(wrong):
    with pytest.raises(ValueError, match="float"):
        epochs(ours.LearningRateScheduler(lambda epoch, lr: wrong), [{}])


def test_an_error_inside_a_schedule_is_shown_as_it_is():
    def broken(epoch, lr):
        raise TypeError("my own")

    with pytest.raises(TypeError, match="my own"):
        epochs(ours.LearningRateScheduler(broken), [{}])


def test_lambda_callback_calls_functions_and_keeps_attributes():
    seen = []
    callback = ours.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((epoch, logs["loss"])),
        on_test_begin=lambda logs: seen.append("test"),
        color="blue",
    )
    epochs(callback, [{"loss": 2.0}])
    callback.on_test_begin({})
    assert seen == [(0, 2.0), "test"] and callback.color == "blue"


SCRIPTS = {
    "plain": [{"loss": 2.0, "acc": 0.5}, {"loss": 1.0, "acc": 0.75}],
    "late validation": [{"loss": 2.0}, {"loss": 1.0, "val_loss": 3.0}],
    "sequences": [{"loss": np.float32(2), "row": [1, 2], "zero": np.array(1.5), "text": "a,b"}],
    "nothing": [{}],
}


@pytest.mark.parametrize("arguments", [{}, {"separator": ";"}, {"append": True}])
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_csv_logger_writes_the_file_of_keras(arguments, script, tmp_path):
    files = []
    for module in (ours, keras.callbacks):
        path = tmp_path / f"{module.__name__}.csv"
        epochs(module.CSVLogger(path, **arguments), script)
        epochs(module.CSVLogger(path, **arguments), script)
        files.append(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b""))
    assert files[0] == files[1].replace(b"\r", b"")


def test_csv_logger_closes_its_file_when_training_is_interrupted(tmp_path):
    callback = ours.CSVLogger(tmp_path / "log.csv")
    callbacks = ours.CallbackList([callback], model=Model(), epochs=1)
    callbacks.on_train_begin()
    callbacks.on_epoch_end(0, {"loss": 1.0})
    callbacks.close()
    assert callback.csv_file.closed
    callbacks.close()


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_terminate_on_nan(loss, capsys):
    lines = []
    for module in (ours, keras.callbacks):
        callback, model = module.TerminateOnNaN(), Model()
        callback.set_model(model)
        callback.on_train_batch_end(0, {"loss": 1.0})
        assert not model.stop_training
        callback.on_train_batch_end(1, {"loss": loss})
        assert model.stop_training
        lines.append(capsys.readouterr().out)
    assert lines[0] == lines[1]
    with pytest.raises(RuntimeError, match="batch 7"):
        ours.TerminateOnNaN(raise_error=True).on_train_batch_end(7, {"loss": loss})


def averaging():
    """A model whose weight is [1, 2] and has the average [10, 20]."""
    model, weight = Model(), Variable(np.array([1.0, 2.0], "float32"))
    model.optimizer = SGD(use_ema=True)
    model.optimizer.build([weight])
    average = model.optimizer._slots[weight]["average"]
    average.assign(np.array([10.0, 20.0], "float32"))
    return model, weight, average


def test_swap_ema_weights_around_evaluation():
    model, weight, average = averaging()
    callback = ours.SwapEMAWeights()
    callback.set_model(model)
    for begin, end in [("on_test_begin", "on_test_end"), ("on_predict_begin", "on_predict_end")]:
        getattr(callback, begin)()
        assert weight.numpy().tolist() == [10, 20] and average.numpy().tolist() == [1, 2]
        getattr(callback, end)()
        assert weight.numpy().tolist() == [1, 2] and average.numpy().tolist() == [10, 20]


def test_swap_ema_weights_at_the_end_of_epochs():
    model, weight, average = averaging()
    callback = ours.SwapEMAWeights(swap_on_epoch=True)
    callback.set_model(model)
    callback.set_params({"epochs": 2})
    callback.on_epoch_begin(0)
    callback.on_epoch_end(0)
    assert weight.numpy().tolist() == [10, 20]
    callback.on_epoch_begin(1)
    assert weight.numpy().tolist() == [1, 2]
    callback.on_epoch_end(1)
    assert weight.numpy().tolist() == average.numpy().tolist() == [10, 20]
    assert weight.value is not average.value


def test_swap_ema_weights_needs_averages():
    model = Model()
    model.optimizer = SGD()
    callback = ours.SwapEMAWeights()
    callback.set_model(model)
    with pytest.raises(ValueError, match="use_ema=True"):
        callback.on_test_begin()


# CallbackList


def listed(*callbacks, **kwargs):
    return ours.CallbackList(list(callbacks), model=Model(), verbose=1, epochs=2, steps=3, **kwargs)


class TrainEnd(ours.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.seen = (batch, dict(logs))


class OldName(ours.Callback):
    def on_batch_end(self, batch, logs=None):
        self.seen = (batch, dict(logs))


class TestBegin(ours.Callback):
    __test__ = False

    def on_test_batch_begin(self, batch, logs=None):
        pass


QUIET = [ours.EarlyStopping(), ours.ModelCheckpoint("m.keras"), ours.History(), ours.ReduceLROnPlateau()]


def needs(callbacks):
    modes = [(mode, when) for mode in ("train", "test", "predict") for when in ("begin", "end")]
    return {f"{mode} {when}" for mode, when in modes if getattr(callbacks, f"needs_{mode}_batch_{when}")}


@pytest.mark.parametrize(
    ("callbacks", "expected", "followed"),
    [
        (QUIET, set(), set()),
        ([ours.ModelCheckpoint("m.keras", save_freq=2)], {"train end"}, {"train"}),
        ([TrainEnd()], {"train end"}, {"train"}),
        ([OldName()], {"train end"}, {"train"}),
        ([TestBegin()], {"test begin"}, {"test"}),
        ([ours.LambdaCallback(on_train_batch_begin=print)], {"train begin"}, {"train"}),
        ([ours.LambdaCallback(on_predict_batch_end=print)], {"predict end"}, {"predict"}),
        ([ours.ProgbarLogger()], {"train end", "test end", "predict end"}, set()),
        ([ours.TerminateOnNaN()], {"train end"}, {"train"}),
    ],
)
def test_callback_list_knows_who_listens(callbacks, expected, followed):
    callbacks = listed(*callbacks)
    assert needs(callbacks) == expected
    assert {mode for mode in ("train", "test", "predict") if callbacks.follows_each_batch(mode)} == followed


def test_a_silent_progress_bar_does_not_listen():
    callbacks = ours.CallbackList([ours.ProgbarLogger()], model=Model(), verbose=0, epochs=1, steps=1)
    assert needs(callbacks) == set()


def test_validation_inside_training_shows_no_progress():
    callbacks = listed(add_progbar=True)
    callbacks.on_train_begin()
    callbacks.on_test_begin()
    assert "test end" not in needs(callbacks) and "train end" in needs(callbacks)
    callbacks.close()


def test_hooks_set_late_are_heard():
    callback, seen = ours.Callback(), []
    callbacks = listed(callback)
    assert needs(callbacks) == set()
    callback.on_train_batch_end = lambda batch, logs=None: seen.append(batch)
    callbacks.on_train_begin()
    callbacks.on_train_batch_end(4, {})
    assert seen == [4]


@pytest.mark.parametrize("kind", [TrainEnd, OldName])
def test_batch_hooks_get_the_batch_and_floats(kind):
    callback = kind()
    listed(callback).on_train_batch_end(3, {"loss": np.float32(0.5)})
    assert callback.seen == (3, {"loss": 0.5}) and type(callback.seen[1]["loss"]) is float


def test_batch_hooks_nobody_listens_to_make_no_logs(monkeypatch):
    monkeypatch.setattr("kerasish.callbacks.callback_list.as_logs", lambda logs: pytest.fail("made logs"))
    listed(*QUIET).on_train_batch_end(0, {"loss": 1.0})


def test_every_hook_reaches_every_callback_in_order():
    calls = []

    class Recorder(ours.Callback):
        def __init__(self, name):
            super().__init__()
            for hook in [hook for hook in dir(ours.Callback) if hook.startswith("on_") and "_batch_" not in hook]:
                if hook not in ("on_batch_begin", "on_batch_end"):
                    setattr(self, hook, lambda *args, hook=hook: calls.append((name, hook)))

    callbacks = listed(Recorder("first"), [Recorder("second")])
    for hook in ("on_train_begin", "on_test_begin", "on_test_end", "on_predict_begin", "on_predict_end"):
        getattr(callbacks, hook)()
    callbacks.on_epoch_begin(0)
    callbacks.on_epoch_end(0, {})
    callbacks.on_train_end({})
    assert [name for name, _ in calls] == ["first", "second"] * 8


def test_history_and_progress_are_added_once():
    history = ours.History()
    callbacks = listed(history, add_history=True, add_progbar=True)
    assert [type(each).__name__ for each in callbacks.callbacks] == ["History", "ProgbarLogger"]
    assert callbacks.model.history is history
    assert callbacks.callbacks[1].params == {"verbose": 1, "epochs": 2, "steps": 3}


@pytest.mark.parametrize("callbacks", [None, [], [None]])
def test_no_callbacks(callbacks):
    assert ours.CallbackList(callbacks).callbacks == []


@pytest.mark.parametrize("wrong", [ours.EarlyStopping, "early", print])
def test_callback_list_refuses_what_is_no_callback(wrong):
    with pytest.raises(TypeError, match="callbacks"):
        ours.CallbackList([wrong])


def test_a_callback_of_another_library_is_called():
    seen = []

    class Foreign:
        def __getattr__(self, name):
            if name.startswith("_") or name == "async_safe":
                raise AttributeError(name)
            return lambda *args, **kwargs: seen.append(name)

    callbacks = ours.CallbackList([Foreign()], model=Model(), epochs=1)
    callbacks.on_train_batch_end(0, {})
    assert seen[-1] == "on_train_batch_end" and callbacks.follows_each_batch("train")
