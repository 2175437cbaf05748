"""Gradient descent with momentum, with accumulated or averaged squares, and by sign."""

from numbers import Real
from typing import Any, Unpack

import jax
import jax.numpy as jnp

from kerasish.core.variable import Variable
from kerasish.optimizers.optimizer import OptimizerOptions, takes_options
from kerasish.optimizers.rule import Rule, Slots
from kerasish.optimizers.state import LearningRate


class SGD(Rule):
    """Gradient descent, with momentum if asked for.

        w <- w - lr * g                          momentum = 0
        m <- momentum * m - lr * g;  w <- w + m
        w <- w + momentum * m - lr * g           nesterov = True (with the new m)

    Args:
        learning_rate: the learning rate `lr`; see `Optimizer`.
        momentum: in [0, 1].
        nesterov: whether to look one step ahead.
        **options: the other arguments of `Optimizer`.
    """

    @takes_options
    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        if not isinstance(momentum, Real) or not 0 <= momentum <= 1:
            raise ValueError(f"`momentum` must be a float between [0, 1]. Received: momentum={momentum!r}")
        self.momentum = momentum
        self.nesterov = nesterov

    def slot_groups(self) -> list[list[str]]:
        return [["momentum"]] if self.momentum else []

    @property
    def momentums(self) -> list[Variable]:
        """The momentum slots, one for each trainable variable; empty without momentum."""
        return self._momentums if self.momentum and self.built else []

    def rule(
        self, gradient: jax.Array, weight: jax.Array, slots: Slots, learning_rate: jax.Array
    ) -> tuple[jax.Array, Slots]:
        step = learning_rate * gradient
        if not self.momentum:
            return weight - step, {}
        momentum = self.momentum * slots["momentum"] - step
        if self.nesterov:
            return weight + (self.momentum * momentum - step), {"momentum": momentum}
        return weight + momentum, {"momentum": momentum}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}


