"""Adam and its relatives: steps from moving averages of the gradient and of its square."""

from collections.abc import Sequence
from typing import Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core.config import floatx
from kerasish.core.variable import Variable, unwrap
from kerasish.optimizers.gradients import compute_dtype
from kerasish.optimizers.optimizer import OptimizerOptions, takes_options
from kerasish.optimizers.rule import Rule, Slots
from kerasish.optimizers.state import LearningRate


class _Moments(Rule):
    """What optimizers with decay rates `beta_1`, `beta_2` and an `epsilon` have in common."""

    beta_1: float
    beta_2: float
    epsilon: float

    def slot_groups(self) -> list[list[str]]:
        return [["momentum", "velocity"]]

    def _moments(self, gradient: jax.Array, slots: Slots) -> Slots:
        momentum, velocity = slots["momentum"], slots["velocity"]
        return {
            "momentum": momentum + (gradient - momentum) * (1 - self.beta_1),
            "velocity": velocity + (jnp.square(gradient) - velocity) * (1 - self.beta_2),
        }

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


class Adam(_Moments):
    """Adam: momentum divided by the root of the mean square, both corrected for starting at zero.

        m <- beta_1 * m + (1 - beta_1) * g
        v <- beta_2 * v + (1 - beta_2) * g^2
        w <- w - lr * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)

    Args:
        learning_rate: the learning rate `lr`; see `Optimizer`.
        beta_1: decay of the mean.
        beta_2: decay of the mean square.
        epsilon: small number added to the root ("epsilon hat" of the paper).
        amsgrad: whether to divide by the largest `v` so far.
        **options: the other arguments of `Optimizer`.

    Reference:
        [Kingma et al., 2014](http://arxiv.org/abs/1412.6980),
        [Reddi et al., 2018](https://openreview.net/pdf?id=ryQu7f-RZ) for amsgrad.
    """

    @takes_options
    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad

    def slot_groups(self) -> list[list[str]]:
        return [["momentum", "velocity"], *([["velocity_hat"]] if self.amsgrad else [])]

    def shared(self, learning_rate: jax.Array, step: jax.Array) -> tuple:
        return (learning_rate * jnp.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step),)

    def rule(self, gradient: jax.Array, weight: jax.Array, slots: Slots, rate: jax.Array) -> tuple[jax.Array, Slots]:
        new = self._moments(gradient, slots)
        velocity = new["velocity"]
        if self.amsgrad:
            velocity = new["velocity_hat"] = jnp.maximum(slots["velocity_hat"], velocity)
        return weight - rate * new["momentum"] / (jnp.sqrt(velocity) + self.epsilon), new

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "amsgrad": self.amsgrad}


