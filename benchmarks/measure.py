"""Runs workloads: a fresh process for each library and repetition, the libraries taking turns."""

import datetime
import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.workloads import WORKLOADS

ROOT = Path(__file__).parent.parent
PACKAGES = ("jax", "jaxlib", "numpy", "keras", "torch", "flax", "optax")


def measure(name: str, repetitions: int | None, cores: int, libraries: list[str] | None, quick: bool) -> dict:
    """Measure one workload.

    Returns:
        `{"values": {contestant: {measured name: [one number per repetition]}}, "skipped": {contestant: reason}}`.
    """
    workload = WORKLOADS[name]
    repetitions = 1 if quick else repetitions or workload.repetitions
    values: dict[str, dict[str, list[float]]] = {}
    skipped: dict[str, str] = {}
    for repetition in range(repetitions):
        for contestant, packages in workload.contestants.items():
            missing = [package for package in packages if importlib.util.find_spec(package) is None]
            if libraries is not None and contestant not in libraries:
                continue
            if missing:
                if contestant not in skipped:
                    print(f"{name}: {contestant} skipped, {' and '.join(missing)} not installed", flush=True)
                skipped[contestant] = f"{' and '.join(missing)} not installed"
                continue
            result = run_once(name, contestant, cores, quick)
            shown = ", ".join(f"{key} {value:.4g}" for key, value in result.items())
            print(f"{name} {repetition + 1}/{repetitions} {contestant}: {shown}", flush=True)
            for key, value in result.items():
                values.setdefault(contestant, {}).setdefault(key, []).append(value)
    return {"values": values, "skipped": skipped}


def run_once(name: str, contestant: str, cores: int, quick: bool) -> dict[str, float]:
    """Run one workload for one contestant in a process of its own; return what it measured."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": str(cores),
        "BENCHMARK_QUICK": "1" if quick else "",
        "BENCHMARK_STARTED": repr(time.time()),
    }
    if hasattr(os, "sched_setaffinity"):
        available = sorted(os.sched_getaffinity(0))
        command = ["taskset", "-c", ",".join(map(str, available[:cores]))] if len(available) > cores else []
    command += [sys.executable, "-m", "benchmarks.worker", name, contestant]
    process = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if process.returncode:
        raise SystemExit(f"{name}, {contestant} failed:\n{process.stdout[-2000:]}\n{process.stderr[-4000:]}")
    return json.loads(process.stdout.strip().splitlines()[-1])


def median(numbers: list[float]) -> float:
    return statistics.median(numbers)


def facts(cores: int) -> dict:
    """Return what the figures depend on: machine and versions."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    return {
        "date": datetime.date.today().isoformat(),
        "processor": model,
        "cores_used": cores,
        "load_average_at_start": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "versions": versions,
    }
