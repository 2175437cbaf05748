"""One small model per family of layers, so that every layer is saved at least once; written like those of the zoo."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.saving.zoo import _data, nested


def _each(lib: Any, shape: tuple, layers: list, join: bool = True) -> tuple:
    """Return a model with a branch per layer on one input, and an input for it."""
    inputs = lib.layers.Input(shape)
    outputs = [layer(inputs) for layer in layers]
    return lib.Model(inputs, outputs if join else outputs[0]), _data(2, *shape)


def one_dimensional(lib: Any) -> tuple:
    of = lib.layers
    stack = [
        of.Conv1D(2, 3, padding="causal"),
        of.Conv1DTranspose(2, 3),
        of.SeparableConv1D(2, 3),
        of.DepthwiseConv1D(3),
    ]
    stack += [of.AveragePooling1D(2), of.MaxPooling1D(), of.GlobalAveragePooling1D(), of.GlobalMaxPooling1D()]
    stack += [of.AdaptiveAveragePooling1D(2), of.AdaptiveMaxPooling1D(2), of.UpSampling1D(), of.ZeroPadding1D(1)]
    return _each(lib, (6, 2), [*stack, of.Cropping1D(1), of.SpatialDropout1D(0.5)])


def two_dimensional(lib: Any) -> tuple:
    of = lib.layers
    stack = [
        of.AveragePooling2D(2),
        of.MaxPooling2D(padding="same"),
        of.GlobalAveragePooling2D(),
        of.GlobalMaxPooling2D(),
    ]
    stack += [of.AdaptiveAveragePooling2D(2), of.AdaptiveMaxPooling2D(2), of.UpSampling2D(interpolation="bilinear")]
    stack += [of.ZeroPadding2D(((1, 0), (0, 2))), of.Cropping2D(1), of.SpatialDropout2D(0.5)]
    return _each(lib, (5, 6, 2), [*stack, of.Conv2D(4, (2, 3), strides=2, groups=2, dilation_rate=1, use_bias=False)])


def three_dimensional(lib: Any) -> tuple:
    of = lib.layers
    stack = [of.Conv3D(2, 2), of.Conv3DTranspose(2, 2), of.AveragePooling3D(2), of.MaxPooling3D()]
    stack += [of.GlobalAveragePooling3D(), of.GlobalMaxPooling3D(), of.AdaptiveAveragePooling3D(2)]
    stack += [
        of.AdaptiveMaxPooling3D(2),
        of.UpSampling3D(),
        of.ZeroPadding3D(1),
        of.Cropping3D(1),
        of.SpatialDropout3D(0.5),
    ]
    return _each(lib, (4, 4, 4, 1), stack)


def shapes(lib: Any) -> tuple:
    of = lib.layers
    stack = [
        of.Flatten(),
        of.Reshape((2, 6)),
        of.Permute((2, 1)),
        of.Masking(0.5),
        of.Identity(),
        of.Activation("gelu"),
    ]
    model, x = _each(lib, (3, 4), stack)
    vector = of.Input((3,))
    return lib.Model([model.inputs[0], vector], [*model.outputs, of.RepeatVector(2)(vector)]), [x, _data(2, 3)]


def merges(lib: Any) -> tuple:
    of = lib.layers
    a, b = of.Input((3,)), of.Input((3,))
    kinds = [
        of.Add(),
        of.Subtract(),
        of.Multiply(),
        of.Average(),
        of.Maximum(),
        of.Minimum(),
        of.Concatenate(),
        of.Dot(1),
    ]
    return lib.Model([a, b], [kind([a, b]) for kind in kinds]), [_data(2, 3), _data(2, 3) + 1]


def activations(lib: Any) -> tuple:
    of = lib.layers
    stack = [of.ELU(0.5), of.LeakyReLU(0.1), of.PReLU(shared_axes=[1]), of.ReLU(6.0), of.Softmax()]
    return _each(lib, (3, 4), [*stack, of.Dense(2, "swish", kernel_constraint="max_norm", bias_regularizer="l1")])


def regularization(lib: Any) -> tuple:
    of = lib.layers
    stack = [of.ActivityRegularization(0.1), of.AlphaDropout(0.1), of.Dropout(0.1, seed=3), of.GaussianDropout(0.1)]
    return _each(lib, (4,), [*stack, of.GaussianNoise(0.1), of.Dense(2, activity_regularizer="l2")])


def more_normalizations(lib: Any) -> tuple:
    of = lib.layers
    stack = [of.BatchNormalization(axis=1, scale=False), of.LayerNormalization(axis=(1, 2)), of.GroupNormalization(2)]
    stack += [of.RMSNormalization(), of.UnitNormalization(), of.SpectralNormalization(of.Conv1D(2, 2))]
    return _each(lib, (3, 4), [*stack, of.Rescaling(0.5, offset=1.0), of.Normalization(mean=1.0, variance=2.0)])


def embedding(lib: Any) -> tuple:
    of = lib.layers
    inputs = of.Input((4,), dtype="int32")
    x = of.Embedding(8, 3, embeddings_initializer=lib.initializers.RandomNormal(stddev=0.1, seed=1))(inputs)
    return lib.Model(inputs, of.GlobalAveragePooling1D()(x)), np.array([[1, 2, 3, 0]])


def attentions(lib: Any) -> tuple:
    of = lib.layers
    inputs = of.Input((4, 6))
    outputs = [of.Attention(use_scale=True)([inputs, inputs]), of.AdditiveAttention()([inputs, inputs])]
    outputs.append(of.MultiHeadAttention(2, 3)(inputs, inputs, use_causal_mask=True))
    return lib.Model(inputs, [*outputs, of.GroupQueryAttention(3, 4, 2)(inputs, inputs)]), _data(2, 4, 6)


def cells(lib: Any) -> tuple:
    of = lib.layers
    stack = [of.SimpleRNN(2, return_state=True), of.GRU(2, reset_after=False), of.LSTM(2, go_backwards=True)]
    stack += [of.RNN(of.LSTMCell(2)), of.RNN(of.StackedRNNCells([of.GRUCell(2), of.SimpleRNNCell(3)]))]
    return _each(lib, (3, 2), [*stack, of.Bidirectional(of.GRU(2), backward_layer=of.LSTM(2, go_backwards=True))])


def convolutional_recurrence(lib: Any) -> tuple:
    of = lib.layers
    return _each(lib, (3, 4, 4, 1), [of.ConvLSTM2D(2, 2), of.TimeDistributed(of.Conv2D(2, 2))])


def convolutional_recurrence_in_other_ranks(lib: Any) -> tuple:
    of = lib.layers
    a, b = of.Input((2, 4, 1)), of.Input((2, 3, 3, 3, 1))
    return lib.Model([a, b], [of.ConvLSTM1D(2, 2)(a), of.ConvLSTM3D(1, 2)(b)]), [
        _data(2, 2, 4, 1),
        _data(2, 2, 3, 3, 3, 1),
    ]


def mixed_precision(lib: Any) -> tuple:
    of = lib.layers
    inputs = of.Input((4,))
    x = of.Dense(3, dtype="mixed_bfloat16")(inputs)
    return lib.Model(inputs, of.Dense(2, dtype=lib.DTypePolicy("float32"))(x)), _data(2, 4)


def dictionaries(lib: Any) -> tuple:
    of = lib.layers
    a, b = of.Input((2,), name="a"), of.Input((3,), name="b")
    outputs = {"sum": of.Dense(2)(a) + of.Dense(2)(b), "first": of.Dense(1)(a)}
    return lib.Model({"a": a, "b": b}, outputs), {"a": _data(2, 2), "b": _data(2, 3)}


def frozen(lib: Any) -> tuple:
    of = lib.layers
    model = lib.Sequential(
        [of.Input((4,)), of.Dense(3, trainable=False), of.BatchNormalization(), of.Dense(2)], name="frz"
    )
    model.layers[-1].trainable = False
    return model, _data(2, 4)


def many_operations(lib: Any) -> tuple:
    inputs = lib.layers.Input((3, 4))
    ops = lib.ops
    x = ops.transpose(inputs, (0, 2, 1)) @ inputs
    x = ops.concatenate([ops.tanh(x), ops.reshape(x, (-1, 4, 4))], axis=-1)
    x = ops.where(x > 0, x, -0.5 * x) / (1.0 + ops.mean(ops.square(x), axis=-1, keepdims=True))
    return lib.Model(inputs, [ops.sum(x[:, ::2, 1:], axis=1), ops.softmax(x), x[:, None, 0]]), _data(2, 3, 4)


def host_layers(lib: Any) -> tuple:
    of = lib.layers
    inputs = of.Input((1,), dtype="int64")
    return lib.Model(inputs, of.Dense(2)(of.CategoryEncoding(4, output_mode="one_hot")(inputs))), np.array([[1], [3]])


def images(lib: Any) -> tuple:
    """Layers that change images in training only, and those that always do.

    Without those that Keras cannot have in a graph or rebuild: see `tone_and_shear`.
    """
    of = lib.layers
    stack = [of.RandomBrightness(0.2), of.RandomContrast(0.2), of.RandomFlip("horizontal")]
    stack += [of.RandomRotation(0.1), of.RandomTranslation(0.1, 0.2), of.RandomZoom(0.1, fill_mode="constant")]
    stack += [of.RandomHue(0.1), of.RandomSaturation(0.1), of.RandomSharpness(0.1)]
    stack += [of.RandomPosterization(4), of.RandomColorDegeneration(0.5), of.RandomColorJitter(0.1), of.RandomInvert()]
    stack += [of.RandomGrayscale(0.3), of.RandomErasing(0.3), of.RandomGaussianBlur(), of.RandomElasticTransform()]
    stack += [
        of.RandomPerspective(),
        of.Solarization(0.3),
        of.AutoContrast(),
        of.MixUp(),
        of.CutMix(),
    ]
    stack += [of.AugMix(), of.RandAugment(), of.ContrastLimitedAdaptiveHistogramEqualization()]
    stack += [of.MaxNumBoundingBoxes(3), of.RandomCrop(8, 8)]
    stack += [of.Resizing(4, 6), of.CenterCrop(4, 3), of.Pipeline([of.Rescaling(0.5), of.RandomFlip()])]
    model, x = _each(lib, (8, 8, 3), stack)
    return model, (np.abs(x) * 60).clip(0, 255)


def crops(lib: Any) -> tuple:
    """Windows that are not random, as the images are smaller."""
    of = lib.layers
    inputs = of.Input((6, 5, 2))
    crop = of.RandomCrop(8, 4, seed=3)
    return lib.Model(inputs, [crop(inputs, training=True), of.RandomCrop(9, 9)(inputs, training=True)]), _data(
        2, 6, 5, 2
    )


def tone_and_shear(lib: Any) -> tuple:
    """Layers whose configs or graphs Keras cannot load, in a model that makes them itself."""

    class Network(lib.Model):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.equalize = lib.layers.Equalization((0, 1), bins=16)
            self.shear = lib.layers.RandomShear(0.2, 0.2)
            self.top = lib.layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.top(self.shear(self.equalize(x), training=False))

    model, x = Network(), np.abs(_data(2, 5, 5, 3)).clip(0, 1)
    model(x)
    return model, x


def halved(x: Any, by: float = 2.0) -> Any:
    return x / by


def linear(params: Any, inputs: Any) -> Any:
    return inputs @ params["kernel"] + params["bias"]


def linear_parameters(rng: Any, inputs: Any) -> Any:
    return {"kernel": np.full((inputs.shape[-1], 2), 0.5, "float32"), "bias": np.zeros(2, "float32")}


def counted(params: Any, state: Any, inputs: Any, training: Any) -> Any:
    return inputs * params, {"count": state["count"] + (1.0 if training else 0.0)}


def counted_parameters(rng: Any, inputs: Any) -> Any:
    return np.float32(3.0), {"count": np.float32(0.0)}


FUNCTIONS = (halved, linear, linear_parameters, counted, counted_parameters)


def own_functions(lib: Any) -> tuple:
    """Layers of functions, which are registered and named in files."""
    of = lib.layers
    for function in FUNCTIONS:
        lib.saving.register_keras_serializable("zoo")(function)
    inputs = of.Input((4,))
    x = of.Lambda(halved, arguments={"by": 4.0})(inputs)
    x = of.JaxLayer(linear, linear_parameters)(of.Lambda(halved, output_shape=(4,))(x))
    return lib.Model(inputs, of.Dense(2, activation=halved)(of.JaxLayer(counted, counted_parameters)(x))), _data(3, 4)


def flax_module(lib: Any) -> tuple:
    """A layer of a Flax module, with parameters and state."""
    from flax import linen

    class Block(linen.Module):
        units: int = 4

        @linen.compact
        def __call__(self, inputs: Any, training: bool = False) -> Any:
            return linen.BatchNorm(use_running_average=not training)(linen.Dense(self.units)(inputs))

        def get_config(self) -> dict:
            return {"units": self.units}

        @classmethod
        def from_config(cls, config: dict) -> Any:
            return cls(**config)

    lib.saving.register_keras_serializable("zoo")(Block)
    inputs = lib.layers.Input((4,))
    return lib.Model(inputs, lib.layers.Dense(2)(lib.layers.FlaxLayer(Block(3))(inputs))), _data(3, 4)


def own_wrapper(lib: Any) -> tuple:
    """Registered classes: a wrapper with weights of its own around a layer, and a loss-like layer in a list."""

    @lib.saving.register_keras_serializable("zoo")
    class Scaled(lib.layers.Wrapper):
        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            self.scale = self.add_weight(shape=(1,), initializer="ones", name="scale")

        def call(self, x: Any) -> Any:
            return self.layer(x) * self.scale

    inputs = lib.layers.InputLayer((4,), name="start")
    return lib.Sequential([inputs, Scaled(lib.layers.Dense(3)), Scaled(lib.layers.LayerNormalization())]), _data(3, 4)


def inner_model_called_often(lib: Any) -> tuple:
    of = lib.layers
    inner_inputs = of.Input((4,))
    inner = lib.Model(inner_inputs, of.Dense(4, "tanh")(of.Dense(4)(inner_inputs)))
    a, b = of.Input((4,)), of.Input((4,))
    return lib.Model([a, b], of.Concatenate()([inner(a), inner(b), inner(inner(a))])), [_data(2, 4), _data(2, 4) + 1]


def sound(lib: Any) -> tuple:
    of = lib.layers
    a, b = of.Input((64,)), of.Input((64, 1))
    mel = of.MelSpectrogram(fft_length=32, sequence_stride=16, num_mel_bins=4, sampling_rate=800)
    return lib.Model([a, b], [mel(a), of.STFTSpectrogram("log", 32, 16, 32)(b)]), [_data(2, 64), _data(2, 64, 1)]


def tied(lib: Any) -> tuple:
    of = lib.layers
    inputs = of.Input((4,), dtype="int32")
    table = of.ReversibleEmbedding(6, 3)
    return lib.Model(inputs, table(of.Dense(3)(table(inputs)), reverse=True)), np.array([[1, 2, 3, 0]])


def intervals(lib: Any) -> tuple:
    return _each(
        lib, (3,), [lib.layers.Discretization([-0.5, 0.5]), lib.layers.Discretization([0.0], output_mode="one_hot")]
    )


def sharing_layer(lib: Any) -> tuple:
    """Two models of one model that share a layer."""
    of = lib.layers
    shared, a, b = of.Dense(4), of.Input((4,)), of.Input((4,))
    first, second = lib.Model(a, of.Dense(2)(shared(a))), lib.Model(b, of.Dense(3)(shared(b)))
    inputs = of.Input((4,))
    return lib.Model(inputs, [first(inputs), second(inputs)]), _data(2, 4)


def sharing_layer_in_stacks(lib: Any) -> tuple:
    of = lib.layers
    shared, inputs = of.Dense(4), of.Input((4,))
    first = lib.Sequential([of.Input((4,)), shared, of.Dense(2)])
    second = lib.Sequential([of.Input((4,)), shared, of.Dense(3)])
    return lib.Model(inputs, [first(inputs), second(inputs)]), _data(2, 4)


def sharing_model(lib: Any) -> tuple:
    """Two models of one model that share a model."""
    of = lib.layers
    i, a, b = of.Input((4,)), of.Input((4,)), of.Input((4,))
    inner = lib.Model(i, of.Dense(4)(i))
    first, second = lib.Model(a, of.Dense(2)(inner(a))), lib.Model(b, of.Dense(3)(inner(b)))
    inputs = of.Input((4,))
    return lib.Model(inputs, [first(inputs), second(inputs)]), _data(2, 4)


# Keras loses in its own files which layers are the same ones, and cannot load these.
SHARING: list[Callable] = [sharing_layer, sharing_layer_in_stacks, sharing_model, nested]

FAMILIES: list[Callable] = [
    images,
    crops,
    tone_and_shear,
    own_functions,
    own_wrapper,
    inner_model_called_often,
    sound,
    tied,
    intervals,
    one_dimensional,
    two_dimensional,
    three_dimensional,
    shapes,
    merges,
    activations,
    regularization,
    more_normalizations,
    embedding,
    attentions,
    cells,
    convolutional_recurrence,
    convolutional_recurrence_in_other_ranks,
    mixed_precision,
    dictionaries,
    frozen,
    many_operations,
    host_layers,
]
