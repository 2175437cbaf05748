"""Layers: the building blocks of models."""

from kerasish.core import registry
from kerasish.layers.core import Dense
from kerasish.layers.input import Input, InputLayer
from kerasish.layers.layer import Layer
from kerasish.layers.spec import InputSpec

__all__ = [
    "Dense",
    "Input",
    "InputLayer",
    "InputSpec",
    "Layer",
]

registry.builtins("keras.layers", {name: globals()[name] for name in __all__})
