"""ReversibleEmbedding, compared with Keras's."""

import numpy as np
import pytest

from kerasish import layers
from kerasish.core import masks
from tests.layers.compare import assert_rejected, assert_same

TOKENS = np.array([[1, 2, 0], [3, 1, 1]])


@pytest.mark.parametrize("options", [{}, {"tie_weights": False, "logit_soft_cap": 2.0, "embeddings_regularizer": "l2"}])
def test_both_ways(options):
    sizes = {"input_dim": 5, "output_dim": 3}
    assert_same("ReversibleEmbedding", sizes | options, TOKENS, training=(None,))
    there_and_back = {"call_options": {"reverse": True}, "training": (None,), "symbolic": False}
    assert_same("ReversibleEmbedding", sizes | options, (2, 3, 3), **there_and_back)


def test_reverse_dtype():
    layer = layers.ReversibleEmbedding(5, 3, reverse_dtype="bfloat16")
    assert layer(layer(TOKENS), reverse=True).dtype == "bfloat16"


def test_mask_on_the_way_there_only():
    layer = layers.ReversibleEmbedding(5, 3, mask_zero=True)
    vectors = layer(TOKENS)
    np.testing.assert_array_equal(masks.get_mask(vectors), TOKENS != 0)


def test_refused():
    assert_rejected("ReversibleEmbedding", {"input_dim": 0, "output_dim": 2}, match="input_dim", keras_too=False)
    options = {"input_dim": 2, "output_dim": 2, "logit_soft_cap": -1.0}
    assert_rejected("ReversibleEmbedding", options, match="logit_soft_cap", keras_too=False)
