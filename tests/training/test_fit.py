"""fit, evaluate and predict give Keras's numbers, whatever the losses, metrics, weights, callbacks and data."""

import numpy as np
import pytest

from tests.training.compare import fit_both, keras, kerasish

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype("float32")
Y = (X[:, :1] * 2 - X[:, 1:2]).astype("float32")
LABELS = (np.abs(X[:, 0]) * 3).astype("int32") % 3
WEIGHTS = RNG.uniform(0.1, 2, size=50).astype("float32")


def mlp(units=1, activation=None):
    def make(lib):
        layers = [
            lib.Input((6,)),
            lib.layers.Dense(5, activation="tanh"),
            lib.layers.Dense(units, activation=activation),
        ]
        return lib.Sequential(layers)

    return make


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "adamw"])
def test_regression_with_a_short_last_batch(optimizer):
    options = {"optimizer": optimizer, "loss": "mse", "metrics": ["mae"]}
    theirs, ours = fit_both(mlp(), options, X, Y, batch_size=16, epochs=3)
    expected = theirs.evaluate(X, Y, verbose=0, batch_size=16)
    np.testing.assert_allclose(ours.evaluate(X, Y, verbose=0, batch_size=16), expected, rtol=1e-4)
    by_name = ours.evaluate(X, Y, verbose=0, return_dict=True)
    assert list(by_name) == ["loss", "mae"]
    np.testing.assert_allclose(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("units", "activation", "loss", "y"),
    [
        (1, "sigmoid", "binary_crossentropy", (LABELS > 0).astype("float32")[:, None]),
        (3, "softmax", "sparse_categorical_crossentropy", LABELS),
        (3, "softmax", "categorical_crossentropy", np.eye(3, dtype="float32")[LABELS]),
        (3, "softmax", "crossentropy", LABELS[:, None]),
    ],
)
def test_accuracy_means_what_the_targets_say(units, activation, loss, y):
    options = {"optimizer": "adam", "loss": loss, "metrics": ["accuracy", "acc"]}
    fit_both(mlp(units, activation), options, X, y, batch_size=25, epochs=2)


def test_sample_weights_class_weights_and_weighted_metrics():
    options = {
        "optimizer": "sgd",
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
        "weighted_metrics": ["accuracy"],
    }
    fit_both(mlp(3, "softmax"), options, X, LABELS, sample_weight=WEIGHTS, epochs=2)
    fit_both(mlp(3, "softmax"), options, X, LABELS, class_weight={0: 1.0, 1: 3.0, 2: 0.5}, epochs=2)


@pytest.mark.parametrize(
    "options",
    [
        {"validation_split": 0.2},
        {"validation_data": (X[:20], Y[:20])},
        {"validation_data": (X[:20], Y[:20], WEIGHTS[:20]), "validation_batch_size": 7},
        {"validation_data": (X[:20], Y[:20]), "validation_freq": 2},
        {"validation_data": (X[:20], Y[:20]), "validation_freq": [1, 3]},
        {"validation_data": (X[:20], Y[:20]), "validation_steps": 1, "validation_batch_size": 5},
        {"initial_epoch": 1},
        {"steps_per_epoch": 2, "batch_size": 13},
    ],
)
def test_validation_and_epochs(options):
    fit_both(mlp(), {"optimizer": "sgd", "loss": "mse", "metrics": ["mae"]}, X, Y, epochs=3, **options)


def two_headed(lib):
    a, b = lib.Input((6,), name="a"), lib.Input((6,), name="b")
    joined = lib.layers.Concatenate()([lib.layers.Dense(4, name="left")(a), lib.layers.Dense(4, name="right")(b)])
    return lib.Model([a, b], [lib.layers.Dense(1, name="value")(joined), lib.layers.Dense(3, name="kind")(joined)])


def two_headed_dict(lib):
    model = two_headed(lib)
    a, b = model.inputs
    return lib.Model({"a": a, "b": b}, {"value": model.outputs[0], "kind": model.outputs[1]})


ONE_HOT = np.eye(3, dtype="float32")[LABELS]


