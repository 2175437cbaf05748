"""Fixtures of the tests about files."""

import jax
import pytest


@pytest.fixture(autouse=True)
def _quick_compilation():
    """Programs here run once or twice: XLA compiles them without its slower optimizations."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture
def witness(tmp_path):
    """A file that a proof of concept would make, were it run; it must never be there."""
    path = tmp_path / "witness"
    yield path
    assert not path.exists()
