"""Optimizers that treat a variable as a matrix: Adafactor and Muon."""

import re
from collections.abc import Sequence
from typing import Any, Unpack

import jax
import jax.numpy as jnp

from kerasish.core.variable import Variable
from kerasish.optimizers.optimizer import OptimizerOptions, takes_options
from kerasish.optimizers.rule import Rule, Slots
from kerasish.optimizers.state import LearningRate


class Adafactor(Rule):
    """Adafactor: Adam without momentum, whose mean squares are kept as the means of rows and columns.

        b = 1 - t^beta_2_decay;  s = g^2 + epsilon_1
        r <- b * r + (1 - b) * mean(s, -1);  c <- b * c + (1 - b) * mean(s, -2)
        v = r / mean(r, -1) x c                  v <- b * v + (1 - b) * s for vectors and scalars
        u = g / sqrt(v);  u <- u / max(1, rms(u) / clip_threshold)
        w <- w - max(epsilon_2, rms(w)) * min(lr, 1 / sqrt(t)) * u

    Args:
        learning_rate: the learning rate `lr`; see `Optimizer`.
        beta_2_decay: exponent of the decay of the means.
        epsilon_1: small number that keeps the squares from 0.
        epsilon_2: smallest scale of the weights.
        clip_threshold: largest root mean square of the step, before the learning rate.
        relative_step: kept in the config; as in Keras the rate is at most `1 / sqrt(t)` either way.
        **options: the other arguments of `Optimizer`.

    Reference:
        [Shazeer et al., 2018](https://arxiv.org/abs/1804.04235)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def build(self, variables: Sequence[Variable]) -> None:
        if not self._is_new(variables):
            return
        variables = self._merged(variables)
        super().build(variables)
        for variable in variables:
            name, shape = variable.name, variable.shape
            if len(shape) < 2:
                # Nothing to factor, but files have two numbers in the place of the means.
                self._slot(variable, "no_rows", name, (), "int32")
                self._slot(variable, "no_columns", name, (), "int32")
            elif not self._overwrite_variable_with_gradient(variable):
                self._slot(variable, "rows", name, shape[:-1], variable.dtype)
                self._slot(variable, "columns", name, (*shape[:-2], shape[-1]), variable.dtype)
            if not self._overwrite_variable_with_gradient(variable):
                self.add_variable_from_reference(variable, "velocity")

    def shared(self, learning_rate: jax.Array, step: jax.Array) -> tuple:
        return jnp.minimum(learning_rate, 1 / jnp.sqrt(step)), 1 - step**self.beta_2_decay

    def rule(
        self, gradient: jax.Array, weight: jax.Array, slots: Slots, rate: jax.Array, decay: jax.Array
    ) -> tuple[jax.Array, Slots]:
        squares = jnp.square(gradient) + self.epsilon_1
        new = {}
        if weight.ndim >= 2:
            rows = new["rows"] = decay * slots["rows"] + (1 - decay) * jnp.mean(squares, -1)
            columns = new["columns"] = decay * slots["columns"] + (1 - decay) * jnp.mean(squares, -2)
            relative = rows / jnp.mean(rows, -1, keepdims=True)
            velocity = relative[..., :, None] * columns[..., None, :]
        else:
            velocity = decay * slots["velocity"] + (1 - decay) * squares
        new["velocity"] = velocity
        step = gradient / jnp.sqrt(velocity)
        step = step / jnp.maximum(1.0, _root_mean_square(step) / self.clip_threshold)
        return weight - jnp.maximum(self.epsilon_2, _root_mean_square(weight)) * rate * step, new

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_2_decay": self.beta_2_decay,
            "epsilon_1": self.epsilon_1,
            "epsilon_2": self.epsilon_2,
            "clip_threshold": self.clip_threshold,
            "relative_step": self.relative_step,
        }


def _root_mean_square(x: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.mean(jnp.square(x)))


class Muon(Rule):
    """Muon: for matrices, momentum made orthogonal by Newton-Schulz iterations; AdamW for everything else.

        m <- momentum * m + g;  d = g + momentum * m     d = m without nesterov
        x = d / |d|;  ns_steps times: a = x x^T;  x <- muon_a * x + (muon_b * a + muon_c * a a) x
        w <- w - lr * rms_rate * sqrt(max(rows, columns)) * x

    Matrices are orthogonalized unless their path names an embedding or matches one of `exclude_layers`; exclude the
    output layer, as in `exclude_layers=["output_dense"]`.

    Args:
        learning_rate: the learning rate `lr`; see `Optimizer`.
        adam_beta_1: decay of Adam's mean.
        adam_beta_2: decay of Adam's mean square.
        adam_weight_decay: weight decay of the variables that AdamW updates; None for none.
        epsilon: small number added to Adam's root.
        weight_decay: weight decay of the orthogonalized matrices; None for none.
        exclude_layers: regular expressions; variables whose path contains a match are left to AdamW.
        exclude_embeddings: whether variables with "embedding" in their path are left to AdamW.
        muon_a: first coefficient of the iteration.
        muon_b: second coefficient.
        muon_c: third coefficient.
        adam_lr_ratio: learning rate of AdamW as a multiple of `lr`.
        momentum: decay of the momentum of matrices.
        ns_steps: number of iterations.
        nesterov: whether to look one step ahead.
        rms_rate: scale of the steps that makes Adam's learning rate and weight decay fit; None for `lr * x`.
        **options: the other arguments of `Optimizer`.

    Reference:
        [Jordan, 2024](https://github.com/KellerJordan/Muon), [Liu et al., 2025](https://arxiv.org/abs/2502.16982)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        *,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **options)
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = list(exclude_layers or [])
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def _should_use_adamw(self, variable: Variable) -> bool:
        if variable.ndim != 2 or (self.exclude_embeddings and "embedding" in variable.path.lower()):
            return True
        return any(re.search(pattern, variable.path) for pattern in self.exclude_layers)

    def build(self, variables: Sequence[Variable]) -> None:
        if not self._is_new(variables):
            return
        variables = self._merged(variables)
        super().build(variables)
        for variable in variables:
            if not self._overwrite_variable_with_gradient(variable):
                self.add_variable_from_reference(variable, "momentum")
                if self._should_use_adamw(variable):
                    self.add_variable_from_reference(variable, "velocity")

    def _weight_decay_of(self, variable: Variable) -> float | None:
        if not self._use_weight_decay(variable):
            return None
        return self.adam_weight_decay if self._should_use_adamw(variable) else self.weight_decay

    def shared(self, learning_rate: jax.Array, step: jax.Array) -> tuple:
        adam = jnp.sqrt(1 - self.adam_beta_2**step) / (1 - self.adam_beta_1**step)
        return learning_rate, learning_rate * self.adam_lr_ratio * adam

    def rule(
        self, gradient: jax.Array, weight: jax.Array, slots: Slots, learning_rate: jax.Array, adam_rate: jax.Array
    ) -> tuple[jax.Array, Slots]:
        momentum = slots["momentum"]
        if "velocity" in slots:
            momentum = momentum + (gradient - momentum) * (1 - self.adam_beta_1)
            velocity = slots["velocity"] + (jnp.square(gradient) - slots["velocity"]) * (1 - self.adam_beta_2)
            step = adam_rate * momentum / (jnp.sqrt(velocity) + self.epsilon)
            return weight - step, {"momentum": momentum, "velocity": velocity}
        momentum = self.momentum * momentum + gradient
        ahead = gradient + self.momentum * momentum if self.nesterov else momentum
        scale = 1.0 if self.rms_rate is None else max(weight.shape) ** 0.5 * self.rms_rate
        return weight - learning_rate * scale * self._orthogonalized(ahead), {"momentum": momentum}

    def _orthogonalized(self, x: jax.Array) -> jax.Array:
        """Return a matrix with the singular vectors of `x` and singular values near 1."""
        is_tall = x.shape[0] > x.shape[1]
        x = x.T if is_tall else x  # the smaller product
        x = x / (jnp.linalg.norm(x) + 1e-7)
        for _ in range(self.ns_steps):
            squared = x @ x.T
            x = self.muon_a * x + (self.muon_b * squared + self.muon_c * squared @ squared) @ x
        return x.T if is_tall else x

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "adam_beta_1": self.adam_beta_1,
            "adam_beta_2": self.adam_beta_2,
            "epsilon": self.epsilon,
            "exclude_layers": self.exclude_layers,
            "muon_a": self.muon_a,
            "muon_b": self.muon_b,
            "muon_c": self.muon_c,
            "adam_lr_ratio": self.adam_lr_ratio,
            "momentum": self.momentum,
            "ns_steps": self.ns_steps,
            "nesterov": self.nesterov,
            "exclude_embeddings": self.exclude_embeddings,
            "adam_weight_decay": self.adam_weight_decay,
            "rms_rate": self.rms_rate,
        }
