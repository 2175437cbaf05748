"""Benchmarks of kerasish beside Keras, hand-written JAX, PyTorch and Flax NNX: `python -m benchmarks --help`."""
