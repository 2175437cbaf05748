"""StringLookup and IntegerLookup, compared with what Keras returns with TensorFlow."""

from tests.layers.references import assert_as_keras, cases


@cases("StringLookup", "IntegerLookup")
def test_as_keras(case):
    assert_as_keras(case)
