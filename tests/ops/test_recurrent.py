"""The loop over time against Keras's."""

import itertools

import numpy as np
import pytest

from kerasish.core.variable import Scope, Variable
from kerasish.ops.recurrent import rnn

keras = pytest.importorskip("keras")

RNG = np.random.default_rng(6)
X = RNG.normal(size=(2, 5, 3)).astype("float32")
W = RNG.normal(size=(3, 3)).astype("float32")
MASK = np.array([[True, True, False, True, False], [False, True, True, True, True]])


def step(x, states):
    h = keras.ops.tanh(x @ W + states[0] @ W)
    return h, [h, states[1] + 1.0]


def start():
    return [keras.ops.ones((2, 3)), keras.ops.zeros((2, 3))]


FLAGS = list(itertools.product([False, True], [False, True], [None, MASK], [False, True]))


@pytest.mark.parametrize(("backwards", "unroll", "mask", "zeros"), FLAGS)
def test_every_combination(agree, backwards, unroll, mask, zeros):
    options = {"go_backwards": backwards, "mask": mask, "zero_output_for_mask": zeros}
    # Keras's unrolled form treats masked steps differently from its loop; ours are one.
    expected = keras.src.backend.rnn(step, X, start(), unroll=unroll and mask is None, **options)
    last, outputs, states = rnn(step, X, start(), unroll=unroll, **options)
    agree((last, outputs, list(states)), (expected[0], expected[1], list(expected[2])), 1e-5)


def test_time_major_and_last_output_alone(agree):
    expected = rnn(step, X, start())
    last, outputs, _ = rnn(step, X.swapaxes(0, 1), start(), time_major=True)
    agree((last, outputs.swapaxes(0, 1)), expected[:2])
    agree(rnn(step, X, start(), return_all_outputs=False)[1], expected[0][:, None])


def test_constants_come_after_the_states(agree):
    def add_constant(x, states):
        h, constant = states
        return h + x + constant, (h + x + constant,)

    last, _, _ = rnn(add_constant, X, [np.zeros((2, 3), "float32")], constants=[np.ones((2, 3), "float32")])
    agree(last, X.sum(1) + 5, 1e-5)


def test_nested_inputs_states_and_states_of_other_ranks(agree):
    def nested(x, states):
        (a, b), count = states[0], states[1]
        a, b = a + x["u"], b + x["v"][..., None]
        return b, ((a, b), count + 1)

    inputs = {"u": X, "v": X}
    states = ((np.zeros((2, 3), "float32"), np.zeros((2, 3, 1), "float32")), np.zeros((2, 1), "float32"))
    last, outputs, (pair, count) = rnn(nested, inputs, states, mask=MASK[..., None])
    kept = (X * MASK[..., None]).sum(1)
    agree((last[..., 0], pair[0], count[:, 0]), (kept, kept, MASK.sum(1).astype("float32")), 1e-5)
    assert outputs.shape == (2, 5, 3, 1)


def test_what_a_step_assigns_stays_in_the_loop():
    counter = Variable(0.0)

    def counting(x, states):
        counter.assign_add(1.0)
        return x, states

    with Scope() as scope:
        rnn(counting, X, [np.zeros((2, 3), "float32")])
    assert float(counter.value) == 0.0
    assert scope.get_current_value(counter) is None or float(scope.get_current_value(counter)) == 0.0
