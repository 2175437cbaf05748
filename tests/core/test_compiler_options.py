"""Options for XLA's compiler: used where they are understood, and nowhere else."""

import jax
import numpy as np
import pytest
from jax import lax

import kerasish
from kerasish import layers
from kerasish.core.platform_forms import compiler

on_cpu = pytest.mark.skipif(jax.default_backend() != "cpu", reason="the options are for CPUs")


@pytest.fixture(autouse=True)
def asked_again():
    compiler.compiler_options.cache_clear()
    yield
    compiler.compiler_options.cache_clear()


def convolve(x, kernel):
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


@on_cpu
def test_convolutions_leave_ynnpack():
    options = compiler.compiler_options()
    if not options:
        pytest.skip("this jaxlib does not have the option")
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 8, 8, 32)).astype("float32"), rng.normal(size=(3, 3, 32, 32)).astype("float32")
    compiled = jax.jit(convolve, compiler_options=options).lower(x, kernel).compile()
    assert "__ynn_fusion" not in compiled.as_text()
    np.testing.assert_allclose(compiled(x, kernel), convolve(x, kernel), rtol=1e-5, atol=1e-4)


@on_cpu
def test_an_option_that_is_not_known_is_left_out(monkeypatch):
    monkeypatch.setattr(compiler, "_WITHOUT_CONVOLUTIONS", {"xla_cpu_option_that_nobody_has": "1"})
    assert compiler.compiler_options() is None


def test_flags_of_the_user_go_first(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_experimental_ynn_fusion_type=LIBRARY_FUSION_TYPE_REDUCE")
    assert compiler.compiler_options() is None


def test_other_platforms_get_none(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert compiler.compiler_options() is None


@on_cpu
def test_training_and_prediction_are_compiled_with_them(monkeypatch):
    asked, jit = [], jax.jit
    monkeypatch.setattr(
        jax, "jit", lambda *args, **options: asked.append(options.get("compiler_options")) or jit(*args, **options)
    )
    options = {"xla_cpu_enable_fast_min_max": False}
    monkeypatch.setattr("kerasish.training.step.compiler_options", lambda: options)
    model = kerasish.Sequential([kerasish.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=1, verbose=0)
    trained = asked.count(options)
    model.predict(np.ones((4, 2)), verbose=0)
    assert 0 < trained < asked.count(options)
