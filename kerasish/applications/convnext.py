"""ConvNeXt: residual blocks of a 7 x 7 depthwise convolution and two dense layers, with layer normalization."""

import os
from collections.abc import Callable
from typing import Any

from kerasish import layers
from kerasish.applications.architecture import Request, channel_axis, documented, published_files
from kerasish.applications.efficientnet_v2 import PREPROCESSING
from kerasish.applications.imagenet_utils import decode_predictions as decode_predictions
from kerasish.core.symbolic import KerasTensor
from kerasish.layers.residual import LayerScale
from kerasish.models import Model, Sequential

SOURCE = "Liu et al., 2022, https://arxiv.org/abs/2201.03545"
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/convnext/"
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SIZE = 224
# sha256 of the published weights with and without the classifier.
_HASHES = {
    "convnext_tiny": (
        "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    ),
    "convnext_small": (
        "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
        "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
    ),
    "convnext_base": (
        "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
        "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
    ),
    "convnext_large": (
        "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
        "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
    ),
    "convnext_xlarge": (
        "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
        "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
    ),
}


def _normalization(name: str | None = None) -> layers.LayerNormalization:
    return layers.LayerNormalization(epsilon=1e-6, name=name)


def _halving(stage: int, filters: int, name: str) -> Sequential:
    """Return what comes before a stage: a quarter of the size before the first, half before the others."""
    if stage == 0:
        parts = [
            layers.Conv2D(filters, 4, strides=4, name=f"{name}_stem_conv"),
            _normalization(f"{name}_stem_layernorm"),
        ]
        return Sequential(parts, name=f"{name}_stem")
    parts = [
        _normalization(f"{name}_downsampling_layernorm_{stage - 1}"),
        layers.Conv2D(filters, 2, strides=2, name=f"{name}_downsampling_conv_{stage - 1}"),
    ]
    return Sequential(parts, name=f"{name}_downsampling_block_{stage - 1}")


def _block(x: KerasTensor, name: str) -> KerasTensor:
    shortcut, filters = x, x.shape[-1]
    x = layers.Conv2D(filters, 7, padding="same", groups=filters, name=f"{name}_depthwise_conv")(x)
    x = _normalization(f"{name}_layernorm")(x)
    x = layers.Dense(4 * filters, name=f"{name}_pointwise_conv_1")(x)
    x = layers.Activation("gelu", name=f"{name}_gelu")(x)
    x = layers.Dense(filters, name=f"{name}_pointwise_conv_2")(x)
    x = LayerScale(1e-6, filters, name=f"{name}_layer_scale")(x)
    return shortcut + layers.Activation("linear", name=f"{name}_identity")(x)


def _outputs(request: Request, x: KerasTensor, blocks: tuple[int, ...], width: int, preprocess: bool) -> KerasTensor:
    name = request.name
    if preprocess and x.shape[-1] == 3:
        x = layers.Normalization(
            mean=[255 * mean for mean in _MEAN],
            variance=[(255 * deviation) ** 2 for deviation in _DEVIATION],
            name=f"{name}_prestem_normalization",
        )(x)
    for stage, number in enumerate(blocks):
        x = _halving(stage, width * 2**stage, name)(x)
        for block in range(number):
            x = _block(x, f"{name}_stage_{stage}_block_{block}")
    if not request.include_top:
        return _normalization()(request.pooled(x, avg_name=None, max_name=None))
    x = layers.GlobalAveragePooling2D(name=f"{name}_head_gap")(x)
    return request.classified(_normalization(f"{name}_head_layernorm")(x), name=f"{name}_head_dense")


def _network(title: str, own_name: str, blocks: tuple[int, ...], width: int) -> Callable[..., Model]:
    file = published_files(_URL, own_name, _HASHES[own_name])

    def construct(
        include_top: bool = True,
        include_preprocessing: bool = True,
        weights: str | os.PathLike | None = "imagenet",
        input_tensor: KerasTensor | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: str | Callable | None = "softmax",
        name: str = own_name,
    ) -> Model:
        request = Request(
            include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        )
        if channel_axis() != -1:
            raise ValueError(f"{name}: images must be channels_last; call `set_image_data_format('channels_last')`.")
        image = request.image(_SIZE)
        return request.model(
            image, _outputs(request, image, blocks, width, include_preprocessing), lambda: file(include_top)
        )

    return documented(construct, title, SOURCE, _SIZE, own=(PREPROCESSING,))


# Blocks in each of the four stages, and the width of the first, which doubles from stage to stage.
ConvNeXtTiny = _network("ConvNeXtTiny", "convnext_tiny", (3, 3, 9, 3), 96)
ConvNeXtSmall = _network("ConvNeXtSmall", "convnext_small", (3, 3, 27, 3), 96)
ConvNeXtBase = _network("ConvNeXtBase", "convnext_base", (3, 3, 27, 3), 128)
ConvNeXtLarge = _network("ConvNeXtLarge", "convnext_large", (3, 3, 27, 3), 192)
ConvNeXtXLarge = _network("ConvNeXtXLarge", "convnext_xlarge", (3, 3, 27, 3), 256)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return the images as they are: by default the networks scale images of 0..255 themselves."""
    return x
