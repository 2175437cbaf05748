"""get_source_inputs walks back to the tensors that nothing made."""

import kerasish
from kerasish import layers
from kerasish.utils import get_source_inputs


def test_all_inputs_of_a_tensor_once_and_in_order():
    first, second, other = (kerasish.Input((2,)) for _ in range(3))
    x = layers.Add()([layers.Dense(2)(first), second])
    found = get_source_inputs(layers.Add()([x, first]))
    assert [id(tensor) for tensor in found] == [id(first), id(second)]
    assert all(tensor is not other for tensor in found)
    assert get_source_inputs(first) == [first]
