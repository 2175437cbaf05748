"""Progress is a rewritten bar on a terminal, one line per epoch elsewhere, and reads metrics rarely."""

import io
import logging
import re
import sys

import pytest

import kerasish.callbacks as ours
from kerasish.callbacks import progress as progress_module
from kerasish.callbacks.progress import ProgressLine, format_duration, format_metrics, format_pace, resolve_verbose
from kerasish.core import config, console
from kerasish.utils.progbar import Progbar

keras = pytest.importorskip("keras")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class Model:
    stop_training = False


@pytest.fixture
def terminal(monkeypatch):
    """Called inside a test (pytest sets its own output between the phases): makes standard output a terminal."""

    def begin():
        screen = Terminal()
        monkeypatch.setattr(sys, "stdout", screen)
        return screen

    return begin


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only when told to."""

    class Clock:
        now = 100.0

        def perf_counter(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress_module, "time", clock)
    return clock


def train(verbose, epochs=2, steps=4, known=True, batches=True):
    callbacks = ours.CallbackList(
        add_progbar=True, model=Model(), verbose=verbose, epochs=epochs, steps=steps if known else None
    )
    callbacks.on_train_begin()
    for epoch in range(epochs):
        callbacks.on_epoch_begin(epoch)
        for batch in range(steps if batches else 0):
            callbacks.on_train_batch_end(batch, {"loss": 0.5})
        callbacks.on_test_begin()
        callbacks.on_test_batch_end(0, {"loss": 9.0})
        callbacks.on_test_end({"loss": 9.0})
        callbacks.on_epoch_end(epoch, {"loss": 0.25, "val_loss": 9.0})
    callbacks.on_train_end({})


@pytest.mark.parametrize(
    ("verbose", "interactive", "expected"), [("auto", True, 1), ("auto", False, 2), (0, True, 0), (True, True, 1)]
)
def test_verbose(verbose, interactive, expected, monkeypatch):
    monkeypatch.setitem(config._settings, "interactive_logging", interactive)
    assert resolve_verbose(verbose) == expected


@pytest.mark.parametrize("wrong", [3, -1, "loud", None])
def test_verbose_refuses(wrong):
    with pytest.raises(ValueError, match="verbose"):
        resolve_verbose(wrong)


@pytest.mark.parametrize(
    ("seconds", "duration", "pace"),
    [(0, "0s", "0s/step"), (5e-5, "0s", "50us/step"), (0.0152, "0s", "15ms/step"), (7, "7s", "7s/step"),
     (65, "1:05", "65s/step"), (3 * 3600 + 62, "3:01:02", "10862s/step")],
)  # fmt: skip
def test_times(seconds, duration, pace):
    assert format_duration(seconds) == duration and format_pace(seconds) == pace


def test_metrics_are_written_as_keras_writes_them(capsys):
    values = [("a", 0.12345), ("b", 0.00012), ("c", -2.0), ("d", 0.0), ("e", 12345.678)]
    keras.utils.Progbar(1).update(1, values)
    assert format_metrics(dict(values)) in capsys.readouterr().out


def test_metrics_that_are_no_numbers():
    assert format_metrics({"a": [1.0, 2.0], "b": "text"}) == " - a: 1.5000 - b: text"


def test_a_log_file_gets_one_line_per_epoch(capsys):
    train(verbose=1)
    text = capsys.readouterr().out
    assert "\r" not in text and "\b" not in text
    lines = text.splitlines()
    assert [line[:9] for line in lines] == ["Epoch 1/2", "4/4 ━━━━━", "Epoch 2/2", "4/4 ━━━━━"]
    assert lines[1].endswith(" - loss: 0.2500 - val_loss: 9.0000")
    assert re.search(r"━ 0s \d+\w+/step - loss", lines[1])


def test_a_plain_line_per_epoch(capsys):
    train(verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert re.fullmatch(r"4/4 - 0s - \d+\w+/step - loss: 0.2500 - val_loss: 9.0000", lines[1])


def test_silence(capsys):
    train(verbose=0)
    assert capsys.readouterr().out == ""


def test_one_epoch_has_no_heading(capsys):
    train(verbose=2, epochs=1)
    assert "Epoch" not in capsys.readouterr().out


def test_unknown_length_is_learned(capsys):
    train(verbose=1, known=False)
    assert [line[:4] for line in capsys.readouterr().out.splitlines()] == ["Epoc", "4/4 ", "Epoc", "4/4 "]


def test_batch_hooks_that_were_not_called_do_not_show(capsys):
    train(verbose=1, batches=False)
    assert "4/4 ━" in capsys.readouterr().out


@pytest.mark.parametrize("mode", ["test", "predict"])
def test_evaluation_and_prediction(mode, capsys):
    callbacks = ours.CallbackList(add_progbar=True, model=Model(), verbose=2, epochs=1, steps=2)
    getattr(callbacks, f"on_{mode}_begin")()
    for batch in range(2):
        getattr(callbacks, f"on_{mode}_batch_end")(batch, {"outputs": 1})
    getattr(callbacks, f"on_{mode}_end")({"loss": 0.5} if mode == "test" else None)
    text = capsys.readouterr().out
    assert re.fullmatch(r"2/2 - 0s - \d+\w+/step" + (" - loss: 0.5000" if mode == "test" else "") + "\n", text)


def test_a_terminal_gets_a_bar_and_then_the_line(terminal):
    terminal = terminal()
    train(verbose=1, epochs=1)
    frames = terminal.getvalue().split("\r")
    assert any(frame.startswith("1/4 ━━━━━─────") for frame in frames)
    assert frames[-1].startswith("4/4 ━━━━━━━━━━━━━━━━━━━━ 0s")
    assert terminal.getvalue().count("\n") == 1


def test_metrics_are_read_at_most_ten_times_a_second(terminal, clock):
    terminal = terminal()
    read = []

    class Counted(dict):
        def items(self):
            read.append(clock.now)
            return super().items()

    logger = ours.ProgbarLogger()
    logger.set_params({"verbose": 1, "epochs": 1, "steps": 1000})
    logger.on_epoch_begin(0)
    for batch in range(1000):
        clock.now += 0.001
        logger.on_train_batch_end(batch, Counted(loss=1.0))
    assert 9 <= len(read) <= 11
    logger.on_epoch_end(0, {"loss": 1.0})


def test_messages_appear_above_the_bar(terminal):
    terminal = terminal()
    line = ProgressLine(10)
    line.show(3, {"loss": 1.0})
    console.print_message("saved")
    line.finish(10, {})
    shown = [frame.strip() for frame in re.split(r"[\r\n]", terminal.getvalue()) if frame.strip()]
    assert shown.index("saved") == len(shown) - 3
    assert shown[-2].startswith("3/10") and shown[-1].startswith("10/10")


def test_an_interrupted_run_leaves_the_bar_and_nothing_open(terminal):
    terminal = terminal()
    callbacks = ours.CallbackList(add_progbar=True, model=Model(), verbose=1, epochs=1, steps=4)
    callbacks.on_train_begin()
    callbacks.on_epoch_begin(0)
    callbacks.on_train_batch_end(1, {"loss": 0.5})
    callbacks.close()
    assert terminal.getvalue().endswith("\n") and "2/4" in terminal.getvalue()
    assert console._live_lines == []
    terminal.truncate(0)
    console.print_message("after")
    assert terminal.getvalue().strip("\0") == "after\n"


def test_the_first_step_does_not_count_for_the_pace(clock):
    line = ProgressLine(11)
    clock.now += 30
    line.tick(1)
    clock.now += 1
    assert line.seconds_per_step(11) == pytest.approx(0.1)
    assert ProgressLine(5).seconds_per_step(0) == 0


def test_messages_go_to_logging_where_interactive_logging_is_disabled(monkeypatch, caplog, capsys):
    monkeypatch.setitem(config._settings, "interactive_logging", False)
    with caplog.at_level(logging.INFO, logger="kerasish"):
        train(verbose="auto", epochs=1)
    assert capsys.readouterr().out == ""
    assert [record.getMessage()[:3] for record in caplog.records] == ["4/4"]


def test_an_encoding_without_lines_gets_signs(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    ProgressLine(2).finish(2, {"ä": 1.0})
    assert raw.getvalue().startswith(b"2/2 #################### 0s")


# Progbar


def updates(module):
    return [
        (dict(target=4, stateful_metrics=["b"]), [(1, 1.0), (2, 2.0), (4, 6.0)]),
        (dict(target=4, stateless_metrics=["b"]), [(1, 1.0), (3, 2.0)]),
        (dict(target=None), [(1, 1.0), (5, 2.0)]),
        (dict(target=100, unit_name="sample"), [(10, 1.0), (60, 2.0)]),
    ]


@pytest.mark.parametrize("index", range(4))
def test_progbar_averages_as_keras_does(index):
    arguments, steps = updates(None)[index]
    mine, theirs = Progbar(**arguments, verbose=0), keras.utils.Progbar(**arguments, verbose=0)
    for current, value in steps:
        for bar in (mine, theirs):
            bar.update(current, [("a", value), ("b", value * 2)])
        averages = {name: total / max(1, weight) for name, (total, weight) in theirs._values.items()}
        assert mine._averages() == pytest.approx(averages)
    mine.add(1, [("a", 3.0)])
    theirs.add(1, [("a", 3.0)])
    assert mine._seen_so_far == theirs._seen_so_far


def test_progbar_prints_once_at_the_end(capsys):
    bar = Progbar(3, verbose=2)
    for step in range(3):
        bar.add(1, [("loss", float(step))])
    assert re.fullmatch(r"3/3 - 0s - \d+\w+/step - loss: 2.0000\n", capsys.readouterr().out)


def test_progbar_of_unknown_length(capsys):
    bar = Progbar(None)
    bar.add(2, [("loss", 1.0)])
    bar.update(5, [("loss", 2.0)], finalize=True)
    assert capsys.readouterr().out.startswith("5/5 ━")


def test_progbar_refuses_both_lists():
    with pytest.raises(ValueError, match="not both"):
        Progbar(1, stateful_metrics=["a"], stateless_metrics=["b"])
