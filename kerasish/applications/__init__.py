"""Networks known by name, with their published weights and with small ones that come in the package."""

from kerasish.applications import imagenet_utils, resnet, resnet50, resnet_v2, small_resnet
from kerasish.applications.resnet import ResNet50, ResNet101, ResNet152
from kerasish.applications.resnet_v2 import ResNet50V2, ResNet101V2, ResNet152V2
from kerasish.applications.small_resnet import ResNet8, ResNet14

__all__ = [
    "ResNet101",
    "ResNet101V2",
    "ResNet14",
    "ResNet152",
    "ResNet152V2",
    "ResNet50",
    "ResNet50V2",
    "ResNet8",
    "imagenet_utils",
    "resnet",
    "resnet50",
    "resnet_v2",
    "small_resnet",
]
