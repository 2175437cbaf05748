"""Recurrent layers and cells, compared with Keras's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish
from kerasish import layers
from kerasish.core.symbolic import KerasTensor
from tests.layers.compare import assert_rejected, assert_same, keras

LAYERS = ["SimpleRNN", "LSTM", "GRU"]
MASK = np.array([[True, True, False, True], [False, True, True, False]])
SHAPE = (2, 4, 3)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(
    ("options", "masks"),
    [
        ({}, None),
        ({"return_sequences": True, "return_state": True}, [MASK]),
        ({"return_sequences": True, "go_backwards": True}, [MASK]),
        ({"return_state": True, "unroll": True}, None),
    ],
)
def test_layers(name, options, masks):
    more = True if "unroll" in options else [(None, None, 3)]
    assert_same(name, {"units": 2, "seed": 1, **options}, SHAPE, masks=masks, training=(False,), symbolic=more)


def test_zero_output_for_mask():
    options = {"units": 2, "seed": 1, "return_sequences": True, "zero_output_for_mask": True}
    assert_same("GRU", options, SHAPE, masks=[MASK], training=(None,))


@pytest.mark.parametrize("name", LAYERS)
def test_all_options(name):
    options = {
        "units": 2,
        "activation": "relu",
        "kernel_initializer": "he_normal",
        "recurrent_initializer": "glorot_uniform",
        "bias_initializer": "ones",
        "kernel_regularizer": "l2",
        "recurrent_regularizer": "l2",
        "bias_regularizer": "l2",
        "kernel_constraint": "non_neg",
        "recurrent_constraint": "max_norm",
        "bias_constraint": "non_neg",
        "name": "recurrent",
        "seed": 1,
    }
    if name != "SimpleRNN":  # Keras's SimpleRNN takes an `activity_regularizer` and forgets it
        options |= {"recurrent_activation": "hard_sigmoid", "activity_regularizer": "l2"}
    assert_same(name, options, SHAPE, training=(None,))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SimpleRNN", {"dropout": 0.3, "recurrent_dropout": 0.5}),
        ("LSTM", {"dropout": 0.4}),
        ("LSTM", {"dropout": 0.3, "recurrent_dropout": 0.5}),
        ("GRU", {"recurrent_dropout": 0.4, "reset_after": False}),
        ("GRU", {"dropout": 0.3, "recurrent_dropout": 0.5}),
        # Keras cannot use a mask for each gate with its switch for cuDNN on.
        ("LSTM", {"dropout": 0.4, "implementation": 1, "use_cudnn": False}),
    ],
)
def test_dropout(name, options):
    assert_same(name, {"units": 3, "seed": 3, **options}, SHAPE)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SimpleRNN", {"use_bias": False}),
        ("LSTM", {"unit_forget_bias": False}),
        ("GRU", {"reset_after": False}),
        ("GRU", {"use_bias": False}),
    ],
)
def test_variants(name, options):
    assert_same(name, {"units": 2, "seed": 1, **options}, SHAPE, training=(None,))


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_mixed_precision(name):
    options = {"units": 2, "dtype": "mixed_bfloat16", "return_state": True, "seed": 1}
    assert_same(name, options, SHAPE, training=(None,), tolerance=4e-2)


@pytest.mark.parametrize("name", LAYERS)
def test_inputs_projected_before_the_loop_or_in_it(name, monkeypatch):
    layer, x = getattr(layers, name)(2, return_sequences=True, bias_initializer="ones"), np.ones(SHAPE, "float32")
    expected = layer(x)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5)


def test_the_forget_gate_starts_open():
    layer = layers.LSTM(2)
    layer.build((None, None, 3))
    np.testing.assert_array_equal(layer.cell.bias.numpy(), [0, 0, 1, 1, 0, 0, 0, 0])


@pytest.mark.parametrize(("name", "states"), [("SimpleRNN", 1), ("LSTM", 2), ("GRU", 1)])
def test_initial_state(name, states):
    given = [np.full((2, 2), 0.5, "float32") * (i + 1) for i in range(states)]
    assert_same(name, {"units": 2, "return_state": True, "seed": 1}, SHAPE, given, training=(None,))
    symbolic = getattr(layers, name)(2)(KerasTensor((None, None, 3)), initial_state=[KerasTensor((None, 2))] * states)
    assert symbolic.shape == (None, 2)
    with pytest.raises(ValueError, match="initial_state"):
        getattr(layers, name)(2)(np.ones(SHAPE), initial_state=[*given, given[0]])


def test_attributes_come_from_the_cell():
    layer = layers.LSTM(3, activation="relu", dropout=0.2)
    assert (layer.units, layer.dropout, layer.unit_forget_bias) == (3, 0.2, True)
    assert layer.activation is layer.cell.activation


CELLS = {
    "simple": lambda lib: lib.layers.SimpleRNNCell(3, dropout=0.3, recurrent_dropout=0.3, seed=1),
    "lstm": lambda lib: lib.layers.LSTMCell(3, seed=1),
    "stack": lambda lib: [
        lib.layers.GRUCell(3, dropout=0.4, seed=1),
        lib.layers.LSTMCell(2, dropout=0.3, recurrent_dropout=0.5, seed=2),
        lib.layers.SimpleRNNCell(3, seed=3),
    ],
}


@pytest.mark.parametrize("cell", CELLS)
def test_rnn_over_cells(cell):
    modes = (True,) if cell == "stack" else (False, True)
    assert_same(lambda lib: lib.layers.RNN(CELLS[cell](lib), return_sequences=True), None, SHAPE, training=modes)


def test_rnn_returns_the_states_of_cells():
    def make(lib):
        return lib.layers.RNN([lib.layers.LSTMCell(3, seed=1), lib.layers.GRUCell(2, seed=1)], return_state=True)

    assert_same(make, None, SHAPE, training=(None,), symbolic=False, gradients=False)
    layer = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_state=True)
    output, lstm, gru = layer(KerasTensor((None, 4, 3)))
    assert (output.shape, lstm[0].shape, lstm[1].shape, gru[0].shape) == ((None, 2), (None, 3), (None, 3), (None, 2))


def test_a_stack_of_one_is_its_cell():
    cell = layers.GRUCell(2)
    x = np.ones(SHAPE, "float32")
    expected = layers.RNN(cell)(x)
    np.testing.assert_allclose(layers.RNN([cell])(x), expected, rtol=1e-6)


def test_masked_stack():
    def make(lib):
        return lib.layers.RNN([lib.layers.LSTMCell(3, seed=1), lib.layers.LSTMCell(3, seed=1)], return_sequences=True)

    assert_same(make, None, SHAPE, masks=[MASK], training=(None,))


def test_cells_alone():
    for name, states in (("SimpleRNNCell", 1), ("LSTMCell", 2), ("GRUCell", 1)):
        given = [np.full((2, 2), 0.3, "float32")] * states
        assert_same(name, {"units": 2, "seed": 1}, (2, 3), given, training=(None,))
    assert_same("GRUCell", {"units": 2, "seed": 1}, (2, 3), (2, 2), training=(None,))


def own_cell(lib):
    class Cell(lib.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = self.state_size = units

        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
            self.recurrent_kernel = self.add_weight(shape=(self.units, self.units), name="recurrent_kernel")

        def call(self, inputs, states):
            output = lib.ops.matmul(inputs, self.kernel) + lib.ops.matmul(states[0], self.recurrent_kernel)
            return output, [output]

    return Cell


def test_rnn_over_a_cell_of_ones_own():
    assert_same(lambda lib: lib.layers.RNN(own_cell(lib)(3, name="cell")), None, SHAPE, config=False, training=(None,))
    assert_same(
        lambda lib: lib.layers.RNN([own_cell(lib)(3, name="a"), lib.layers.LSTMCell(2, seed=1)], return_sequences=True),
        None, SHAPE, config=False, training=(None,),
    )  # fmt: skip


def test_rnn_over_a_cell_that_is_no_layer():
    class Sum:
        state_size = 3

        def call(self, inputs, states):
            total = inputs + states[0]
            return total, [total]

    np.testing.assert_allclose(layers.RNN(Sum())(np.ones((2, 4, 3))), np.full((2, 3), 4.0))


def test_a_subclass_of_a_cell_keeps_its_call():
    class Doubled(layers.LSTMCell):
        def call(self, inputs, states, training=False):
            output, states = super().call(inputs, states, training)
            return 2 * output, states

    plain, doubled = layers.RNN(layers.LSTMCell(2)), layers.RNN(Doubled(2))
    x = np.ones(SHAPE, "float32")
    plain(x), doubled(x)
    doubled.set_weights(plain.get_weights())
    np.testing.assert_allclose(doubled(x), 2 * plain(x), rtol=1e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_stateful(name):
    x = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
    layer, expected = getattr(layers, name)(2, stateful=True), getattr(keras.layers, name)(2, stateful=True)
    layer.build(SHAPE), expected.build(SHAPE)
    layer.set_weights(expected.get_weights())
    for _ in range(3):
        np.testing.assert_allclose(layer(x), expected(x), rtol=1e-5, atol=1e-6)
    assert len(layer.weights) == len(expected.weights)
    assert all(any(state is variable for variable in layer.variables) for state in layer.states)
    continued = kerasish.jit(lambda x: layer(x))(x)
    np.testing.assert_allclose(continued, expected(x), rtol=1e-5, atol=1e-6)
    layer.reset_state(), expected.reset_state()
    np.testing.assert_allclose(layer(x), expected(x), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="batch"):
        layer(x[:1])
    with pytest.raises(ValueError, match="batch size must be known"):
        getattr(layers, name)(2, stateful=True)(KerasTensor((None, 4, 3)))


def test_eager_calls_compile_once(monkeypatch):
    layer, x = layers.LSTM(2), jnp.ones(SHAPE)
    layer(x)
    count = []
    with jax.log_compiles():
        monkeypatch.setattr("jax._src.dispatch.logger.log", lambda *args, **kwargs: count.append(args))
        layer(x)
    assert not count


def test_an_activation_that_reads_a_variable_is_not_compiled_in():
    scale = kerasish.Variable(1.0)
    layer = layers.SimpleRNN(2, activation=lambda x: x * scale.value)
    first = layer(np.ones((1, 1, 2)))
    scale.assign(3.0)
    np.testing.assert_allclose(layer(np.ones((1, 1, 2))), 3 * first, rtol=1e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_refuses(name):
    assert_rejected(name, {"units": 0}, match="units")
    assert_rejected(name, {"units": 2.5}, match="units", keras_too=False)
    assert_rejected(name, {"units": 2}, (2, 3), match="ndim=3")
    with pytest.raises(ValueError, match="number of time steps"):
        getattr(layers, name)(2, unroll=True)(KerasTensor((None, None, 3)))
    layer = getattr(layers, name)(2)
    layer.build((None, None, 3))
    with pytest.raises(ValueError, match="axis -1"):
        layer(np.ones((2, 4, 5)))


def test_rnn_refuses_what_is_no_cell():
    with pytest.raises(ValueError, match="call"):
        layers.RNN(3)
    with pytest.raises(ValueError, match="state_size"):
        layers.RNN([layers.Dense(2)])
    with pytest.raises(ValueError, match="use_cudnn"):
        layers.LSTM(3, use_cudnn="yes")


def test_simple_rnn_applies_its_activity_regularizer():
    layer = layers.SimpleRNN(2, activity_regularizer="l2")
    output = layer(np.ones(SHAPE))
    np.testing.assert_allclose(layer.losses[0], 0.01 * np.sum(np.square(output)) / 2, rtol=1e-5)
