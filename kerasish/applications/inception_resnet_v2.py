"""InceptionResNetV2: parallel branches whose sum with the input, weighed by a small constant, goes on."""

from collections.abc import Sequence

from kerasish import layers
from kerasish.applications.architecture import channel_axis, published_files, standard
from kerasish.applications.imagenet_utils import decode_predictions as decode_predictions
from kerasish.applications.inception_v3 import Branch, branch, concatenated, convolved, end, mixed, reduced, stem
from kerasish.applications.inception_v3 import preprocess_input as preprocess_input
from kerasish.core.symbolic import KerasTensor
from kerasish.layers.residual import CustomScaleLayer

SOURCE = "Szegedy, Ioffe, Vanhoucke and Alemi, 2016, https://arxiv.org/abs/1602.07261"
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/inception_resnet_v2/"
# md5 of the published weights with and without the classifier.
_HASHES = ("e693bd0210a403b3192acc6073ad2e96", "d19885ff4a710c122648d3b5c3b684e4")
_FILES = published_files(_URL, "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels", _HASHES)


def _block(x: KerasTensor, branches: Sequence[Branch], scale: float, name: str, activate: bool = True) -> KerasTensor:
    together = concatenated([branch(x, convolutions) for convolutions in branches], f"{name}_mixed")
    residual = layers.Conv2D(x.shape[channel_axis()], 1, padding="same", name=f"{name}_conv")(together)
    x = CustomScaleLayer(scale)([x, residual])
    return layers.Activation("relu", name=f"{name}_ac")(x) if activate else x


def _body(x: KerasTensor) -> KerasTensor:
    x = mixed(stem(x), "mixed_5b", [[(96, 1)], [(48, 1), (64, 5)], [(64, 1), (96, 3), (96, 3)]], 64)
    for block in range(1, 11):
        branches = [[(32, 1)], [(32, 1), (32, 3)], [(32, 1), (48, 3), (64, 3)]]
        x = _block(x, branches, 0.17, f"block35_{block}")
    x = reduced(x, "mixed_6a", [[(384, 3)], [(256, 1), (256, 3), (384, 3)]])
    for block in range(1, 21):
        x = _block(x, [[(192, 1)], [(128, 1), (160, (1, 7)), (192, (7, 1))]], 0.1, f"block17_{block}")
    x = reduced(x, "mixed_7a", [[(256, 1), (384, 3)], [(256, 1), (288, 3)], [(256, 1), (288, 3), (320, 3)]])
    for block in range(1, 11):
        last = block == 10
        branches = [[(192, 1)], [(192, 1), (224, (1, 3)), (256, (3, 1))]]
        x = _block(x, branches, 1.0 if last else 0.2, f"block8_{block}", activate=not last)
    return convolved(x, 1536, 1, "conv_7b")


InceptionResNetV2 = standard(
    "InceptionResNetV2", _body, source=SOURCE, file=_FILES, size=299, minimum=75, end=end,
    model_name="inception_resnet_v2",
)  # fmt: skip