@pytest.mark.parametrize(
    ("compile_options", "y"),
    [
        ({"loss": "mse"}, [Y, ONE_HOT]),
        ({"loss": ["mse", "mae"], "loss_weights": [1.0, 0.3], "metrics": [["mae"], ["mse"]]}, [Y, ONE_HOT]),
        ({"loss": {"value": "mse", "kind": "mae"}, "loss_weights": {"value": 1.0, "kind": 0.3}}, [Y, ONE_HOT]),
        ({"loss": ["mse", "mae"], "metrics": {"kind": ["mse", "mae"]}}, [Y, ONE_HOT]),
        ({"loss": ["mse", "mae"], "weighted_metrics": [["mse"], ["mae"]]}, [Y, ONE_HOT]),
    ],
)
def test_several_inputs_and_outputs(compile_options, y):
    fit_both(two_headed, {"optimizer": "sgd", **compile_options}, [X, X[::-1].copy()], y, epochs=2, batch_size=20)


def test_dicts_of_inputs_and_outputs():
    options = {"optimizer": "sgd", "loss": {"value": "mse", "kind": "mae"}, "metrics": {"value": ["mae"]}}
    data = {"a": X, "b": X[::-1].copy()}, {"value": Y, "kind": ONE_HOT}
    _, ours = fit_both(two_headed_dict, options, *data, epochs=2, batch_size=20)
    outputs = ours.predict(data[0], verbose=0)
    assert {name: value.shape for name, value in outputs.items()} == {"kind": (50, 3), "value": (50, 1)}


def test_batch_normalization_statistics_and_regularizers():
    def make(lib):
        dense = lib.layers.Dense(5, kernel_regularizer=lib.regularizers.L2(0.1), activity_regularizer="l1")
        return lib.Sequential(
            [lib.Input((6,)), dense, lib.layers.BatchNormalization(momentum=0.8), lib.layers.Dense(1)]
        )

    fit_both(make, {"optimizer": "sgd", "loss": "mse"}, X, Y, epochs=3, batch_size=25, validation_split=0.2)


def test_dropout_draws_what_keras_draws():
    def make(lib):
        return lib.Sequential([lib.Input((6,)), lib.layers.Dropout(0.5, seed=3), lib.layers.Dense(1)])

    fit_both(make, {"optimizer": "sgd", "loss": "mse"}, X, Y, epochs=2, batch_size=25)


def batches(_):
    def generate():
        while True:
            for start in range(0, 50, 10):
                yield X[start : start + 10], Y[start : start + 10]

    return generate()


def test_generators():
    fit_both(mlp(), {"optimizer": "sgd", "loss": "mse"}, batches, epochs=2, steps_per_epoch=5)


def dataset_class(lib):
    class Batches(lib.utils.PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return X[index * 10 : index * 10 + 10], Y[index * 10 : index * 10 + 10]

    return Batches()


def test_py_datasets():
    fit_both(mlp(), {"optimizer": "sgd", "loss": "mse"}, dataset_class, epochs=2, validation_data=dataset_class)


def test_schedules_and_learning_rate_callbacks():
    def options(lib):
        schedule = lib.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)
        return {"optimizer": lib.optimizers.SGD(schedule, momentum=0.9), "loss": "mse"}

    fit_both(mlp(), options, X, Y, epochs=3, batch_size=20)

    def callbacks(lib):
        return [lib.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)]

    fit_both(mlp(), {"optimizer": "sgd", "loss": "mse"}, X, Y, epochs=3, callbacks=callbacks)


def test_early_stopping_restores_the_best_weights():
    def callbacks(lib):
        return [lib.callbacks.EarlyStopping("loss", patience=1, min_delta=0.5, restore_best_weights=True)]

    fit_both(mlp(), {"optimizer": "sgd", "loss": "mse"}, X, Y, epochs=10, callbacks=callbacks)


def test_programs_serve_arrays_of_any_length():
    model = mlp()(kerasish)
    model.compile("sgd", "mse")
    for rows in (40, 50, 40, 45):
        expected = np.mean((model.predict(X[:rows], verbose=0) - Y[:rows]) ** 2)
        np.testing.assert_allclose(model.evaluate(X[:rows], Y[:rows], verbose=0), expected, rtol=1e-5)


