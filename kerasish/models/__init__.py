"""Models: Sequential stacks, functional graphs and subclasses."""

from kerasish.core.registry import builtins
from kerasish.models.cloning import clone_model
from kerasish.models.files import load_model, model_from_json, save_model
from kerasish.models.model import Model
from kerasish.models.sequential import Sequential

builtins("keras", {"Sequential": Sequential})
builtins("keras.src.models.functional", {"Functional": Model})
builtins("keras.models", {"Sequential": Sequential, "Model": Model})

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
