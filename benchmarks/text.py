"""Times TextVectorization and StringLookup beside Keras's, which needs TensorFlow, on 100,000 short texts.

Run it with `python benchmarks/text.py`; without Keras and TensorFlow it shows kerasish's times alone.
"""

import importlib.util
import os
import statistics
import time

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import kerasish

ROUNDS = 5


def make_texts(count=100_000, words=50_000):
    """Return texts of 3 to 15 words, drawn by Zipf's law, with capitals and punctuation."""
    generator = np.random.default_rng(0)
    known = np.array([f"{'aeiou'[i % 5]}w{i:x}{'!,.'[i % 3] if i % 7 == 0 else ''}" for i in range(words)])
    known[::11] = np.char.capitalize(known[::11])
    lengths = generator.integers(3, 16, size=count)
    drawn = known[(generator.zipf(1.3, size=lengths.sum()) - 1) % words]
    return [" ".join(part) for part in np.split(drawn, np.cumsum(lengths)[:-1])]


def median_seconds(function):
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure(layers, texts):
    """Return the seconds that each task takes with the layers of one package."""
    array = np.array(texts)
    words = np.array([text.split()[0] for text in texts])
    few = array[:32]
    vectorize = layers.TextVectorization(max_tokens=20_000, output_sequence_length=12)
    bigrams = layers.TextVectorization(max_tokens=20_000, ngrams=2, output_sequence_length=12)
    lookup, hashing = layers.StringLookup(), layers.Hashing(num_bins=1000)
    return {
        "adapt, list of texts": median_seconds(lambda: vectorize.adapt(texts)),
        "adapt, NumPy array": median_seconds(lambda: vectorize.adapt(array)),
        "call, NumPy array": median_seconds(lambda: np.asarray(vectorize(array))),
        "call, list of texts": median_seconds(lambda: np.asarray(vectorize(texts))),
        "call, batch of 32": median_seconds(lambda: [np.asarray(vectorize(few)) for _ in range(50)]) / 50,
        "adapt, bigrams": median_seconds(lambda: bigrams.adapt(array)),
        "call, bigrams": median_seconds(lambda: np.asarray(bigrams(array))),
        "StringLookup adapt": median_seconds(lambda: lookup.adapt(words)),
        "StringLookup call": median_seconds(lambda: np.asarray(lookup(words))),
        "Hashing call": median_seconds(lambda: np.asarray(hashing(words))),
    }


def main():
    texts = make_texts()
    packages = {"kerasish": kerasish}
    if importlib.util.find_spec("keras") and importlib.util.find_spec("tensorflow"):
        import keras

        packages["keras"] = keras
    times = {name: measure(package.layers, texts) for name, package in packages.items()}
    print(f"{'milliseconds, median of ' + str(ROUNDS):28}" + "".join(f"{name:>12}" for name in times) + f"{'ratio':>9}")
    for what, ours in times["kerasish"].items():
        row = [results[what] for results in times.values()]
        ratio = f"{row[1] / ours:9.2f}" if len(row) > 1 else ""
        print(f"{what:28}" + "".join(f"{seconds * 1e3:12.2f}" for seconds in row) + ratio)


if __name__ == "__main__":
    main()
