"""A stand-in for a model, and a way to put a callback through a script of logs."""

import types

import numpy as np

from kerasish.callbacks.logs import Logs


class Rate:
    """An optimizer that keeps its learning rate in single precision, as real ones do."""

    def __init__(self, learning_rate=0.1, name="sgd"):
        self.name = name
        self.learning_rate = learning_rate

    def __setattr__(self, name, value):
        super().__setattr__(name, np.float32(value) if name == "learning_rate" else value)


class FakeModel:
    """What callbacks use of a model; every weight is the number of the epoch just trained."""

    def __init__(self, metrics=(), optimizer=None):
        self.metrics = list(metrics)
        self.optimizer = optimizer or Rate()
        self.stop_training = False
        self.epoch = None
        self.restored = None
        self.saved = []
        self.history = None

    def get_weights(self):
        return [np.array(self.epoch)]

    def set_weights(self, weights):
        self.restored = int(weights[0])

    def save(self, filepath, overwrite=True):
        self.saved.append(("model", filepath))

    def save_weights(self, filepath, overwrite=True):
        self.saved.append(("weights", filepath))


def metric(name, direction):
    return types.SimpleNamespace(name=name, _direction=direction)


def run(callback, script, model=None, batches=0):
    """Train for `script` epochs and return the model, and the state of the callback after each epoch."""
    model = model or FakeModel()
    callback.set_params({"verbose": 0, "epochs": len(script), "steps": batches})
    callback.set_model(model)
    model.stop_training = False
    callback.on_train_begin({})
    states = []
    for epoch, values in enumerate(script):
        model.epoch = epoch
        callback.on_epoch_begin(epoch, {})
        for batch in range(batches):
            callback.on_train_batch_begin(batch, {})
            callback.on_train_batch_end(batch, dict(values))
        logs = Logs(values) if type(callback).__module__.startswith("kerasish") else dict(values)
        callback.on_epoch_end(epoch, logs)
        names = ("best", "wait", "best_epoch", "stopped_epoch", "cooldown_counter")
        state = {name: getattr(callback, name) for name in names if hasattr(callback, name)}
        states.append({**state, "lr": float(model.optimizer.learning_rate), "logs": sorted(logs)})
        if model.stop_training:
            break
    callback.on_train_end({})
    return model, states
