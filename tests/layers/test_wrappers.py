"""Wrapper, TimeDistributed and Bidirectional, compared with Keras's."""

import numpy as np
import pytest

import kerasish
from kerasish import layers
from kerasish.core.symbolic import KerasTensor
from tests.layers.compare import assert_rejected, assert_same, keras

MASK = np.array([[True, True, False, True], [False, True, True, False]])
SHAPE = (2, 4, 3)


def test_wrapper():
    wrapper = layers.Wrapper(layers.Dense(2, name="inner"), name="outer")
    wrapper.build((None, 3))
    assert [weight.path for weight in wrapper.weights] == ["outer/inner/kernel", "outer/inner/bias"]
    again = layers.Wrapper.from_config(wrapper.get_config())
    assert again.layer.units == 2
    assert_rejected(lambda lib: lib.layers.Wrapper(3), None, match="layer")


@pytest.mark.parametrize(
    "make",
    [
        lambda lib: lib.layers.Dense(2, activation="relu"),
        lambda lib: lib.layers.Flatten(),
        lambda lib: lib.layers.Dropout(0.5, seed=1),
        lambda lib: lib.layers.BatchNormalization(),
    ],
)
def test_time_distributed(make):
    assert_same(lambda lib: lib.layers.TimeDistributed(make(lib)), None, (2, 4, 3), symbolic=True)


def test_time_distributed_over_a_convolution():
    shape = (2, 3, 4, 4, 2)
    assert_same(lambda lib: lib.layers.TimeDistributed(lib.layers.Conv2D(2, 2)), None, shape, training=(None,))
    layer = layers.TimeDistributed(layers.Conv1D(2, 2))
    assert layer(KerasTensor((None, None, 5, 3))).shape == (None, None, 4, 2)


def test_time_distributed_passes_masks():
    dense = lambda lib: lib.layers.TimeDistributed(lib.layers.Dense(2))  # noqa: E731
    assert_same(dense, None, SHAPE, masks=[MASK], training=(None,))
    seen = []

    class Spy(layers.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def call(self, inputs, mask=None):
            seen.append(mask.shape)
            return inputs

    layers.TimeDistributed(Spy())(np.ones(SHAPE), mask=MASK)
    assert set(seen) == {(2,)}
    with pytest.raises(ValueError, match="mask"):
        layers.TimeDistributed(Spy())(np.ones(SHAPE), mask=MASK[:, :2])


def test_time_distributed_adds_the_losses_of_all_steps():
    class Penalty(layers.Layer):
        def call(self, inputs):
            self.add_loss(inputs.sum())
            return inputs

    layer = layers.TimeDistributed(Penalty())
    kerasish.jit(lambda x: layer(x))(np.ones(SHAPE))
    layer(np.ones(SHAPE))
    np.testing.assert_allclose(sum(layer.losses), 24)


def test_time_distributed_refuses_low_rank():
    assert_rejected(lambda lib: lib.layers.TimeDistributed(lib.layers.Dense(2)), None, (2, 3), match="time")


@pytest.mark.parametrize(
    ("options", "recurrent", "masks"),
    [
        ({}, {}, None),
        ({"merge_mode": "sum"}, {"return_sequences": True}, [MASK]),
        ({"merge_mode": "mul"}, {"return_state": True}, None),
        ({"merge_mode": None}, {"return_sequences": True, "return_state": True}, [MASK]),
    ],
)
def test_bidirectional(options, recurrent, masks):
    def make(lib):
        return lib.layers.Bidirectional(lib.layers.LSTM(2, seed=1, **recurrent), **options)

    assert_same(make, None, SHAPE, masks=masks, training=(None,), symbolic=[(None, None, 3)])


def test_bidirectional_over_others():
    def make(lib):
        return lib.layers.Bidirectional(lib.layers.GRU(2, seed=1, dropout=0.5), merge_mode="ave")

    assert_same(make, None, SHAPE, training=(True,))

    def with_two_layers(lib):
        backward = lib.layers.GRU(3, seed=1, go_backwards=True, name="b")
        return lib.layers.Bidirectional(lib.layers.LSTM(2, seed=1), backward_layer=backward)

    # Keras takes both outputs to have one size when it infers shapes.
    assert_same(with_two_layers, None, SHAPE, training=(None,), symbolic=False, gradients=False)
    assert with_two_layers(kerasish)(KerasTensor((None, 4, 3))).shape == (None, 5)


def test_bidirectional_initial_state():
    layer, expected = (lib.Bidirectional(lib.LSTM(2)) for lib in (layers, keras.layers))
    x = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
    expected.build(SHAPE), layer.build(SHAPE)
    layer.set_weights(expected.get_weights())
    state = [np.full((2, 2), value, "float32") for value in (0.1, 0.2, 0.3, 0.4)]
    np.testing.assert_allclose(layer(x, initial_state=state), expected(x, initial_state=state), rtol=1e-5, atol=1e-6)


def test_bidirectional_stateful_and_weights():
    layer = layers.Bidirectional(layers.GRU(2, stateful=True))
    first = layer(np.ones(SHAPE))
    assert len(layer.states) == 2
    second = layer(np.ones(SHAPE))
    assert not np.allclose(first, second)
    layer.reset_states()
    np.testing.assert_allclose(layer(np.ones(SHAPE)), first, rtol=1e-6)
    with pytest.raises(AttributeError, match="stateful"):
        layers.Bidirectional(layers.GRU(2)).reset_state()
    again = layers.Bidirectional(layers.GRU(2), weights=layer.get_weights())
    np.testing.assert_allclose(again(np.ones(SHAPE)), first, rtol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda lib: lib.layers.Bidirectional("LSTM"),
        lambda lib: lib.layers.Bidirectional(lib.layers.LSTM(2), merge_mode="max"),
        lambda lib: lib.layers.Bidirectional(lib.layers.LSTM(2), backward_layer=lib.layers.LSTM(2)),
        lambda lib: lib.layers.Bidirectional(
            lib.layers.LSTM(2), backward_layer=lib.layers.LSTM(2, go_backwards=True, return_state=True)
        ),
    ],
)
def test_bidirectional_refuses(make):
    assert_rejected(make, None, match="Bidirectional")
