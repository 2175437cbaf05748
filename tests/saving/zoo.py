"""Small models written once for Keras and kerasish: each function takes the library, returns model and inputs."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np


@functools.cache
def of_keras(make: Callable) -> tuple:
    """Return Keras's model and inputs; building them takes Keras longer than all else that tests do with them."""
    import keras

    return make(keras)


def _data(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def sequential(lib: Any) -> tuple:
    layers = lib.layers
    stack = [layers.Input((4,)), layers.Dense(3, activation="relu"), layers.Dropout(0.5), layers.BatchNormalization()]
    return lib.Sequential([*stack, layers.Dense(2), layers.Dense(2)]), _data(5, 4)


def deferred_sequential(lib: Any) -> tuple:
    model = lib.Sequential([lib.layers.Dense(3), lib.layers.ReLU(), lib.layers.Dense(1)])
    model.build((None, 4))
    return model, _data(5, 4)


def convolutions(lib: Any) -> tuple:
    layers = lib.layers
    inputs = layers.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu", padding="same")(inputs)
    x = layers.SeparableConv2D(4, 3)(x)
    x = layers.DepthwiseConv2D(3)(x)
    x = layers.Conv2DTranspose(2, 2, strides=2)(layers.MaxPooling2D()(x))
    x = layers.LayerNormalization()(layers.GlobalAveragePooling2D()(x))
    return lib.Model(inputs, layers.PReLU()(x)), _data(2, 8, 8, 3)


def branches(lib: Any) -> tuple:
    """Several inputs, outputs, branches of different depth and a shared layer."""
    layers = lib.layers
    a, b = layers.Input((4,)), layers.Input((3,))
    shared = layers.Dense(3)
    x = layers.Dense(3)(layers.Dense(5)(a))
    y = layers.Dense(3)(b)
    side = layers.Dense(3)(a)
    merged = layers.Concatenate()([side, layers.Add()([shared(y), x]), shared(x)])
    return lib.Model([a, b], [layers.Dense(1)(y), layers.Dense(1)(merged)]), [_data(2, 4), _data(2, 3)]


def operations(lib: Any) -> tuple:
    inputs = lib.layers.Input((4,))
    x = lib.layers.Dense(4)(inputs)
    x = lib.ops.exp(x * 0.1) + inputs
    return lib.Model(inputs, lib.layers.Dense(2)(x[:, 1:])), _data(3, 4)


def nested(lib: Any) -> tuple:
    layers = lib.layers
    inner_inputs = layers.Input((4,))
    inner = lib.Model(inner_inputs, layers.Dense(4)(layers.Dense(4)(inner_inputs)))
    deep = lib.Sequential([layers.Input((4,)), inner, layers.Dense(4), lib.Sequential([layers.Dense(4)])])
    inputs = layers.Input((4,))
    other = lib.Model(j := layers.Input((4,)), layers.Dense(2)(j))
    return lib.Model(inputs, other(inner(deep(inputs)))), _data(3, 4)


def subclassed(lib: Any) -> tuple:
    """Layers in attributes before and after `layers` in the alphabet, private ones, lists and dicts grown in turn."""

    class Network(lib.Model):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.zeta = lib.layers.Dense(4)
            self.alpha = lib.layers.Dense(4)
            self.steps: Any = []
            self.norms: Any = []
            for _ in range(3):
                self.steps.append(lib.layers.Dense(4))
                self.norms.append(lib.layers.LayerNormalization())
            self._private = lib.layers.Dense(4)
            self.table = {"b": lib.layers.Dense(4), "a": [lib.layers.Dense(4), [lib.layers.Dense(4)]]}
            self.pair = (lib.layers.Dense(4), lib.layers.Dropout(0.5))
            self.scale = self.add_weight(shape=(4,), initializer="ones", name="scale")
            self.offset = self.add_weight(shape=(4,), initializer="zeros", trainable=False, name="offset")
            self.seen = lib.metrics.Mean(name="seen")

        @property
        def all_of_them(self) -> list:
            return [*self.table["a"], self.zeta]

        def call(self, x: Any) -> Any:
            for layer in [self.alpha, self.zeta, self._private, self.table["b"], *self.pair]:
                x = layer(x)
            for step, norm in zip(self.steps, self.norms):
                x = norm(step(x))
            return self.table["a"][1][0](self.table["a"][0](x)) * self.scale + self.offset

    model = Network()
    model(_data(2, 4))
    return model, _data(2, 4)


def lists_filled_later(lib: Any) -> tuple:
    """Layers of one class and shape, whose order in files is that in which they came to the model."""

    class Network(lib.Model):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.stack: Any = []
            self.ways: dict = {}
            self.top = lib.layers.Dense(4)
            for index in range(2):
                self.stack.append(lib.layers.Dense(4))
                self.ways[f"way {index}"] = lib.layers.Dense(4)
            self.under = lib.layers.Dense(4)

        def call(self, x: Any) -> Any:
            for layer in [self.under, *self.stack, *self.ways.values(), self.top]:
                x = layer(x)
            return x

    model = Network()
    model(_data(2, 4))
    return model, _data(2, 4)


def subclass_of_layer(lib: Any) -> tuple:
    class Block(lib.layers.Layer):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.second = lib.layers.Dense(units)
            self.first = lib.layers.Dense(units)

        def build(self, input_shape: Any) -> None:
            self.first.build(input_shape)
            self.second.build((None, self.units))
            self.gain = self.add_weight(shape=(self.units,), initializer="ones", name="gain")

        def call(self, x: Any) -> Any:
            return self.second(self.first(x)) * self.gain

    return lib.Sequential([lib.layers.Input((4,)), Block(3), Block(2)]), _data(3, 4)


def mixed_functional_subclass(lib: Any) -> tuple:
    class Named(lib.Model):
        pass

    inputs = lib.layers.Input((4,))
    inner = Named(inputs, lib.layers.Dense(3)(inputs))
    outer = lib.layers.Input((4,))
    return Named(outer, lib.layers.Dense(2)(inner(outer))), _data(3, 4)


def recurrent(lib: Any) -> tuple:
    layers = lib.layers
    inputs = layers.Input((5,), dtype="int32")
    x = layers.Embedding(10, 4, mask_zero=True)(inputs)
    x = layers.LSTM(3, return_sequences=True, dropout=0.1)(x)
    x = layers.GRU(3, return_sequences=True)(x)
    return lib.Model(inputs, layers.SimpleRNN(2)(x)), np.array([[1, 2, 3, 0, 0], [4, 5, 6, 7, 8]])


def stacked_cells(lib: Any) -> tuple:
    layers = lib.layers
    inputs = layers.Input((5, 4))
    cells = [layers.GRUCell(2), layers.SimpleRNNCell(2), layers.LSTMCell(2)]
    return lib.Model(inputs, layers.RNN(cells)(inputs)), _data(2, 5, 4)


def wrappers(lib: Any) -> tuple:
    layers = lib.layers
    inputs = layers.Input((5, 4))
    x = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(inputs)
    x = layers.TimeDistributed(layers.Dense(3))(x)
    return lib.Model(inputs, layers.Bidirectional(layers.GRU(2), merge_mode="sum")(x)), _data(2, 5, 4)


def attention(lib: Any) -> tuple:
    layers = lib.layers
    inputs = layers.Input((5, 4))
    x = layers.MultiHeadAttention(2, 3, dropout=0.1)(inputs, inputs)
    x = layers.LayerNormalization()(layers.Add()([x, inputs]))
    x = layers.GroupQueryAttention(2, 4, 2)(x, x)
    x = layers.AdditiveAttention()([x, inputs])
    return lib.Model(inputs, x), _data(2, 5, 4)


def normalizations(lib: Any) -> tuple:
    layers = lib.layers
    inputs = layers.Input((4,))
    x = layers.BatchNormalization()(inputs)
    x = layers.GroupNormalization(2)(x)
    x = layers.SpectralNormalization(layers.Dense(4))(x)
    return lib.Model(inputs, layers.UnitNormalization()(layers.RMSNormalization()(x))), _data(3, 4)


def adapted(lib: Any) -> tuple:
    layer = lib.layers.Normalization()
    layer.adapt(_data(20, 4) * 3 + 1)
    return lib.Sequential([lib.layers.Input((4,)), layer, lib.layers.Dense(2)]), _data(3, 4)


def activation_layers(lib: Any) -> tuple:
    layers = lib.layers
    inputs = layers.Input((4,))
    x = layers.EinsumDense("ab,bc->ac", output_shape=5, bias_axes="c", activation="tanh")(inputs)
    return lib.Model(inputs, layers.LeakyReLU()(layers.Dense(2)(layers.GaussianNoise(0.1)(x)))), _data(3, 4)


def bfloat16_weights(lib: Any) -> tuple:
    layers = lib.layers
    return lib.Sequential([layers.Input((4,)), layers.Dense(3, dtype="bfloat16"), layers.Dense(2)]), _data(3, 4)


MODELS = [
    sequential,
    deferred_sequential,
    convolutions,
    branches,
    operations,
    nested,
    subclassed,
    lists_filled_later,
    subclass_of_layer,
    mixed_functional_subclass,
    recurrent,
    stacked_cells,
    wrappers,
    attention,
    normalizations,
    adapted,
    activation_layers,
    bfloat16_weights,
]
