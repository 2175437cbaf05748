"""The summary of models: Keras's table line by line, an answer for every model, and what a sample costs."""

import subprocess
import sys

import pytest

import kerasish
from kerasish import layers
from kerasish.core import naming
from kerasish.utils.text_table import column_widths, wrap
from tests.saving import zoo

keras = pytest.importorskip("keras")


def summary(model, **options):
    printed = []
    model.summary(print_fn=printed.append, **options)
    assert len(printed) == 1
    return printed[0]


def same_names():
    keras.backend.clear_session()
    naming.reset_names()


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch):
    """Keras crops its table at the width of the terminal."""
    monkeypatch.setenv("COLUMNS", "200")


MODELS = [
    zoo.sequential,
    zoo.convolutions,
    zoo.branches,
    zoo.operations,
    zoo.subclassed,
    zoo.subclass_of_layer,
    zoo.stacked_cells,
    zoo.wrappers,
    zoo.mixed_functional_subclass,
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_the_table_is_that_of_keras(make):
    models = []
    for library in (keras, kerasish):
        same_names()
        models.append(make(library)[0])
    theirs, ours = models
    for options in ({}, {"line_length": 80}, {"line_length": 120, "show_trainable": True}, {"expand_nested": True}):
        assert summary(ours, **options).splitlines() == summary(theirs, **options).splitlines(), options


def nested(lib):
    def block(name):
        inputs = lib.Input((4,), name=f"{name}_input")
        return lib.Model(inputs, lib.layers.Dense(4, name=f"{name}_dense")(inputs), name=name)

    inner = lib.Sequential([lib.Input((4,)), block("innermost"), lib.layers.Dense(4, name="d")], name="inner")
    inputs = lib.Input((4,), name="in")
    x = inner(inputs)
    model = lib.Model(inputs, lib.layers.Add(name="sum")([block("side")(x), x]), name="outer")
    model.get_layer("side").trainable = False
    return model


def frozen_and_compiled(lib):
    model = lib.Sequential([lib.Input((4,)), lib.layers.Dense(3, trainable=False), lib.layers.Dense(1)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def several_outputs(lib):
    inputs = lib.Input((5, 4))
    outputs = lib.layers.LSTM(3, return_sequences=True, return_state=True, name="a_layer_with_a_rather_long_name")(
        inputs
    )
    return lib.Model(inputs, outputs)


def one_layer_twice(lib):
    inputs = lib.Input((4,))
    layer = lib.layers.Dense(4)
    return lib.Model(inputs, layer(layer(inputs)))


@pytest.mark.parametrize("make", [nested, frozen_and_compiled, several_outputs, one_layer_twice])
def test_special_cases_are_as_in_keras(make):
    models = []
    for library in (keras, kerasish):
        same_names()
        models.append(make(library))
    theirs, ours = models
    positions = [0.5, 0.7, 0.9, 1.0] if make in (nested, one_layer_twice) else [0.3, 0.5, 0.7]
    expanded = {"line_length": 110, "show_trainable": True, "expand_nested": True}
    for options in ({"line_length": 80}, expanded, {"positions": positions}):
        assert summary(ours, **options).splitlines() == summary(theirs, **options).splitlines(), options


@pytest.mark.parametrize("layer_range", [("in", "inner"), ("si.*", "in$"), ("sum", "sum")])
def test_layer_range_takes_names_and_patterns(layer_range):
    models = []
    for library in (keras, kerasish):
        same_names()
        models.append(nested(library))
    theirs, ours = models
    assert summary(ours, layer_range=layer_range).splitlines() == summary(theirs, layer_range=layer_range).splitlines()


def test_it_answers_on_unbuilt_models():
    class Network(kerasish.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)
            self.drop = layers.Dropout(0.5)

    text = summary(Network(), show_trainable=True, show_costs=True)
    assert "dense (Dense)" in text
    assert "0 (unbuilt)" in text
    assert "unknown (the model is not built)" in text
    assert "Total params: 0 (0.00 B)" in summary(kerasish.Sequential([layers.Dense(2)]))
    assert "Total params: 0 (0.00 B)" in summary(kerasish.Sequential())


def test_lines_keep_to_the_length():
    model = nested(kerasish)
    for length in (60, 76, 80, 133):
        lines = summary(model, line_length=length, show_trainable=True, expand_nested=True).splitlines()
        assert {len(line) for line in lines if line[0] in "┏┃┡│├└"} == {length}


def test_wrong_arguments_are_named():
    model = kerasish.Sequential([layers.Input((4,)), layers.Dense(3)])
    with pytest.raises(ValueError, match="`layer_range` must be two names"):
        model.summary(layer_range=["dense"])
    with pytest.raises(ValueError, match="does not match any of the layers"):
        model.summary(layer_range=["none", "dense"])
    with pytest.raises(ValueError, match="insufficient width"):
        model.summary(line_length=10)
    with pytest.raises(ValueError, match="`positions` must have 3 entries"):
        model.summary(positions=[0.5, 1.0])


def test_positions_may_be_characters():
    model = kerasish.Sequential([layers.Input((4,)), layers.Dense(3)])
    absolute = summary(model, line_length=80, positions=[40, 60, 80])
    assert absolute == summary(model, line_length=80, positions=[0.5, 0.75, 1.0])


def test_costs_are_counted_for_one_sample():
    model = kerasish.Sequential(
        [layers.Input((10,)), layers.Dense(20, use_bias=False), layers.Dense(5, use_bias=False)]
    )
    assert " FLOPs of one sample: 600\n" in summary(model, show_costs=True)
    assert "1.17 KB for parameters" in summary(model, show_costs=True)
    dynamic = kerasish.Sequential([layers.Input((None, 1)), layers.Conv1D(2, 3)])
    assert "unknown (input" in summary(dynamic, show_costs=True)


def test_costs_count_every_round_of_a_loop():
    def flops(steps):
        text = summary(kerasish.Sequential([layers.Input((steps, 4)), layers.LSTM(3)]), show_costs=True)
        return int(text.split("FLOPs of one sample: ")[1].split("\n")[0].replace(",", ""))

    assert 1.9 < flops(20) / flops(10) < 2.1


def test_standard_output_gets_text_that_it_can_show():
    code = "import kerasish as k; k.Sequential([k.Input((3,)), k.layers.Dense(2)]).summary(line_length=60)"
    for encoding, corner in (("utf-8", "┏"), ("ascii", "+")):
        environment = {"PYTHONIOENCODING": encoding, "PATH": "", "PYTHONPATH": ".", "JAX_PLATFORMS": "cpu"}
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment)
        text = result.stdout.decode(encoding)
        assert text.splitlines()[1][0] == corner
        assert "\x1b" not in text


def test_words_wrap_and_long_ones_are_cut():
    assert wrap("batch_normalization (BatchNormalization)", 20) == ["batch_normalization", "(BatchNormalization)"]
    assert wrap("a_word_that_is_too_long (Dense)", 10) == ["a_word_th…", "(Dense)"]
    assert wrap("   └ dense (Dense)", 10) == ["   └ dense", "(Dense)"]
    assert wrap("", 5) == [""]
    assert sum(column_widths([36, 28, 16], 80)) == 80 - 4
    assert sum(column_widths([10, 10, 10], 80)) == 80 - 4
