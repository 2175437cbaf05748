"""Models: Sequential stacks, functional graphs and subclasses."""

from kerasish.core.registry import builtins
from kerasish.models.cloning import clone_model
from kerasish.models.feature_space import Cross, Feature, FeatureSpace, TFDIdentity
from kerasish.models.files import load_model, model_from_json, save_model
from kerasish.models.model import Model
from kerasish.models.sequential import Sequential

builtins("keras", {"Sequential": Sequential})
builtins("keras.src.models.functional", {"Functional": Model})
builtins("keras.models", {"Sequential": Sequential, "Model": Model})
builtins("keras.utils", {"FeatureSpace": FeatureSpace})
builtins(
    "keras.src.layers.preprocessing.feature_space", {"Cross": Cross, "Feature": Feature, "TFDIdentity": TFDIdentity}
)

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
