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
