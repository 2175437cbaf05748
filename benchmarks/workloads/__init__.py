"""What is measured: the contestants, figure and limits of each workload, which is the module here of the same name."""

from pathlib import Path
from typing import NamedTuple


class Limit(NamedTuple):
    """A bound: `contestant <= factor * other + margin` in the workload's figure."""

    contestant: str
    other: str | None
    factor: float = 1.0
    margin: float = 0.0
    figure: str = ""


class Workload(NamedTuple):
    """Contestants (name of a function of the module -> packages it needs), the figure they are compared by, limits."""

    title: str
    contestants: dict[str, tuple[str, ...]]
    figure: str
    unit: str
    limits: tuple[Limit, ...] = ()
    repetitions: int = 3


KERASISH, KERAS = {"kerasish": ("kerasish",)}, {"keras": ("keras",)}
FUSED = {"keras_fused": ("keras",)}
TORCH, FLAX = {"torch": ("torch",)}, {"flax": ("flax", "optax")}


def _times_faster(factor: float) -> tuple[Limit, ...]:
    """Return the limits of a network: so many times faster than Keras at its best setting, and ahead of PyTorch."""
    return (*(Limit("kerasish", name, 1 / factor) for name in ("keras", "keras_fused")), Limit("kerasish", "torch"))


WORKLOADS: dict[str, Workload] = {
    "imports": Workload(
        "Import (kerasish: with layers, models and training loop, which load on first use)",
        {"jax": ("jax",), **KERASISH, "kerasish_bare": ("kerasish",), **KERAS, **TORCH, **FLAX},
        "seconds",
        "s",
        (Limit("kerasish", "jax", 1.0, 0.2), Limit("kerasish_bare", "jax", 1.0, 0.2)),
        repetitions=5,
    ),
    "first_step": Workload(
        "Process start to first finished training step, MNIST-size convnet",
        {**KERASISH, **KERAS},
        "seconds",
        "s",
        (Limit("kerasish", "keras", 0.6),),
        repetitions=5,
    ),
    "tiny_mlp": Workload(
        "Epoch of a tiny MLP (32 → 64 → 1, 100,000 rows, batch 32)",
        {**KERASISH, **KERAS, "keras_32": ("keras",), "jax_scan": ("jax",), "jax_singly": ("jax",), **TORCH, **FLAX},
        "seconds",
        "s",
        (Limit("kerasish", "jax_scan", 1.2),),
    ),
    "tabular": Workload(
        "Epoch of a tabular MLP with dropout (32,561 × 14, batch 64)",
        {**KERASISH, **KERAS, **FUSED, **TORCH},
        "seconds",
        "s",
        _times_faster(2),
    ),
    "convnet": Workload(
        "Epoch of an MNIST-size convnet (2,048 images, batch 128)",
        {**KERASISH, **KERAS, **FUSED, "jax_singly": ("jax",), **TORCH, **FLAX},
        "seconds",
        "s",
        (Limit("kerasish", "jax_singly", 1.05), *_times_faster(2.5)),
    ),
    "small_resnet": Workload(
        "Epoch of a small ResNet with batch normalization (1,024 images of 32 × 32, batch 64)",
        {**KERASISH, **KERAS, **FUSED, **TORCH},
        "seconds",
        "s",
        _times_faster(1.5),
    ),
    "mobilenet": Workload(
        "Epoch of MobileNetV2, all of it trained (256 images of 96 × 96, batch 32)",
        {**KERASISH, **KERAS, **FUSED, **TORCH},
        "seconds",
        "s",
        _times_faster(4),
    ),
    "mobilenet_head": Workload(
        "Epoch of a head on a frozen MobileNetV2 (512 images of 96 × 96, batch 32)",
        {**KERASISH, **KERAS, **FUSED, **TORCH},
        "seconds",
        "s",
        _times_faster(6),
    ),
    "lstm": Workload(
        "Epoch of an LSTM classifier (4,096 sequences of 80 words, batch 64)",
        {**KERASISH, **KERAS, **FUSED, **TORCH},
        "seconds",
        "s",
        _times_faster(1.2),
    ),
    "transformer": Workload(
        "Epoch of a small transformer (2,048 sequences of 64 words, batch 32)",
        {**KERASISH, **KERAS, **FUSED, **TORCH},
        "seconds",
        "s",
        _times_faster(1.1),
    ),
    "resnet_build": Workload(
        "ResNet50 built with random weights (25.6 million)",
        {**KERASISH, **KERAS, "numpy": ()},
        "seconds",
        "s",
        (Limit("kerasish", "keras", 0.1),),
    ),
    "efficientnet_build": Workload(
        "EfficientNetB0 built with random weights (5.3 million)",
        {**KERASISH, **KERAS, "numpy": ()},
        "seconds",
        "s",
        (Limit("kerasish", "keras", 0.1),),
    ),
    "predict_row": Workload(
        "`predict` of one row",
        {**KERASISH, **KERAS, "jax_jit": ("jax",)},
        "microseconds",
        "µs",
        (Limit("kerasish", "jax_jit", 1.0, 60.0),),
        repetitions=5,
    ),
    "eager_dense": Workload(
        "Eager call of a built Dense",
        {**KERASISH, **KERAS},
        "microseconds",
        "µs",
        (Limit("kerasish", None, margin=25, figure="python_calls"),),
        repetitions=5,
    ),
}

# What the functions of the workloads are called in tables.
LABELS = {
    "kerasish": "kerasish",
    "kerasish_bare": "kerasish, nothing of it used",
    "keras": "Keras",
    "keras_32": "Keras, steps_per_execution=32",
    "keras_fused": "Keras, an epoch per execution",
    "jax": "JAX",
    "jax_jit": "JAX, bare jitted call",
    "jax_scan": "JAX by hand, whole epoch in a scan",
    "jax_singly": "JAX by hand, step by step",
    "numpy": "NumPy, initial values only",
    "torch": "PyTorch",
    "flax": "Flax NNX, Optax",
}


def digits_file() -> Path:
    """Return the packaged digits, without importing the package."""
    return Path(__file__).parents[2] / "kerasish" / "datasets" / "digits_8x8.npz"
