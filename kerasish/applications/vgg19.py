"""VGG19: sixteen 3 x 3 convolutions with poolings between them, and three dense layers."""

from kerasish.applications.imagenet_utils import decode_predictions as decode_predictions
from kerasish.applications.vgg16 import network
from kerasish.applications.vgg16 import preprocess_input as preprocess_input

VGG19 = network("VGG19", (2, 2, 4, 4, 4), ("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"))
