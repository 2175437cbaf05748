"""How many batches a call does: told by a clock of which each batch takes the same time."""

import pytest

from kerasish.training import runner, step


class Device:
    """Does calls one after the other, each batch in `seconds`, and notes how many were on their way at most."""

    def __init__(self, monkeypatch, seconds):
        self.now, self.seconds, self.ends, self.calls, self.most = 0.0, seconds, [], [], 0
        monkeypatch.setattr(runner.time, "perf_counter", lambda: self.now)
        monkeypatch.setattr(runner.jax, "block_until_ready", self.wait)

    def wait(self, index):
        self.now = max(self.now, self.ends[index])

    def epoch(self, program, count, total):
        self.calls = []
        pace = runner._Pace(program, count, total)
        for offset, batches in pace:
            assert offset == sum(self.calls)
            begin = max([self.now, *self.ends[-1:]])
            self.ends.append(begin + batches * self.seconds)
            self.calls.append(batches)
            self.most = max(self.most, sum(end > self.now for end in self.ends))
            pace.wait(len(self.ends) - 1, batches)
        assert sum(self.calls) == total
        return self.calls


class Program:
    batches_per_call = 1
    note_time = step.Program.note_time


@pytest.mark.parametrize("seconds", [1e-4, 0.003, 0.08, 0.3, 5.0])
def test_calls_take_about_a_second(monkeypatch, seconds):
    device, program, total = Device(monkeypatch, seconds), Program(), int(20 / seconds) + 20
    device.epoch(program, None, total)
    calls = device.epoch(program, None, total)  # starts where the epoch before ended
    assert max(calls) * seconds <= max(1.5, seconds)
    assert min(calls) * seconds >= min(0.6, total * seconds) or seconds > 0.6


def test_an_epoch_little_longer_than_a_call_is_one_call(monkeypatch):
    device, program = Device(monkeypatch, 0.15), Program()
    for _ in range(3):
        calls = device.epoch(program, None, 8)
    assert calls == [8]


@pytest.mark.parametrize(("seconds", "on_their_way"), [(0.001, 2), (0.3, 1)])
def test_a_long_call_is_waited_for_before_the_next(monkeypatch, seconds, on_their_way):
    device = Device(monkeypatch, seconds)
    device.epoch(None, 0, 5)
    assert device.most == on_their_way


@pytest.mark.parametrize(("count", "calls"), [(0, [1] * 5), (2, [2, 2, 1]), (8, [5])])
def test_a_fixed_count_is_kept(monkeypatch, count, calls):
    program = Program()
    assert Device(monkeypatch, 0.01).epoch(program, count, 5) == calls
    assert program.batches_per_call == 1
