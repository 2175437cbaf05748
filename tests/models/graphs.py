"""Functional and Sequential models of all shapes, each written once for Keras and kerasish."""

from typing import Any

import numpy as np


def operators(lib: Any) -> Any:
    x, y = lib.Input((4,)), lib.Input((4,))
    outputs = [x + y, x * 2, 1 - x, x / y, x @ lib.ops.transpose(y), -x, abs(x), x**2, 2 / x, x // 2, x % 2, x > 0]
    outputs += [x[:, 1:3], x[..., None], x[:, 0], x <= y, x * np.float32(2)]
    return lib.Model([x, y], outputs)


def ops_with_options(lib: Any) -> Any:
    x, ops = lib.Input((4,)), lib.ops
    outputs = [
        ops.mean(x, axis=1), ops.sum(x), ops.concatenate([x, x], axis=1), ops.where(x > 0, x, 0.0), ops.stack([x, x]),
        ops.split(x, 2, axis=1)[0], ops.reshape(x, (-1, 2, 2)), ops.cast(x, "float16"), ops.relu(x), ops.softmax(x),
        ops.einsum("ab,ab->a", x, x), ops.maximum(x, 0), ops.expand_dims(x, 1), ops.clip(x, 0, 1),
        ops.pad(x, ((0, 0), (1, 1))), ops.take(x, [0, 1], axis=1), ops.logical_not(x > 0),
        ops.one_hot(ops.argmax(x, axis=1), 5),
        ops.average(x, axis=1), x.reshape((-1, 2, 2)), ops.isclose(x, x), ops.gelu(x, approximate=False),
    ]  # fmt: skip
    return lib.Model(x, outputs)


def activations(lib: Any) -> Any:
    x, functions = lib.Input((4,)), lib.activations
    return lib.Model(x, [functions.relu(x), functions.relu(x, max_value=2.0), functions.elu(x), functions.softplus(x)])


def dicts(lib: Any) -> Any:
    inputs = {"b": lib.Input((2,), name="b"), "a": lib.Input((3,), name="a")}
    outputs = {"o": lib.layers.Dense(1)(inputs["a"]), "n": [lib.layers.Dense(2)(inputs["b"]), inputs["a"]]}
    return lib.Model(inputs, outputs)


def nests(lib: Any) -> Any:
    inputs = [lib.Input((2,)), (lib.Input((3,)), {"z": lib.Input((1,))})]
    joined = lib.layers.Concatenate()([inputs[0], inputs[1][0], inputs[1][1]["z"]])
    return lib.Model(inputs, (joined, [inputs[0]]))


def shared_layer(lib: Any) -> Any:
    dense, x = lib.layers.Dense(4), lib.Input((4,))
    y = dense(x)
    dense(y)  # a call that is no part of the model
    return lib.Model(x, [dense(dense(y)), y], name="shared")


def from_intermediate_tensor(lib: Any) -> Any:
    x = lib.Input((4,))
    y = lib.layers.Dense(3)(x)
    z = lib.layers.Dense(2)(y)
    lib.Model(x, z)
    return lib.Model(y, z)


def from_input_and_intermediate(lib: Any) -> Any:
    x = lib.Input((4,))
    y = lib.layers.Dense(3)(x)
    return lib.Model([x, y], [lib.layers.Dense(2)(y), lib.layers.Add()([lib.layers.Dense(3)(x), y])])


def intermediate_output(lib: Any) -> Any:
    model = lib.Sequential([lib.Input((4,)), lib.layers.Dense(3), lib.layers.Dense(3)])
    return lib.Model(model.inputs, model.layers[0].output)


def call_arguments(lib: Any) -> Any:
    x, mask = lib.Input((4, 3)), lib.Input((4,), dtype="bool")
    recurrent = lib.layers.LSTM(2)(x, mask=mask)
    dropped = lib.layers.Dropout(0.5)(x, training=False)
    attended = lib.layers.MultiHeadAttention(1, 2)(x, value=x, use_causal_mask=True)
    return lib.Model([x, mask], [recurrent, dropped, attended])


def model_in_model(lib: Any) -> Any:
    i = lib.Input((4,))
    inner = lib.Model(i, lib.layers.Dense(4)(i))
    stack = lib.Sequential([lib.Input((4,)), lib.layers.Dense(4)])
    x = lib.Input((4,))
    return lib.Model(x, [inner(stack(inner(x))), inner(x)], name="outer")


def several_inputs_in_model(lib: Any) -> Any:
    a, b = lib.Input((2,)), lib.Input((2,))
    inner = lib.Model([a, b], [lib.layers.Add()([a, b]), lib.layers.Dense(2)(a)])
    x, y = lib.Input((2,)), lib.Input((2,))
    first, second = inner([x, y])
    return lib.Model([x, y], lib.layers.Concatenate()([second, first, *inner([y, x])]))


def recurrent_layers(lib: Any) -> Any:
    x = lib.Input((5, 4))
    y = lib.layers.LSTM(2, return_sequences=True)(x)
    return lib.Model(x, lib.layers.TimeDistributed(lib.layers.Dense(3))(lib.layers.GaussianNoise(0.1)(y)))


def options_of_inputs(lib: Any) -> Any:
    x = lib.Input((4,), batch_size=3, name="me", dtype="float16")
    y = lib.Input(batch_shape=(3, None), dtype="int32")
    return lib.Model([x, y], [lib.layers.Dense(2)(x), lib.layers.Embedding(3, 2)(y)])


def unbuilt_sequential(lib: Any) -> Any:
    return lib.Sequential([lib.layers.Dense(3), lib.layers.Dense(2)], name="hello")


def deferred_sequential(lib: Any) -> Any:
    model = lib.Sequential([lib.layers.Dense(3), lib.layers.Dropout(0.5), lib.layers.Dense(2)])
    model.build((None, 4))
    return model


def sequential_of_models(lib: Any) -> Any:
    stack = lib.Sequential([lib.Input((4,)), lib.layers.Dense(3)])
    return lib.Sequential([stack, lib.Sequential([lib.layers.Dense(3)]), lib.layers.Dense(2)])


def sequential_of_a_model_alone(lib: Any) -> Any:
    return lib.Sequential([lib.Sequential([lib.Input((4,)), lib.layers.Dense(3)])])


def compiled(lib: Any) -> Any:
    model = lib.Sequential([lib.Input((4,)), lib.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


MODELS = [
    operators, ops_with_options, activations, dicts, nests, shared_layer, from_intermediate_tensor,
    from_input_and_intermediate, intermediate_output, call_arguments, model_in_model, several_inputs_in_model,
    recurrent_layers, options_of_inputs, unbuilt_sequential, deferred_sequential, sequential_of_models,
    sequential_of_a_model_alone, compiled,
]  # fmt: skip
