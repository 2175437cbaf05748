"""Layers: the building blocks of models."""

from kerasish.core import registry
from kerasish.layers.core import Dense, Embedding, Identity, Lambda, Masking
from kerasish.layers.einsum_dense import EinsumDense
from kerasish.layers.input import Input, InputLayer
from kerasish.layers.layer import Layer
from kerasish.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from kerasish.layers.spec import InputSpec

__all__ = [
    "Add",
    "Average",
    "Concatenate",
    "Dense",
    "Dot",
    "EinsumDense",
    "Embedding",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "Lambda",
    "Layer",
    "Masking",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]

registry.builtins("keras.layers", {name: globals()[name] for name in __all__})
