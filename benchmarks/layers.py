"""Each layer beside Keras's under jit: forward, and forward with gradients, in one process, the libraries taking turns.

`python -m benchmarks.layers` measures all layers and writes benchmarks/layers.json; `python -m benchmarks.layers LSTM
Conv` those whose names contain one of the words. The ratio is Keras's time by ours: above 1, ours is faster. Times are
the fastest of all turns, which other work on the machine disturbs least. Where XLA makes the same program of both
layers, any difference is noise, and the ratio counts as 1.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import argparse
import inspect
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np

import kerasish
from benchmarks.measure import facts

LIMIT, RECURRENT_LIMIT = 0.95, 1.3
RESULTS = Path(__file__).parent / "layers.json"


class Case(NamedTuple):
    """A layer and what it is called on; the name of the class comes first in `name`."""

    name: str
    options: dict
    shapes: list[tuple[int, ...]]
    integers: int = 0  # the inputs are integers below this
    calls: dict | None = None  # further arguments of the call
    limit: float = LIMIT  # for training; inference is held to the general one
    as_list: bool = False


def case(name: str, *shapes: tuple[int, ...], **options: Any) -> Case:
    """Return a case; options that begin with an underscore are fields of `Case`."""
    fields = {key[1:]: options.pop(key) for key in list(options) if key.startswith("_")}
    return Case(name, options, list(shapes), **fields)


IMAGES, SMALL, SEQUENCE, ROWS = (16, 32, 32, 32), (16, 8, 8, 64), (32, 64, 64), (256, 512)
VOLUMES = (4, 12, 12, 12, 16)
CASES = [
    case("Dense", ROWS, units=256, activation="relu"),
    case("Dense 3D", SEQUENCE, units=128),
    case("Dense small", (32, 32), units=16),
    case("EinsumDense", SEQUENCE, equation="abc,cd->abd", output_shape=(None, 128), bias_axes="d"),
    case("Embedding", (64, 128), input_dim=10000, output_dim=64, _integers=10000),
    case("Embedding small", (64, 32), input_dim=100, output_dim=32, _integers=100),
    case("Conv1D", SEQUENCE, filters=64, kernel_size=3),
    case("Conv1D causal", SEQUENCE, filters=64, kernel_size=3, padding="causal", dilation_rate=2),
    case("Conv2D", IMAGES, filters=32, kernel_size=3, padding="same"),
    case("Conv2D 1x1", IMAGES, filters=64, kernel_size=1),
    case("Conv2D strides", IMAGES, filters=64, kernel_size=3, strides=2, padding="same"),
    case("Conv2D first", (64, 28, 28, 1), filters=32, kernel_size=3),
    case("Conv2D groups", IMAGES, filters=32, kernel_size=3, groups=4),
    case("Conv3D", VOLUMES, filters=16, kernel_size=3),
    case("Conv1DTranspose", SEQUENCE, filters=32, kernel_size=3, strides=2, padding="same"),
    case("Conv2DTranspose", SMALL, filters=32, kernel_size=3, strides=2, padding="same"),
    case("Conv3DTranspose", (2, 6, 6, 6, 8), filters=8, kernel_size=3, strides=2),
    case("DepthwiseConv1D", SEQUENCE, kernel_size=3),
    case("DepthwiseConv2D", IMAGES, kernel_size=3, padding="same"),
    case("SeparableConv1D", SEQUENCE, filters=64, kernel_size=3),
    case("SeparableConv2D", IMAGES, filters=64, kernel_size=3, padding="same"),
    case("MaxPooling1D", SEQUENCE),
    case("MaxPooling2D", IMAGES),
    case("MaxPooling2D overlapping", IMAGES, pool_size=3, strides=2, padding="same"),
    case("MaxPooling3D", VOLUMES),
    case("AveragePooling1D", SEQUENCE, pool_size=2),
    case("AveragePooling2D", IMAGES, pool_size=2),
    case("AveragePooling3D", VOLUMES, pool_size=2),
    case("GlobalMaxPooling1D", SEQUENCE),
    case("GlobalMaxPooling2D", IMAGES),
    case("GlobalMaxPooling3D", VOLUMES),
    case("GlobalAveragePooling1D", SEQUENCE),
    case("GlobalAveragePooling2D", IMAGES),
    case("GlobalAveragePooling3D", VOLUMES),
    case("AdaptiveAveragePooling2D", IMAGES, output_size=5),
    case("AdaptiveMaxPooling2D", IMAGES, output_size=5),
    case("Flatten", IMAGES),
    case("Reshape", SEQUENCE, target_shape=(32, 128)),
    case("Permute", SEQUENCE, dims=(2, 1)),
    case("RepeatVector", ROWS, n=8),
    case("Cropping1D", SEQUENCE),
    case("Cropping2D", IMAGES, cropping=2),
    case("Cropping3D", VOLUMES),
    case("ZeroPadding1D", SEQUENCE),
    case("ZeroPadding2D", IMAGES),
    case("ZeroPadding3D", VOLUMES),
    case("UpSampling1D", SEQUENCE),
    case("UpSampling2D", IMAGES),
    case("UpSampling2D bilinear", IMAGES, interpolation="bilinear"),
    case("UpSampling3D", VOLUMES),
    *(
        case(name, SEQUENCE, SEQUENCE, _as_list=True)
        for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")
    ),
    case("Dot", SEQUENCE, SEQUENCE, axes=2, _as_list=True),
    *(case(name, IMAGES) for name in ("ReLU", "LeakyReLU", "ELU", "Softmax", "PReLU")),
    case("Activation gelu", IMAGES, activation="gelu"),
    case("Activation swish", IMAGES, activation="swish"),
    case("BatchNormalization", IMAGES),
    case("BatchNormalization rows", ROWS),
    case("LayerNormalization", SEQUENCE),
    case("LayerNormalization wide", (64, 768)),
    case("GroupNormalization", IMAGES, groups=8),
    case("RMSNormalization", SEQUENCE),
    case("UnitNormalization", SEQUENCE),
    case("Dropout", ROWS, rate=0.3, seed=1),
    case("SpatialDropout1D", SEQUENCE, rate=0.3, seed=1),
    case("SpatialDropout2D", IMAGES, rate=0.3, seed=1),
    case("SpatialDropout3D", VOLUMES, rate=0.3, seed=1),
    case("GaussianDropout", ROWS, rate=0.3, seed=1),
    case("GaussianNoise", ROWS, stddev=0.3, seed=1),
    case("AlphaDropout", ROWS, rate=0.3, seed=1),
    case("ActivityRegularization", ROWS, l2=0.1),
    case("Attention", SEQUENCE, SEQUENCE, _as_list=True),
    case("AdditiveAttention", (16, 32, 64), (16, 32, 64), _as_list=True),
    case("MultiHeadAttention", (16, 64, 64), (16, 64, 64), num_heads=4, key_dim=16),
    case("MultiHeadAttention causal", (16, 64, 64), (16, 64, 64), num_heads=4, key_dim=16,
         _calls={"use_causal_mask": True}),
    case("GroupQueryAttention", (16, 64, 64), (16, 64, 64), head_dim=16, num_query_heads=4, num_key_value_heads=2),
    case("SimpleRNN", SEQUENCE, units=64),
    case("LSTM", SEQUENCE, units=64, _limit=RECURRENT_LIMIT),
    case("LSTM sequences", (64, 32, 128), units=128, return_sequences=True, _limit=RECURRENT_LIMIT),
    case("LSTM small", (32, 20, 8), units=16, _limit=RECURRENT_LIMIT),
    case("GRU", SEQUENCE, units=64, _limit=RECURRENT_LIMIT),
    case("GRU sequences", (64, 32, 128), units=128, return_sequences=True, _limit=RECURRENT_LIMIT),
    case("GRU small", (32, 20, 8), units=16, _limit=RECURRENT_LIMIT),
    case("ConvLSTM1D", (8, 10, 32, 8), filters=16, kernel_size=3, padding="same"),
    case("ConvLSTM2D", (4, 8, 16, 16, 8), filters=8, kernel_size=3, padding="same"),
    case("ConvLSTM3D", (2, 4, 6, 6, 6, 4), filters=4, kernel_size=3, padding="same"),
    case("Rescaling", IMAGES, scale=1 / 255),
]  # fmt: skip


class Program(NamedTuple):
    """A compiled function and its arguments."""

    compiled: Any
    arguments: tuple

    def __call__(self) -> Any:
        return self.compiled(*self.arguments)

    def text(self) -> str:
        """Return the program XLA made, without what names and places in the source contribute."""
        text = re.sub(r", metadata={[^}]*}", "", self.compiled.as_text())
        text = text[re.search(r"^(%|ENTRY)", text, re.MULTILINE).start() :]  # type: ignore[union-attr]
        names: dict[str, str] = {}
        return re.sub(r"%[\w.\-]+|[\w.\-]+(?=: )", lambda m: names.setdefault(m[0].lstrip("%"), f"%{len(names)}"), text)


def programs(
    library: Any, case: Case, inputs: list[np.ndarray], weights: list | None
) -> tuple[list[Program], list[np.ndarray]]:
    """Return the compiled forward call and the one that returns gradients as well, and the weights."""
    layer = getattr(library.layers, case.name.split()[0])(**case.options)
    arrays = [jnp.asarray(x) for x in inputs]
    options = case.calls or {}

    def arguments(arrays: list) -> tuple:
        return (list(arrays),) if case.as_list else tuple(arrays)

    layer(*arguments(arrays), **options)
    if weights is not None:
        layer.set_weights(weights)
    trainable = [variable.value for variable in layer.trainable_variables]
    others = [variable.value for variable in layer.non_trainable_variables]
    modes = {"training": True} if "training" in inspect.signature(layer.call).parameters else {}

    def forward(trainable: list, others: list, arrays: list) -> Any:
        return layer.stateless_call(trainable, others, *arguments(arrays), **options)[0]

    def loss(trainable: list, arrays: list, others: list) -> Any:
        outputs, new = layer.stateless_call(trainable, others, *arguments(arrays), **options, **modes)
        return jnp.sum(jnp.square(outputs)), new

    wanted = 0 if case.integers else (0, 1)
    calls = [
        (jax.jit(forward), (trainable, others, arrays)),
        (jax.jit(jax.value_and_grad(loss, wanted, has_aux=True)), (trainable, arrays, others)),
    ]
    return [Program(function.lower(*given).compile(), given) for function, given in calls], layer.get_weights()


def duration(function: Callable, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        result = function()
    jax.block_until_ready(result)
    return (time.perf_counter() - start) / count


def compare(ours: Program, theirs: Program, rounds: int, sample: float) -> dict[str, Any]:
    """Return the shortest times of two programs that take turns, in microseconds, and their ratio."""
    same = ours.text() == theirs.text()
    for function in (ours, theirs):
        jax.block_until_ready(function())
    count = max(1, int(sample / max(duration(ours, 3), 1e-7)))
    times: dict[str, list[float]] = {"kerasish": [], "keras": []}
    for index in range(rounds):
        turns = [("kerasish", ours), ("keras", theirs)]
        for name, function in turns if index % 2 else reversed(turns):
            times[name].append(duration(function, count))
    found: dict[str, Any] = {name: 1e6 * min(values) for name, values in times.items()}
    return found | {"ratio": found["keras"] / found["kerasish"], "same": same}


def measure(case: Case, rounds: int, sample: float) -> dict[str, dict[str, Any]]:
    """Compare the libraries on one layer, with the same weights and inputs."""
    rng = np.random.default_rng(0)
    inputs = [
        rng.integers(0, case.integers, shape) if case.integers else rng.normal(size=shape).astype("float32")
        for shape in case.shapes
    ]
    theirs, weights = programs(keras, case, inputs, None)
    ours, _ = programs(kerasish, case, inputs, weights)
    return {
        what: compare(a, b, rounds, sample)
        for what, a, b in zip(("forward", "forward and gradients"), ours, theirs, strict=True)
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layers", description=__doc__)
    parser.add_argument("words", nargs="*", help="measure only the layers whose names contain one of these")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each library (default: 15)")
    parser.add_argument("--sample", type=float, default=0.02, help="seconds that one turn lasts (default: 0.02)")
    options = parser.parse_args()
    machine = facts(os.cpu_count() or 1)
    results, slow = {}, []
    print(f"{'layer':28} {'':22} {'kerasish µs':>12} {'Keras µs':>12} {'ratio':>7}  limit")
    for item in CASES:
        if options.words and not any(word in item.name for word in options.words):
            continue
        results[item.name] = measure(item, options.rounds, options.sample)
        for what, found in results[item.name].items():
            limit = LIMIT if what == "forward" else item.limit
            found["limit"] = limit
            below = found["ratio"] < limit and not found["same"]
            mark = "  same program" if found["same"] else "  below" if below else ""
            slow += [f"{item.name}, {what}"] * below
            figures = f"{found['kerasish']:12.1f} {found['keras']:12.1f} {found['ratio']:7.2f}"
            print(f"{item.name:28} {what:22} {figures}  {limit}{mark}", flush=True)
    print(f"{len(results)} layers, below their limit: {', '.join(slow) or 'none'}")
    if not options.words:
        RESULTS.write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
