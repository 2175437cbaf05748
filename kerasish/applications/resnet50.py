"""The older name of `kerasish.applications.resnet`, for ResNet50 alone."""

from kerasish.applications.resnet import ResNet50, decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]
