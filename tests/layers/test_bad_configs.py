"""Bad configurations and inputs of all layers: errors name the layer and the argument, before anything is traced."""

import inspect

import numpy as np
import pytest

from kerasish import layers
from kerasish.core import naming

# Arguments that make each layer, where it has some without default.
MINIMAL = {
    "Activation": {"activation": "relu"},
    "Attention": {"dropout": 0.5},
    "AdaptiveAveragePooling1D": {"output_size": 2},
    "AdaptiveAveragePooling2D": {"output_size": 2},
    "AdaptiveAveragePooling3D": {"output_size": 2},
    "AdaptiveMaxPooling1D": {"output_size": 2},
    "AdaptiveMaxPooling2D": {"output_size": 2},
    "AdaptiveMaxPooling3D": {"output_size": 2},
    "AlphaDropout": {"rate": 0.5},
    "AveragePooling1D": {"pool_size": 2},
    "AveragePooling2D": {"pool_size": 2},
    "AveragePooling3D": {"pool_size": 2},
    "Conv1D": {"filters": 2, "kernel_size": 2},
    "Conv1DTranspose": {"filters": 2, "kernel_size": 2},
    "Conv2D": {"filters": 2, "kernel_size": 2},
    "Conv2DTranspose": {"filters": 2, "kernel_size": 2},
    "Conv3D": {"filters": 2, "kernel_size": 2},
    "Conv3DTranspose": {"filters": 2, "kernel_size": 2},
    "ConvLSTM1D": {"filters": 2, "kernel_size": 2},
    "ConvLSTM2D": {"filters": 2, "kernel_size": 2},
    "ConvLSTM3D": {"filters": 2, "kernel_size": 2},
    "Dense": {"units": 2},
    "DepthwiseConv1D": {"kernel_size": 2},
    "DepthwiseConv2D": {"kernel_size": 2},
    "Dropout": {"rate": 0.5},
    "EinsumDense": {"equation": "ab,bc->ac", "output_shape": 2},
    "Embedding": {"input_dim": 3, "output_dim": 2},
    "GRU": {"units": 2},
    "GRUCell": {"units": 2},
    "GaussianDropout": {"rate": 0.5},
    "GaussianNoise": {"stddev": 0.5},
    "GroupQueryAttention": {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1, "dropout": 0.5},
    "InputLayer": {"shape": (2,)},
    "LSTM": {"units": 2},
    "LSTMCell": {"units": 2},
    "MultiHeadAttention": {"num_heads": 2, "key_dim": 2, "dropout": 0.5},
    "Permute": {"dims": (2, 1)},
    "RepeatVector": {"n": 2},
    "Rescaling": {"scale": 2.0},
    "Reshape": {"target_shape": (-1,)},
    "SeparableConv1D": {"filters": 2, "kernel_size": 2},
    "SeparableConv2D": {"filters": 2, "kernel_size": 2},
    "SimpleRNN": {"units": 2},
    "SimpleRNNCell": {"units": 2},
    "SpatialDropout1D": {"rate": 0.5},
    "SpatialDropout2D": {"rate": 0.5},
    "SpatialDropout3D": {"rate": 0.5},
}

COUNT = (0, -1, 1.5, "two", True)
SIZE = (0, -1, 1.5, "two", (1, 2, 3, 4))
RATE = (-0.1, 1.1, "half")
UNKNOWN = ("no_such_thing", 3)

# Argument name -> values that no layer may take.
BAD = {
    "units": COUNT,
    "filters": COUNT,
    "depth_multiplier": COUNT,
    "groups": COUNT,
    "n": COUNT,
    "input_dim": COUNT,
    "output_dim": COUNT,
    "num_heads": COUNT,
    "key_dim": COUNT,
    "value_dim": COUNT,
    "head_dim": COUNT,
    "num_query_heads": COUNT,
    "num_key_value_heads": COUNT,
    "kernel_size": SIZE,
    "strides": SIZE,
    "dilation_rate": SIZE,
    "pool_size": SIZE,
    "output_size": SIZE,
    "padding": UNKNOWN,
    "data_format": UNKNOWN,
    "interpolation": UNKNOWN,
    "score_mode": UNKNOWN,
    "rate": RATE,
    "stddev": (-0.1, "small"),
    "dropout": RATE,
    "recurrent_dropout": RATE,
    "seed": ("seed", 1.5),
    "epsilon": (-1.0, "small"),
    "momentum": ("fast",),
    "axis": ("last",),
    "activation": UNKNOWN,
    "recurrent_activation": UNKNOWN,
    "trainable": ("yes",),
    "dtype": ("float31",),
    "no_such_argument": (1,),
}
OBJECTS = ("initializer", "regularizer", "constraint")
# Arguments that mean something else in some layers.
OWN_MEANING = {f"ZeroPadding{rank}D": {"padding": (-1, 1.5, "same")} for rank in (1, 2, 3)}
OWN_MEANING["GroupNormalization"] = {"groups": (0, -2, 1.5, "two", True)}  # -1: one group per channel
OWN_MEANING["Discretization"] = {"epsilon": ()}
OWN_MEANING |= {f"{kind}Lookup": {"trainable": (), "dtype": ()} for kind in ("Integer", "String")}  # ignored


