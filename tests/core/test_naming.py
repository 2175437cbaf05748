"""Automatic names and name scopes, against Keras's."""

import threading

import pytest

import kerasish
from kerasish.core import naming

keras = pytest.importorskip("keras")

from keras.src.utils import naming as keras_naming  # noqa: E402


@pytest.mark.parametrize(
    "name",
    "Dense Conv2D Conv2DTranspose LSTM LSTMCell BatchNormalization GRUCell2 MyLayer HTTPServer already_snake A aB "
    "GlobalAveragePooling2D ReLU RMSNormalization X1Y2 Café ELU _Private".split(),
)
def test_snake_case(name):
    assert naming.to_snake_case(name) == keras_naming.to_snake_case(name)


def test_names_count_up():
    keras.backend.clear_session(free_memory=False)
    for prefix in ("Dense", "dense", "Conv2D", "Dense"):
        assert naming.auto_name(prefix) == keras_naming.auto_name(prefix)
    assert naming.unique_name("x") == "x" and naming.unique_name("x") == "x_1"
    assert [naming.get_uid("y") for _ in range(2)] == [keras_naming.get_uid("y") for _ in range(2)] == [1, 2]
    assert naming.name_counts()["dense"] == 3
    naming.reset_names()
    assert naming.auto_name("Dense") == "dense" and naming.name_counts() == {"dense": 1}


def test_scopes_nest_and_end_with_an_exception():
    assert naming.current_path() == ""
    with pytest.raises(RuntimeError), kerasish.name_scope("a"), naming.name_scope("b"):
        assert naming.current_path() == "a/b"
        raise RuntimeError
    assert naming.current_path() == ""


def test_a_scope_of_the_innermost_owner_adds_nothing():
    owner, other = object(), object()
    with naming.name_scope("a", owner), naming.name_scope("a", owner):
        assert naming.current_path() == "a"
        with naming.name_scope("a", other), naming.name_scope("a", owner):
            assert naming.current_path() == "a/a/a"
        with naming.name_scope("a"), naming.name_scope("a"):
            assert naming.current_path() == "a/a/a"
    with naming.name_scope("b", owner):
        assert naming.current_path() == "b"


@pytest.mark.parametrize("name", ["a/b", 3, None])
def test_bad_scopes(name):
    with pytest.raises(ValueError, match="without '/'"), naming.name_scope(name):
        pass


def test_scopes_belong_to_a_thread():
    seen = []
    with naming.name_scope("main"):
        thread = threading.Thread(target=lambda: seen.append(naming.current_path()))
        thread.start()
        thread.join()
    assert seen == [""]
