"""ResNet: residual blocks of three convolutions, activation after the sum."""

import functools
from collections.abc import Callable
from typing import Any

from kerasish import layers
from kerasish.applications import imagenet_utils
from kerasish.applications.architecture import channel_axis, published_files, standard
from kerasish.applications.imagenet_utils import decode_predictions as decode_predictions
from kerasish.core.symbolic import KerasTensor

SOURCE = "He, Zhang, Ren and Sun, 2015, https://arxiv.org/abs/1512.03385"
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
_EPSILON = 1.001e-5
# md5 of the file with and without the classifier.
_HASHES = {
    "resnet50": ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
    "resnet101": ("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
    "resnet152": ("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
    "resnet50v2": ("3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"),
    "resnet101v2": ("6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"),
    "resnet152v2": ("a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"),
}
# Blocks in each of the four stages.
STAGES = {"50": (3, 4, 6, 3), "101": (3, 4, 23, 3), "152": (3, 8, 36, 3)}


def normalized(x: KerasTensor, name: str, activation: str) -> KerasTensor:
    """Batch normalization `{name}_bn`, then relu in a layer named `activation`."""
    x = layers.BatchNormalization(axis=channel_axis(), epsilon=_EPSILON, name=f"{name}_bn")(x)
    return layers.Activation("relu", name=activation)(x)


def stem(x: KerasTensor, normalize: bool) -> KerasTensor:
    """A 7 x 7 convolution and a max pooling: a quarter of the size."""
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    if normalize:
        x = normalized(x, "conv1", "conv1_relu")
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def _block(x: KerasTensor, filters: int, stride: int, project: bool, name: str) -> KerasTensor:
    def convolved(x: KerasTensor, part: int, filters: int, size: int, **options: Any) -> KerasTensor:
        x = layers.Conv2D(filters, size, name=f"{name}_{part}_conv", **options)(x)
        return layers.BatchNormalization(axis=channel_axis(), epsilon=_EPSILON, name=f"{name}_{part}_bn")(x)

    shortcut = convolved(x, 0, 4 * filters, 1, strides=stride) if project else x
    x = layers.Activation("relu", name=f"{name}_1_relu")(convolved(x, 1, filters, 1, strides=stride))
    x = layers.Activation("relu", name=f"{name}_2_relu")(convolved(x, 2, filters, 3, padding="same"))
    x = layers.Add(name=f"{name}_add")([shortcut, convolved(x, 3, 4 * filters, 1)])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _body(stages: tuple[int, ...], x: KerasTensor) -> KerasTensor:
    x = stem(x, normalize=True)
    for stage, blocks in enumerate(stages):
        for block in range(blocks):
            first = block == 0
            stride = 2 if first and stage else 1
            x = _block(x, 64 * 2**stage, stride, project=first, name=f"conv{stage + 2}_block{block + 1}")
    return x


def network(title: str, body: Callable, stages: tuple[int, ...], source: str) -> Any:
    """Return the constructor of a ResNet or ResNetV2 with these stages."""
    model = title.lower()
    file = published_files(_URL, f"{model}_weights_tf_dim_ordering_tf_kernels", _HASHES[model])
    return standard(title, functools.partial(body, stages), source=source, file=file)


ResNet50 = network("ResNet50", _body, STAGES["50"], SOURCE)
ResNet101 = network("ResNet101", _body, STAGES["101"], SOURCE)
ResNet152 = network("ResNet152", _body, STAGES["152"], SOURCE)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return RGB images in 0..255 as BGR with the mean of ImageNet taken off; see `imagenet_utils.preprocess_input`."""
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="caffe")