def constructible() -> list[str]:
    """Return the layers that the table above or nothing makes; others have tests of their own."""
    names = []
    for name in layers.__all__:
        kind = getattr(layers, name)
        if not (inspect.isclass(kind) and issubclass(kind, layers.Layer)) or kind.__name__ != name:
            continue
        parameters = inspect.signature(kind.__init__).parameters.values()
        required = [p for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD][1:]
        if name in MINIMAL or not required:
            names.append(name)
    return names


def bad_arguments() -> list:
    cases = []
    for name in constructible():
        parameters = set(inspect.signature(getattr(layers, name).__init__).parameters)
        if ".augmentation" in getattr(layers, name).__module__:
            parameters.discard("seed")  # tested with those layers
        if "kwargs" in parameters:
            parameters |= {"trainable", "dtype", "no_such_argument"}
        for parameter in sorted(parameters):
            values = UNKNOWN if parameter.rpartition("_")[2] in OBJECTS else BAD.get(parameter, ())
            values = OWN_MEANING.get(name, {}).get(parameter, values)
            cases += [pytest.param(name, parameter, value, id=f"{name}-{parameter}-{value}") for value in values]
    return cases


def text_of(error: BaseException) -> str:
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


@pytest.mark.parametrize(("name", "parameter", "value"), bad_arguments())
def test_bad_argument(name, parameter, value):
    with pytest.raises((ValueError, TypeError)) as caught:
        getattr(layers, name)(**MINIMAL.get(name, {}) | {parameter: value})
    text = text_of(caught.value)
    assert name in text or naming.to_snake_case(name) in text
    assert parameter in text


# Layer -> a good input shape, and shapes it must refuse before and after it was built on the good one.
RANKS = {"1D": (2, 6, 3), "2D": (2, 6, 6, 3), "3D": (2, 6, 6, 6, 3)}
FIXED_RANK = {
    **{
        name + dimensions: shape
        for dimensions, shape in RANKS.items()
        for name in (
            "AdaptiveAveragePooling", "AdaptiveMaxPooling", "AveragePooling", "Conv", "Cropping",
            "GlobalAveragePooling", "GlobalMaxPooling", "MaxPooling", "UpSampling", "ZeroPadding", "SpatialDropout",
        )
    },
    **{f"Conv{dimensions}Transpose": shape for dimensions, shape in RANKS.items()},
    **{f"{kind}Conv{d}": RANKS[d] for d in ("1D", "2D") for kind in ("Depthwise", "Separable")},
    "ConvLSTM1D": (2, 3, 6, 3),
    "ConvLSTM2D": (2, 3, 6, 6, 3),
    "ConvLSTM3D": (2, 3, 6, 6, 6, 3),
    "SimpleRNN": (2, 4, 3),
    "LSTM": (2, 4, 3),
    "GRU": (2, 4, 3),
    "RepeatVector": (2, 3),
    "Permute": (2, 3, 4),
}  # fmt: skip
FIXED_LAST_AXIS = {name: shape for name, shape in FIXED_RANK.items() if "Conv" in name or name in ("LSTM", "GRU")} | {
    "Dense": (2, 3),
    "SimpleRNN": (2, 4, 3),
    "BatchNormalization": (2, 3),
    "PReLU": (2, 3),
}


@pytest.mark.parametrize("name", FIXED_RANK)
def test_wrong_rank(name):
    layer = getattr(layers, name)(**MINIMAL.get(name, {}))
    shape = FIXED_RANK[name]
    for wrong in (shape[:-1], (*shape, 2)):
        with pytest.raises(ValueError) as caught:
            layer(np.ones(wrong, "float32"))
        assert layer.name in text_of(caught.value)
        assert str(wrong) in text_of(caught.value)


@pytest.mark.parametrize("name", FIXED_LAST_AXIS)
def test_wrong_last_axis(name):
    layer = getattr(layers, name)(**MINIMAL.get(name, {}))
    shape = FIXED_LAST_AXIS[name]
    layer.build((None, *shape[1:]))
    with pytest.raises(ValueError) as caught:
        layer(np.ones((*shape[:-1], shape[-1] + 1), "float32"))
    assert layer.name in text_of(caught.value)
    assert str(shape[-1] + 1) in text_of(caught.value)


@pytest.mark.parametrize("name", [name for name in FIXED_RANK if "Conv" in name and "Transpose" not in name])
def test_window_larger_than_inputs(name):
    layer = getattr(layers, name)(**MINIMAL[name] | {"kernel_size": 7})
    with pytest.raises(ValueError, match="empty") as caught:
        layer.build((None, *FIXED_RANK[name][1:]))
    assert layer.name in text_of(caught.value) or "conv_lstm_cell" in text_of(caught.value)