class RMSprop(Rule):
    """RMSprop: the gradient divided by the root of a moving average of its squares.

        v <- rho * v + (1 - rho) * g^2
        a <- rho * a + (1 - rho) * g             centered = True
        d = lr * g / sqrt(v + epsilon)           with v - a^2 for v if centered
        m <- momentum * m + d;  w <- w - m       w <- w - d without momentum

    Args:
        learning_rate: the learning rate `lr`; see `Optimizer`.
        rho: decay of the averages.
        momentum: decay of the momentum.
        epsilon: small number added under the root.
        centered: whether to divide by the standard deviation instead of the root of the mean square.
        **options: the other arguments of `Optimizer`.

    Reference:
        [Hinton, 2012](http://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def slot_groups(self) -> list[list[str]]:
        momentum = [["momentum"]] if self.momentum > 0 else []
        return [["velocity"], *momentum, *([["average_gradient"]] if self.centered else [])]

    def rule(
        self, gradient: jax.Array, weight: jax.Array, slots: Slots, learning_rate: jax.Array
    ) -> tuple[jax.Array, Slots]:
        velocity = self.rho * slots["velocity"] + (1 - self.rho) * jnp.square(gradient)
        new = {"velocity": velocity}
        variance = velocity
        if self.centered:
            average = self.rho * slots["average_gradient"] + (1 - self.rho) * gradient
            new["average_gradient"] = average
            variance = velocity - jnp.square(average)
        step = learning_rate * gradient / jnp.sqrt(variance + self.epsilon)
        if self.momentum > 0:
            step = new["momentum"] = self.momentum * slots["momentum"] + step
        return weight - step, new

    def get_config(self) -> dict[str, Any]:
        own = {"rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon, "centered": self.centered}
        return {**super().get_config(), **own}


class Adagrad(Rule):
    """Adagrad: the more a parameter has been updated, the smaller its updates.

        n <- n + g^2
        w <- w - lr * g / sqrt(n + epsilon)

    Args:
        learning_rate: the learning rate `lr`; the paper uses 1.0.
        initial_accumulator_value: first value of `n`, not negative.
        epsilon: small number added under the root.
        **options: the other arguments of `Optimizer`.

    Reference:
        [Duchi et al., 2011](http://www.jmlr.org/papers/volume12/duchi11a/duchi11a.pdf)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def slot_groups(self) -> list[list[str]]:
        return [["accumulator"]]

    def first_value(self, name: str, variable: Variable) -> float:
        return self.initial_accumulator_value

    def rule(
        self, gradient: jax.Array, weight: jax.Array, slots: Slots, learning_rate: jax.Array
    ) -> tuple[jax.Array, Slots]:
        accumulator = slots["accumulator"] + jnp.square(gradient)
        return weight - learning_rate * gradient / jnp.sqrt(accumulator + self.epsilon), {"accumulator": accumulator}

    def get_config(self) -> dict[str, Any]:
        own = {"initial_accumulator_value": self.initial_accumulator_value, "epsilon": self.epsilon}
        return {**super().get_config(), **own}


class Adadelta(Rule):
    """Adadelta: Adagrad over a moving window, in the units of the weights.

        n <- rho * n + (1 - rho) * g^2
        d = g * sqrt(u + epsilon) / sqrt(n + epsilon)
        u <- rho * u + (1 - rho) * d^2
        w <- w - lr * d

    Args:
        learning_rate: the learning rate `lr`; the paper has none, that is 1.0.
        rho: decay of the averages.
        epsilon: small number added under the roots.
        **options: the other arguments of `Optimizer`.

    Reference:
        [Zeiler, 2012](http://arxiv.org/abs/1212.5701)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.epsilon = epsilon

    def slot_groups(self) -> list[list[str]]:
        return [["accumulated_grad", "accumulated_delta_var"]]

    def rule(
        self, gradient: jax.Array, weight: jax.Array, slots: Slots, learning_rate: jax.Array
    ) -> tuple[jax.Array, Slots]:
        updates = slots["accumulated_delta_var"]
        squares = self.rho * slots["accumulated_grad"] + (1 - self.rho) * jnp.square(gradient)
        delta = gradient * jnp.sqrt(updates + self.epsilon) / jnp.sqrt(squares + self.epsilon)
        updates = self.rho * updates + (1 - self.rho) * jnp.square(delta)
        new = {"accumulated_grad": squares, "accumulated_delta_var": updates}
        return weight - learning_rate * delta, new

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}


class Ftrl(Rule):
    """Follow the regularized leader, for shallow models with large, sparse features.

        h = g + 2 * l2_shrinkage * w
        n' = n + g^2;  s = (n'^-p - n^-p) / lr;  z <- z + h - s * w;  n <- n'
        w <- (clip(z, -l1, l1) - z) / (n^-p / lr + 2 * l2 + beta / lr)

    Args:
        learning_rate: the learning rate `lr`; see `Optimizer`.
        learning_rate_power: the exponent `p`, at most 0.
        initial_accumulator_value: first value of `n`, not negative.
        l1_regularization_strength: `l1`, not negative.
        l2_regularization_strength: `l2`, not negative: a penalty that stabilizes.
        l2_shrinkage_regularization_strength: `l2_shrinkage`, not negative: a penalty on the weights' size.
        beta: `beta` of the paper.
        **options: the other arguments of `Optimizer`.

    Reference:
        [McMahan et al., 2013](https://research.google.com/pubs/archive/41159.pdf)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        not_negative = {
            "initial_accumulator_value": initial_accumulator_value,
            "l1_regularization_strength": l1_regularization_strength,
            "l2_regularization_strength": l2_regularization_strength,
            "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength,
        }
        for name, value in not_negative.items():
            if value < 0.0:
                raise ValueError(f"`{name}` needs to be positive or zero. Received: {name}={value}.")
        if learning_rate_power > 0.0:
            raise ValueError(
                "`learning_rate_power` needs to be negative or zero. "
                f"Received: learning_rate_power={learning_rate_power}."
            )
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    def slot_groups(self) -> list[list[str]]:
        return [["accumulator", "linear"]]

    def first_value(self, name: str, variable: Variable) -> float:
        return self.initial_accumulator_value if name == "accumulator" else 0.0

    def rule(
        self, gradient: jax.Array, weight: jax.Array, slots: Slots, learning_rate: jax.Array
    ) -> tuple[jax.Array, Slots]:
        l1, l2 = self.l1_regularization_strength, self.l2_regularization_strength
        accumulator = slots["accumulator"] + jnp.square(gradient)
        scale = jnp.power(accumulator, -self.learning_rate_power) / learning_rate
        previous_scale = jnp.power(slots["accumulator"], -self.learning_rate_power) / learning_rate
        shrunk = gradient + 2 * self.l2_shrinkage_regularization_strength * weight
        linear = slots["linear"] + shrunk - (scale - previous_scale) * weight
        quadratic = scale + 2 * l2 + self.beta / learning_rate
        weight = (jnp.clip(linear, -l1, l1) - linear) / quadratic
        return weight, {"accumulator": accumulator, "linear": linear}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "learning_rate_power": self.learning_rate_power,
            "initial_accumulator_value": self.initial_accumulator_value,
            "l1_regularization_strength": self.l1_regularization_strength,
            "l2_regularization_strength": self.l2_regularization_strength,
            "l2_shrinkage_regularization_strength": self.l2_shrinkage_regularization_strength,
            "beta": self.beta,
        }


class Lion(Rule):
    """Lion: steps of equal size along the sign of a momentum.

        w <- w - lr * sign(beta_1 * m + (1 - beta_1) * g)
        m <- beta_2 * m + (1 - beta_2) * g

    Take a 3 to 10 times smaller learning rate, and as much larger a weight decay, as with AdamW.

    Args:
        learning_rate: the learning rate `lr`; see `Optimizer`.
        beta_1: weight of the momentum in the step, in (0, 1].
        beta_2: decay of the momentum.
        **options: the other arguments of `Optimizer`.

    Reference:
        [Chen et al., 2023](http://arxiv.org/abs/2302.06675)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        if not 0 < beta_1 <= 1:
            raise ValueError(f"Argument `beta_1` must be in (0, 1]; 0 would be SignSGD. Received: beta_1={beta_1}.")
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def slot_groups(self) -> list[list[str]]:
        return [["momentum"]]

    def rule(
        self, gradient: jax.Array, weight: jax.Array, slots: Slots, learning_rate: jax.Array
    ) -> tuple[jax.Array, Slots]:
        momentum = slots["momentum"]
        weight = weight - learning_rate * jnp.sign(self.beta_1 * momentum + (1 - self.beta_1) * gradient)
        return weight, {"momentum": self.beta_2 * momentum + (1 - self.beta_2) * gradient}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2}
