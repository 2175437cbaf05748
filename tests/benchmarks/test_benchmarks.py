"""Medians, limits and tables of the benchmarks; and that a workload runs in a process of its own."""

import importlib
import json
import os

import pytest

from benchmarks import measure, report
from benchmarks.workloads import LABELS, WORKLOADS

MADE_UP = {
    "values": {
        "kerasish": {"seconds": [1.0, 3.0, 2.0], "loss": [0.5, 0.5, 0.5]},
        "keras": {"seconds": [10.0, 10.0, 10.0], "loss": [0.5, 0.5, 0.6]},
        "jax_scan": {"seconds": [1.5, 1.5, 1.5], "loss": [0.5, 0.5, 0.5]},
    },
    "skipped": {"torch": "torch not installed"},
}


@pytest.mark.parametrize("name", WORKLOADS)
def test_contestants_are_functions_with_labels(name):
    module = importlib.import_module(f"benchmarks.workloads.{name}")
    workload = WORKLOADS[name]
    assert all(callable(getattr(module, contestant)) and contestant in LABELS for contestant in workload.contestants)
    for limit in workload.limits:
        assert {limit.contestant, limit.other or limit.contestant} <= set(workload.contestants)


def test_rows_hold_medians_and_ratios():
    header, kerasish, keras, scan = report.rows("tiny_mlp", MADE_UP)
    assert header[-1] == "loss"
    assert kerasish == ["kerasish", "2", "1 to 3", "1.00", "0.20", "0.5"]
    assert keras[3:5] == ["5.00", "1.00"]
    assert scan[3:5] == ["0.75", "0.15"]


def test_limits_are_checked():
    (check,) = report.checks("tiny_mlp", MADE_UP)
    assert check["holds"] is False
    assert check["bound"] == pytest.approx(1.2 * 1.5)
    assert report.check_lines("tiny_mlp", MADE_UP)[0].startswith("FAIL: kerasish ≤ 1.2 × JAX by hand")
    check, *others = report.checks("tabular", MADE_UP)
    assert check["holds"] is True
    assert [other["holds"] for other in others] == [None, None]
    (check,) = report.checks("predict_row", {"values": {}, "skipped": {}})
    assert check["holds"] is None


def test_writing_keeps_workloads_that_were_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(report, "PAGE", tmp_path / "page.md")
    facts = measure.facts(2)
    report.write({"tiny_mlp": MADE_UP}, facts)
    report.write({"tabular": MADE_UP}, facts)
    assert list(json.loads(report.RESULTS.read_text())["workloads"]) == ["tiny_mlp", "tabular"]
    page = report.PAGE.read_text()
    assert WORKLOADS["tiny_mlp"].title in page
    assert "PASS: kerasish ≤ 0.5 × Keras (2, limit 5)" in page


def test_a_workload_runs_in_its_own_process():
    result = measure.run_once("eager_dense", "kerasish", cores=2, quick=True)
    assert result["microseconds"] > 0
    assert result["python_calls"] <= 25


@pytest.mark.skipif(os.environ.get("KERASISH_BENCHMARKS") != "1", reason="measures times; set KERASISH_BENCHMARKS=1")
@pytest.mark.parametrize("name", ["resnet_build", "efficientnet_build"])
def test_networks_are_built_in_a_tenth_of_the_time(name):
    result = measure.measure(name, 1, cores=2, libraries=["kerasish", "keras"], quick=False)
    assert result["values"]["kerasish"]["parameters"] == result["values"]["keras"]["parameters"]
    assert all(check["holds"] for check in report.checks(name, result)), report.text(name, result)
