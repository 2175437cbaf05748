"""Networks with `image_data_format="channels_first"` compute what they compute with the channels last."""

import numpy as np
import pytest

import kerasish
from kerasish.applications import (
    convnext,
    densenet,
    efficientnet,
    efficientnet_v2,
    inception_resnet_v2,
    inception_v3,
    mobilenet,
    mobilenet_v2,
    mobilenet_v3,
    nasnet,
    vgg16,
    xception,
)
from kerasish.applications.architecture import standard


def inception_body(x):
    x = inception_v3.mixed(inception_v3.stem(x), "a", [[(8, 1)], [(4, 1), (8, (1, 7)), (8, (7, 1))]], 4)
    return inception_v3._crossed(inception_v3.reduced(x, "b", [[(4, 1), (8, 3)]]))


def inception_resnet_body(x):
    return inception_resnet_v2._block(inception_v3.stem(x), [[(8, 1)], [(4, 1), (8, 3)]], 0.2, "c")


def efficientnet_v2_small(patch):
    stage = efficientnet_v2._Stage
    stages = (stage(True, 2, 24, 1, 1), stage(True, 1, 32, 4, 2), stage(False, 2, 32, 4, 2))
    patch.setitem(efficientnet_v2._SCALES, "B0", efficientnet_v2._SCALES["B0"]._replace(stages=stages))
    return efficientnet_v2._network("B0")


# Networks with all kinds of blocks that they have, but few of them.
SMALL = {
    "DenseNet": lambda patch: densenet._network("DenseNet9", (1, 1), ()),
    "EfficientNet": lambda patch: (
        patch.setattr(efficientnet, "_STAGES", efficientnet._STAGES[:2]) or efficientnet.EfficientNetB0
    ),
    "EfficientNetV2": efficientnet_v2_small,
    "InceptionResNetV2": lambda patch: standard("Small", inception_resnet_body, source="", file=None),
    "InceptionV3": lambda patch: standard("Small", inception_body, source="", file=None),
    "MobileNet": lambda patch: patch.setattr(mobilenet, "_PAIRS", ((64, 1), (128, 2))) or mobilenet.MobileNet,
    "MobileNetV2": lambda patch: patch.setattr(mobilenet_v2, "_STAGES", ((24, 2, 2),)) or mobilenet_v2.MobileNetV2,
    "MobileNetV3": lambda patch: mobilenet_v3._network("MobileNetV3Tiny", mobilenet_v3._SMALL[2:5], 32, ""),
    "VGG": lambda patch: vgg16.network("VGG6", (1, 1), ()),
    "Xception": lambda patch: (
        patch.setattr(xception, "_BLOCKS", ((32, 32), (32, 32, 32), (48, 64))) or xception.Xception
    ),
}


@pytest.fixture()
def channels_first():
    yield lambda: kerasish.config.set_image_data_format("channels_first")
    kerasish.config.set_image_data_format("channels_last")


@pytest.mark.parametrize("name", SMALL)
def test_channels_first(name, channels_first, monkeypatch):
    network = SMALL[name](monkeypatch)
    size = 71 if name in ("Xception", "InceptionV3", "InceptionResNetV2") else 32
    top = name in ("MobileNet", "MobileNetV3")
    arguments = {"weights": None, "include_top": top, "pooling": "max", "classes": 5}
    last = network(input_shape=(size, size + 1, 3), **arguments)
    generator = np.random.default_rng(0)
    for weight in last.weights:
        scale = np.sqrt(2 / max(np.prod(weight.shape[:-1]), 1)) if len(weight.shape) > 1 else 0.1
        weight.assign(scale * generator.standard_normal(weight.shape) + (weight.path.endswith(("variance", "gamma"))))
    channels_first()
    first = network(input_shape=(3, size, size + 1), **arguments)
    first.set_weights(last.get_weights())
    x = generator.uniform(0, 255, (2, size, size + 1, 3)).astype("float32")
    expected = last.predict(x, verbose=0)
    assert np.ptp(expected) > 0
    received = first.predict(x.transpose(0, 3, 1, 2), verbose=0)
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("network", [convnext.ConvNeXtTiny, nasnet.NASNetMobile])
def test_networks_for_channels_last_alone(network, channels_first):
    channels_first()
    with pytest.raises(ValueError, match="channels_last"):
        network(weights=None)
