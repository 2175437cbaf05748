"""What only this engine promises: no stale programs, true weights at every moment, and errors before tracing."""

import os
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish
from kerasish import layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype("float32")
Y = X[:, :1].astype("float32")


def mlp(compiled=True, **options):
    model = kerasish.Sequential([kerasish.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(1)])
    if compiled:
        model.compile(**{"optimizer": "sgd", "loss": "mse", **options})
    return model


def weights_of(model):
    return [np.array(weight) for weight in model.get_weights()]


def test_same_seed_same_bits():
    runs = []
    for _ in range(2):
        kerasish.utils.set_random_seed(1)
        inputs = kerasish.Input((4,))
        model = kerasish.Model(inputs, layers.Dense(1)(layers.Dropout(0.5)(layers.Dense(3)(inputs))))
        model.compile("adam", "mse")
        history = model.fit(X, Y, epochs=2, verbose=0).history
        runs.append((history["loss"], weights_of(model)))
    assert runs[0][0] == runs[1][0]
    for a, b in zip(runs[0][1], runs[1][1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_grouped_steps_change_nothing():
    results = []
    for steps in ("auto", 1, 3):
        kerasish.utils.set_random_seed(1)
        model = mlp(steps_per_execution=steps)
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
        results.append(weights_of(model))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def test_steps_per_execution_counts_batches_between_hooks():
    seen = []

    class Watch(kerasish.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append((batch, set(logs)))

    mlp(steps_per_execution=2).fit(X, Y, batch_size=8, verbose=0, callbacks=[Watch()])
    assert [batch for batch, _ in seen] == [1, 3, 4]
    seen.clear()
    mlp().fit(X, Y, batch_size=8, verbose=0, callbacks=[Watch()])
    assert [batch for batch, _ in seen] == [0, 1, 2, 3, 4]
    assert all(names == {"loss"} for _, names in seen)


def test_callbacks_see_the_weights_after_each_batch():
    values = []

    class Watch(kerasish.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            values.append(np.array(self.model.layers[0].kernel.value))

    model = mlp()
    model.fit(X, Y, batch_size=10, verbose=0, callbacks=[Watch()])
    assert len(values) == 4
    assert all(not np.array_equal(a, b) for a, b in zip(values[:-1], values[1:], strict=True))
    np.testing.assert_array_equal(values[-1], model.layers[0].kernel.numpy())


def test_arrays_that_somebody_holds_are_not_taken_away():
    model = mlp()
    held = model.layers[0].kernel.value
    before = np.array(held)
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(np.asarray(held), before)


def test_two_variables_may_share_an_array():
    model = mlp()
    model.layers[1].bias.assign(jnp.ones(1))
    other = kerasish.Variable(np.zeros(1, "float32"))
    other.assign(model.layers[1].bias)
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(other.numpy(), [1.0])


def test_freezing_and_unfreezing_works_without_compiling_again():
    model = mlp(optimizer="adam")
    model.fit(X, Y, verbose=0)
    model.layers[0].trainable = False
    before = weights_of(model)
    model.fit(X, Y, verbose=0)
    after = weights_of(model)
    np.testing.assert_array_equal(after[0], before[0])
    assert not np.array_equal(after[2], before[2])
    model.layers[0].trainable = True
    model.fit(X, Y, verbose=0)
    assert not np.array_equal(weights_of(model)[0], before[0])


def test_frozen_batch_normalization_runs_in_inference_mode():
    norm = layers.BatchNormalization()
    model = kerasish.Sequential([kerasish.Input((4,)), norm, layers.Dense(1)])
    model.compile("sgd", "mse")
    norm.trainable = False
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(norm.moving_mean.numpy(), np.zeros(4))
    norm.trainable = True
    model.fit(X, Y, verbose=0)
    assert np.abs(norm.moving_mean.numpy()).max() > 0


def test_the_learning_rate_may_be_changed_between_fits():
    model = mlp()
    model.fit(X, Y, verbose=0)
    model.optimizer.learning_rate = 0.0
    before = weights_of(model)
    model.fit(X, Y, verbose=0)
    for a, b in zip(before, weights_of(model), strict=True):
        np.testing.assert_array_equal(a, b)


class Lifted(kerasish.Model):
    """A `train_step` written with Variables."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)
        self.seen = kerasish.metrics.Sum(name="seen")

    def call(self, inputs):
        return self.dense(inputs)

    def train_step(self, data):
        x, y = data

        def loss_fn():
            return jnp.mean((self(x, training=True) - y) ** 2)

        loss, gradients = kerasish.value_and_grad(loss_fn, self.trainable_variables)()
        self.optimizer.apply(gradients, self.trainable_variables)
        self.seen.update_state(jnp.ones(x.shape[0]))
        return {"loss": loss, "seen": self.seen.result()}


class Stateless(Lifted):
    """Keras's pure form of `train_step`."""

    def train_step(self, state, data):
        trainable, others, optimizer, metrics = state
        x, y = data

        def loss_fn(trainable, others):
            outputs, others = self.stateless_call(trainable, others, x, training=True)
            return jnp.mean((outputs - y) ** 2), others

        (loss, others), gradients = jax.value_and_grad(loss_fn, has_aux=True)(trainable, others)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        loss_tracker, seen = metrics[:-1], metrics[-1:]
        seen = self.seen.stateless_update_state(seen, jnp.ones(x.shape[0]))
        logs = {"loss": loss, "seen": self.seen.stateless_result(seen)}
        return logs, (trainable, others, optimizer, [*loss_tracker, *seen])


@pytest.mark.parametrize("make", [Lifted, Stateless])
def test_custom_train_steps_in_both_forms(make):
    kerasish.utils.set_random_seed(0)
    model = make()
    model.compile(optimizer=kerasish.optimizers.Adam(0.1))
    history = model.fit(X, Y, batch_size=10, epochs=3, shuffle=False, verbose=0).history
    assert history["seen"] == [40.0] * 3
    assert history["loss"][-1] < history["loss"][0]
    reference = Lifted()
    reference(X)
    assert len(model.get_weights()) == len(reference.get_weights())


def test_a_step_may_train_two_networks_with_two_optimizers():
    class Pair(kerasish.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = layers.Dense(1), layers.Dense(1)

        def compile(self, first_optimizer, second_optimizer):
            super().compile()
            self.first_optimizer, self.second_optimizer = first_optimizer, second_optimizer

        def train_step(self, data):
            x, y = data
            logs = {}
            for name in ("first", "second"):
                layer = getattr(self, name)
                layer(x)

                def loss_fn(layer=layer):
                    return jnp.mean((layer(x) - y) ** 2)

                loss, gradients = kerasish.value_and_grad(loss_fn, layer.trainable_variables)()
                getattr(self, f"{name}_optimizer").apply(gradients, layer.trainable_variables)
                logs[name] = loss
            return logs

    model = Pair()
    model.compile(kerasish.optimizers.Adam(0.1), kerasish.optimizers.SGD(0.1))
    history = model.fit(X, Y, epochs=5, verbose=0).history
    assert history["first"][-1] < history["first"][0]
    assert history["second"][-1] < history["second"][0]
    assert int(model.first_optimizer.iterations.value) == 10


def test_run_eagerly_gives_the_same_numbers():
    results = []
    for eager in (False, True):
        kerasish.utils.set_random_seed(1)
        model = mlp(run_eagerly=eager, metrics=["mae"])
        results.append(model.fit(X, Y, batch_size=20, epochs=2, verbose=0).history)
    np.testing.assert_allclose(results[0]["mae"], results[1]["mae"], rtol=1e-5)


def test_masks_reach_loss_and_metrics():
    inputs = kerasish.Input((3,))
    hidden = layers.Embedding(5, 2, mask_zero=True)(inputs)
    model = kerasish.Model(inputs, layers.Dense(1)(hidden))
    model.compile("sgd", "mse", metrics=["mse"], weighted_metrics=["mse"])
    tokens = np.array([[1, 2, 0], [3, 0, 0]])
    y = np.zeros((2, 3, 1), "float32")
    outputs = model.predict(tokens, verbose=0)
    expected = np.mean((outputs**2)[tokens != 0])
    logs = model.evaluate(tokens, y, verbose=0, return_dict=True)
    np.testing.assert_allclose([logs["mse"], logs["weighted_mse"]], [expected, expected], rtol=1e-5)
    before = model.evaluate(tokens, y, verbose=0, return_dict=True)["mse"]
    history = model.fit(tokens, y, verbose=0).history
    np.testing.assert_allclose(history["mse"], [before], rtol=1e-5)


class TestTroubleLosesNothing:
    def readable(self, model):
        assert all(np.isfinite(weight).all() for weight in weights_of(model))
        assert model.fit(X, Y, verbose=0).history["loss"]

    def test_keyboard_interrupt(self):
        class Press(kerasish.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                if batch == 2:
                    os.kill(os.getpid(), signal.SIGINT)

        model = mlp()
        # A process started in the background may have been told to ignore Ctrl-C.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with pytest.raises(KeyboardInterrupt):
                model.fit(X, Y, batch_size=4, verbose=0, callbacks=[Press()])
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        finally:
            signal.signal(signal.SIGINT, before)
        self.readable(model)

    def test_exception_in_a_callback(self):
        class Fail(kerasish.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                raise OSError("disk full")

        model = mlp()
        with pytest.raises(OSError, match="disk full"):
            model.fit(X, Y, verbose=0, callbacks=[Fail()])
        self.readable(model)

    def test_loss_that_is_not_a_number(self):
        model = mlp()
        bad = X.copy()
        bad[7] = np.nan
        before = weights_of(model)
        history = model.fit(bad, Y, epochs=5, verbose=0, callbacks=[kerasish.callbacks.TerminateOnNaN()]).history
        assert len(history["loss"]) <= 1
        model.set_weights(before)
        self.readable(model)

    def test_exception_while_tracing(self):
        class Broken(layers.Layer):
            broken = True

            def call(self, inputs):
                if self.broken:
                    raise RuntimeError("not today")
                return inputs

        layer = Broken()
        model = kerasish.Sequential([layers.Dense(2), layer, layers.Dense(1)])
        model.compile("sgd", "mse")
        with pytest.raises(RuntimeError, match="not today"):
            model.fit(X, Y, verbose=0)
        layer.broken = False
        self.readable(model)

    def test_generator_that_fails(self):
        def generate():
            yield X[:8], Y[:8]
            raise ValueError("bad row")

        model = mlp()
        with pytest.raises(ValueError, match="bad row"):
            model.fit(generate(), verbose=0)
        self.readable(model)


class TestBadInput:
    """Each is refused by name before anything is traced, and the model stays usable."""

    @pytest.mark.parametrize(
        ("call", "error", "words"),
        [
            (lambda m: m.fit(X[:, :3], Y), ValueError, ["shape", "3"]),
            (lambda m: m.fit(X[..., None, None], Y), ValueError, ["shape"]),
            (lambda m: m.fit(X, Y[:7]), ValueError, ["x", "y", "40", "7"]),
            (lambda m: m.fit(X[:0], Y[:0]), ValueError, ["x"]),
            (lambda m: m.fit(np.array([["a"] * 4] * 40), Y), ValueError, ["x", "strings"]),
            (lambda m: m.fit(X, Y, batch_size=0), ValueError, ["batch_size", "0"]),
            (lambda m: m.fit(X, Y, batch_size=-3), ValueError, ["batch_size", "-3"]),
            (lambda m: m.fit(X, Y, epochs=0), ValueError, ["epochs", "0"]),
            (lambda m: m.fit(X, Y, epochs=-1), ValueError, ["epochs", "-1"]),
            (lambda m: m.fit(X, Y, epochs=1.5), (ValueError, TypeError), ["epochs", "1.5"]),
            (lambda m: m.fit(X, Y, validation_split=1.5), ValueError, ["validation_split", "1.5"]),
            (lambda m: m.fit(X, Y, sample_weight=np.ones(3)), ValueError, ["sample_weight", "3"]),
            (lambda m: m.fit(X, Y, callbacks=[3]), (ValueError, TypeError), ["callbacks", "3"]),
            (lambda m: m.fit(X), ValueError, ["y"]),
            (lambda m: m.evaluate(X, Y[:3]), ValueError, ["40", "3"]),
            (lambda m: m.predict(X, batch_size=0), ValueError, ["batch_size"]),
            (lambda m: m.predict(X[:, :2]), ValueError, ["shape"]),
            (lambda m: m.compile("sgdd", "mse"), ValueError, ["sgdd"]),
            (lambda m: m.compile("sgd", "msee"), ValueError, ["msee"]),
            (lambda m: m.compile("sgd", "mse", metrics=["acuracy"]), ValueError, ["acuracy"]),
            (lambda m: m.compile("sgd", "mse", metrics="mae"), ValueError, ["metrics"]),
            (lambda m: m.compile("sgd", "mse", steps_per_execution=0), ValueError, ["steps_per_execution", "0"]),
        ],
    )
    def test_refused(self, call, error, words):
        model = mlp()
        with pytest.raises(error) as caught:
            call(model)
        for word in words:
            assert word in str(caught.value), str(caught.value)
        assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"][0])

    def test_labels_out_of_range(self):
        model = kerasish.Sequential([kerasish.Input((4,)), layers.Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        labels = np.zeros(40, "int32")
        labels[5] = 3
        with pytest.raises(ValueError, match="3"):
            model.fit(X, labels, verbose=0)
        with pytest.raises(ValueError, match="3"):
            model.evaluate(X, labels, verbose=0)
        model.fit(X, np.minimum(labels, 2), verbose=0)

    def test_labels_out_of_range_in_a_later_batch(self):
        def batches():
            for label in (0, 1, 2, 3):
                yield X[:4], np.full(4, label)

        model = kerasish.Sequential([kerasish.Input((4,)), layers.Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        with pytest.raises(ValueError, match="3"):
            model.fit(batches(), verbose=0)
        model.fit(X, np.zeros(40, "int32"), verbose=0)

    def test_not_compiled_and_not_built(self):
        with pytest.raises(RuntimeError, match="compile"):
            mlp(compiled=False).fit(X, Y)
        with pytest.raises(RuntimeError, match="compile"):
            mlp(compiled=False).evaluate(X, Y)
        with pytest.raises(ValueError, match="no layers"):
            kerasish.Sequential().predict(X)

        class NoCall(kerasish.Model):
            pass

        with pytest.raises(NotImplementedError, match="call"):
            NoCall().predict(X)

    def test_nothing_to_minimize(self):
        model = mlp(loss=None)
        with pytest.raises(ValueError, match="loss"):
            model.fit(X, Y, verbose=0)


def test_predict_keeps_structures_and_order():
    inputs = kerasish.Input((4,))
    model = kerasish.Model(inputs, [layers.Dense(2)(inputs), layers.Dense(3)(inputs)])
    whole = model.predict(X, verbose=0)
    assert [part.shape for part in whole] == [(40, 2), (40, 3)]
    parts = model.predict(X, batch_size=7, verbose=0)
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    generated = model.predict((X[i : i + 10] for i in range(0, 40, 10)), verbose=0)
    np.testing.assert_allclose(generated[0], whole[0], rtol=1e-5, atol=1e-6)


def test_a_metric_that_does_not_fit_is_named():
    model = kerasish.Sequential([kerasish.Input((3,)), layers.Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy", "mean_squared_error"])
    with pytest.raises(ValueError) as caught:
        model.fit(np.ones((8, 3)), np.zeros(8), verbose=0)
    assert any("'mean_squared_error'" in note and "(8,), (8, 4)" in note for note in caught.value.__notes__)