class AdamW(Adam):
    """Adam with weight decay that is kept apart from the gradient.

    Args:
        learning_rate: the learning rate; see `Optimizer`.
        weight_decay: weights are multiplied by `1 - learning_rate * weight_decay` before each step of Adam.
        beta_1: decay of the mean.
        beta_2: decay of the mean square.
        epsilon: small number added to the root.
        amsgrad: whether to divide by the largest mean square so far.
        **options: the other arguments of `Optimizer`.

    Reference:
        [Loshchilov et al., 2019](https://arxiv.org/abs/1711.05101)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        if weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float. Received: weight_decay=None")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **options)


class Adamax(Rule):
    """Adamax: Adam with the largest instead of the root mean square gradient.

        m <- beta_1 * m + (1 - beta_1) * g
        u <- max(beta_2 * u, |g|)
        w <- w - lr / (1 - beta_1^t) * m / (u + epsilon)

    Args:
        learning_rate: the learning rate `lr`; see `Optimizer`.
        beta_1: decay of the mean.
        beta_2: decay of the maximum.
        epsilon: small number added to the maximum.
        **options: the other arguments of `Optimizer`.

    Reference:
        [Kingma et al., 2014, section 7.1](http://arxiv.org/abs/1412.6980)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def slot_groups(self) -> list[list[str]]:
        return [["momentum", "norm"]]

    def shared(self, learning_rate: jax.Array, step: jax.Array) -> tuple:
        return (learning_rate / (1 - self.beta_1**step),)

    def rule(self, gradient: jax.Array, weight: jax.Array, slots: Slots, rate: jax.Array) -> tuple[jax.Array, Slots]:
        momentum = slots["momentum"] + (gradient - slots["momentum"]) * (1 - self.beta_1)
        norm = jnp.maximum(self.beta_2 * slots["norm"], jnp.abs(gradient))
        return weight - rate * momentum / (norm + self.epsilon), {"momentum": momentum, "norm": norm}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


class Nadam(_Moments):
    """Nadam: Adam with Nesterov momentum, whose weight u grows over time.

        u_t = beta_1 * (1 - 0.96^t / 2);  U_t = u_1 * ... * u_t
        m <- beta_1 * m + (1 - beta_1) * g
        v <- beta_2 * v + (1 - beta_2) * g^2
        n = u_(t+1) * m / (1 - U_(t+1)) + (1 - u_t) * g / (1 - U_t)
        w <- w - lr * n / (sqrt(v / (1 - beta_2^t)) + epsilon)

    Args:
        learning_rate: the learning rate `lr`; see `Optimizer`.
        beta_1: decay of the mean.
        beta_2: decay of the mean square.
        epsilon: small number added to the root.
        **options: the other arguments of `Optimizer`.

    Reference:
        [Dozat, 2015](http://cs229.stanford.edu/proj2015/054_report.pdf)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables: Sequence[Variable]) -> None:
        if not self._is_new(variables):
            return
        super().build(variables)
        dtype = compute_dtype(variables[0]) if variables else floatx()
        self._u_product = self.add_variable((), 1.0, dtype, name="u_product")

    def _momentum_weight(self, step: jax.Array) -> jax.Array:
        return self.beta_1 * (1.0 - 0.5 * 0.96**step)

    def _backend_update_step(self, grads: list[jax.Array], variables: list[Variable], learning_rate: Any) -> None:
        step = (unwrap(self.iterations) + 1).astype(self._u_product.dtype)
        self._u_product.assign(self._u_product.value * self._momentum_weight(step))
        super()._backend_update_step(grads, variables, learning_rate)

    def shared(self, learning_rate: jax.Array, step: jax.Array) -> tuple:
        now, ahead = self._momentum_weight(step), self._momentum_weight(step + 1)
        product = self._u_product.value.astype(step.dtype)
        of_momentum = learning_rate * ahead / (1 - product * ahead)
        of_gradient = learning_rate * (1 - now) / (1 - product)
        return of_momentum, of_gradient, 1 - self.beta_2**step

    def rule(
        self,
        gradient: jax.Array,
        weight: jax.Array,
        slots: Slots,
        of_momentum: jax.Array,
        of_gradient: jax.Array,
        correction: jax.Array,
    ) -> tuple[jax.Array, Slots]:
        new = self._moments(gradient, slots)
        step = of_momentum * new["momentum"] + of_gradient * gradient
        return weight - step / (jnp.sqrt(new["velocity"] / correction) + self.epsilon), new


class Lamb(_Moments):
    """Lamb: Adam with steps scaled to the norm of each variable, for large batches.

        m, v as in Adam;  d = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon)
        w <- w - lr * |w| / |d| * d              with 1 for |w| / |d| where one of them is 0

    Args:
        learning_rate: the learning rate `lr`; see `Optimizer`.
        beta_1: decay of the mean.
        beta_2: decay of the mean square.
        epsilon: small number added to the root.
        **options: the other arguments of `Optimizer`.

    Reference:
        [Yang et al., 2019](https://arxiv.org/abs/1904.00962)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def shared(self, learning_rate: jax.Array, step: jax.Array) -> tuple:
        return learning_rate, 1 - self.beta_1**step, 1 - self.beta_2**step

    def rule(
        self,
        gradient: jax.Array,
        weight: jax.Array,
        slots: Slots,
        learning_rate: jax.Array,
        correction_1: jax.Array,
        correction_2: jax.Array,
    ) -> tuple[jax.Array, Slots]:
        new = self._moments(gradient, slots)
        step = new["momentum"] / correction_1 / (jnp.sqrt(new["velocity"] / correction_2) + self.epsilon)
        weight_norm = jnp.sqrt(jnp.sum(jnp.square(weight)))
        step_norm = jnp.sqrt(jnp.sum(jnp.square(step)))
        usable = (weight_norm > 0) & (step_norm > 0)
        ratio = jnp.where(usable, weight_norm / jnp.where(usable, step_norm, 1.0), 1.0)
        return weight - ratio * learning_rate * step, new


class ScheduleFreeAdamW(_Moments):
    """Schedule-free AdamW: averaging takes the place of a decreasing learning rate.

        x = (w - (1 - beta_1) * z) / beta_1
        v <- beta_2 * v + (1 - beta_2) * g^2
        z <- z - lr * g / (sqrt(v / (1 - beta_2^t)) + epsilon)
        x <- (1 - 1/t) * x + z / t
        w <- (1 - beta_1) * z + beta_1 * x

    The slot `momentum` holds z and starts as a copy of the weights.

    Args:
        learning_rate: the learning rate `lr`; see `Optimizer`.
        beta_1: weight of the average `x` in the weights that gradients are taken at.
        beta_2: decay of the mean square.
        epsilon: small number added to the root.
        warmup_steps: number of steps in which the learning rate rises from 0.
        **options: the other arguments of `Optimizer`.

    Reference:
        [Defazio et al., 2024](https://arxiv.org/abs/2405.15682)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: LearningRate = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.warmup_steps = warmup_steps

    def first_value(self, name: str, variable: Variable) -> Any:
        return np.asarray(variable._value) if name == "momentum" else 0.0

    def shared(self, learning_rate: jax.Array, step: jax.Array) -> tuple:
        if self.warmup_steps > 0:
            learning_rate = learning_rate * jnp.minimum(step / self.warmup_steps, 1.0)
        return learning_rate, 1 / step, 1 - self.beta_2**step

    def rule(
        self,
        gradient: jax.Array,
        weight: jax.Array,
        slots: Slots,
        learning_rate: jax.Array,
        share: jax.Array,
        correction: jax.Array,
    ) -> tuple[jax.Array, Slots]:
        average = (weight - (1 - self.beta_1) * slots["momentum"]) / self.beta_1
        velocity = slots["velocity"] + (jnp.square(gradient) - slots["velocity"]) * (1 - self.beta_2)
        denominator = jnp.sqrt(velocity / correction) + self.epsilon
        fast = slots["momentum"] - learning_rate * gradient / denominator
        average = (1 - share) * average + share * fast
        return (1 - self.beta_1) * fast + self.beta_1 * average, {"momentum": fast, "velocity": velocity}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "warmup_steps": self.warmup_steps}