def test_on_batch_methods():
    models = [mlp()(library) for library in (keras, kerasish)]
    models[1].set_weights(models[0].get_weights())
    for model in models:
        model.compile("sgd", "mse", metrics=["mae"])
    for _ in range(3):
        expected, actual = [model.train_on_batch(X, Y) for model in models]
        np.testing.assert_allclose(actual, expected, rtol=1e-4)
    expected, actual = [model.test_on_batch(X, Y, return_dict=True) for model in models]
    assert set(actual) == set(expected)
    np.testing.assert_allclose(actual["mae"], expected["mae"], rtol=1e-4)
    expected, actual = [model.predict_on_batch(X) for model in models]
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4)


def test_subclassed_models_build_themselves():
    def make(lib):
        class Net(lib.Model):
            def __init__(self):
                super().__init__()
                self.blocks = [lib.layers.Dense(4, activation="relu"), lib.layers.BatchNormalization()]
                self.head = lib.layers.Dense(1)

            def call(self, inputs, training=False):
                for block in self.blocks:
                    inputs = block(inputs, training=training) if "norm" in block.name else block(inputs)
                return self.head(inputs)

        net = Net()
        net(np.zeros((2, 6), "float32"))
        return net

    fit_both(make, {"optimizer": "sgd", "loss": "mse"}, X, Y, epochs=2)


def test_custom_losses_and_metrics():
    def options(lib):
        def cubic(y_true, y_pred):
            return lib.ops.mean(lib.ops.abs(y_true - y_pred) ** 3, axis=-1)

        class Largest(lib.metrics.Metric):
            def __init__(self, name="largest", **kwargs):
                super().__init__(name=name, **kwargs)
                self.value = self.add_weight(shape=(), initializer="zeros", name="value")

            def update_state(self, y_true, y_pred, sample_weight=None):
                self.value.assign(lib.ops.maximum(self.value.value, lib.ops.max(lib.ops.abs(y_true - y_pred))))

            def result(self):
                return self.value.value

        return {"optimizer": "sgd", "loss": cubic, "metrics": [cubic, Largest()]}

    fit_both(mlp(), options, X * 0.1, Y * 0.1, epochs=2)


def test_add_loss_and_endpoint_layers():
    def make(lib):
        class Penalty(lib.layers.Layer):
            def call(self, inputs):
                self.add_loss(lib.ops.mean(inputs**2) * 0.1)
                return inputs

        return lib.Sequential([lib.Input((6,)), lib.layers.Dense(3), Penalty(), lib.layers.Dense(1)])

    fit_both(make, {"optimizer": "sgd", "loss": "mse"}, X, Y, epochs=2)


def test_training_that_goes_on_from_an_epoch_is_the_training_that_never_stopped():
    x, y = (np.random.default_rng(0).normal(size=(40, width)).astype("float32") for width in (3, 1))

    def train(epochs, initial_epoch=0, weights=None):
        kerasish.utils.set_random_seed(3)
        model = kerasish.Sequential([kerasish.Input((3,)), kerasish.layers.Dense(1)])
        model.compile("sgd", "mse")
        if weights is not None:
            model.set_weights(weights)
        kerasish.utils.set_random_seed(3)
        model.fit(x, y, batch_size=8, epochs=epochs, initial_epoch=initial_epoch, verbose=0)
        return model.get_weights()

    whole, half = train(4), train(2)
    for expected, received in zip(whole, train(4, initial_epoch=2, weights=half), strict=True):
        np.testing.assert_array_equal(received, expected)


@pytest.mark.parametrize("weights", [["accuracy"], "accuracy", {"a": None, "b": "mae"}])
def test_loss_weights_that_are_no_numbers_are_refused_when_compiling(weights):
    model = kerasish.Sequential([kerasish.Input((3,)), kerasish.layers.Dense(1)])
    with pytest.raises(ValueError, match="`loss_weights` must be a number.*metrics="):
        model.compile("sgd", "mse", weights)
