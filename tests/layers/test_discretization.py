"""Discretization and CategoryEncoding, compared with what Keras returns with TensorFlow."""

from tests.layers.references import assert_as_keras, cases


@cases("Discretization", "CategoryEncoding")
def test_as_keras(case):
    assert_as_keras(case)
