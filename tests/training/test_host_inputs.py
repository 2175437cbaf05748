"""fit, evaluate and predict of models that start with strings."""

import numpy as np
import pytest

from kerasish import Input, Sequential, layers
from kerasish.utils import PyDataset

GENERATOR = np.random.default_rng(0)
LABELS = GENERATOR.integers(0, 2, 60)
TEXTS = np.array([" ".join(GENERATOR.choice(["good", "the"] if y else ["bad", "the", "it"], 4)) for y in LABELS])


def make(with_input=True, **options):
    first = layers.TextVectorization(vocabulary=["good", "bad", "the"], output_mode="count", name="text")
    stack = [Input((1,), dtype="string")] if with_input else []
    dense = layers.Dense(1, activation="sigmoid", kernel_initializer="zeros")
    model = Sequential([*stack, first, dense])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"], **options)
    return model


def trained_on_vectors():
    vectors = layers.TextVectorization(vocabulary=["good", "bad", "the"], output_mode="count")(TEXTS)
    model = Sequential([Input((4,)), layers.Dense(1, activation="sigmoid", kernel_initializer="zeros")])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(vectors, LABELS, epochs=2, batch_size=16, shuffle=False, verbose=0).history
    return history, model.predict(vectors, verbose=0)


class Batches(PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        rows = slice(16 * index, 16 * index + 16)
        return TEXTS[rows], LABELS[rows]


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (lambda: (TEXTS, LABELS), {"batch_size": 16, "shuffle": False}),
        (lambda: (TEXTS.tolist(), LABELS), {"batch_size": 16, "shuffle": False}),
        (lambda: (TEXTS[:, None].astype(object), LABELS), {"batch_size": 16, "shuffle": False}),
        (lambda: (Batches(),), {"shuffle": False}),
        (lambda: ((Batches()[index] for index in range(4)),), {"epochs": 1}),
    ],
)
def test_as_on_vectors(data, options):
    model = make()
    history = model.fit(*data(), **{"epochs": 2, "verbose": 0} | options).history
    expected, outputs = trained_on_vectors()
    for name, values in history.items():
        np.testing.assert_allclose(values, expected[name][: len(values)], rtol=1e-5)
    if len(history["loss"]) == 2:
        np.testing.assert_allclose(model.predict(TEXTS, verbose=0), outputs, rtol=1e-5)


def test_validation_and_weights():
    model = make()
    history = model.fit(
        TEXTS, LABELS, sample_weight=np.ones(60), validation_split=0.2, epochs=2, verbose=0, class_weight=None
    ).history
    assert len(history["val_loss"]) == 2
    loss, accuracy = model.evaluate(TEXTS[48:], LABELS[48:], verbose=0)
    np.testing.assert_allclose([loss, accuracy], [history["val_loss"][-1], history["val_accuracy"][-1]], rtol=1e-5)
    history = model.fit(TEXTS, LABELS, validation_data=(TEXTS.tolist(), LABELS), verbose=0, class_weight={0: 2.0, 1: 1})
    assert "val_loss" in history.history


def test_one_batch():
    model = make()
    outputs = model.predict_on_batch(TEXTS[:3].tolist())
    assert outputs.shape == (3, 1)
    np.testing.assert_allclose(outputs, model(TEXTS[:3]), rtol=1e-6)
    assert (
        len(model.train_on_batch(TEXTS[:5], LABELS[:5]))
        == len(model.test_on_batch(TEXTS[:5].tolist(), LABELS[:5]))
        == 2
    )


def test_without_input_and_eagerly():
    unbuilt = make(with_input=False)
    unbuilt.fit(TEXTS, LABELS, verbose=0)
    assert unbuilt.output_shape == (None, 1)
    eager = make(run_eagerly=True)
    eager.fit(TEXTS[:32], LABELS[:32], verbose=0)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="same number of samples"):
        make().fit(TEXTS, LABELS[:5], verbose=0)


def test_strings_without_host_layers_are_refused():
    model = Sequential([Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="strings"):
        model.fit(TEXTS, LABELS, verbose=0)
