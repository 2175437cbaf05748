"""Tables of what was measured, beside the limits; as text, as JSON, and as the page docs/benchmarks.md."""

import json
from pathlib import Path

from benchmarks.measure import ROOT, median
from benchmarks.workloads import LABELS, WORKLOADS, Limit

RESULTS, PAGE = ROOT / "benchmarks" / "results.json", ROOT / "docs" / "benchmarks.md"

HEAD = """# Benchmarks

`python -m benchmarks` measures this page. Every figure is the median over fresh processes in which the libraries take
turns; epochs count from the second on, shuffling and everything between epochs included. All contestants of a training
workload start from the same weights with the same Adam (rate 1e-3, epsilon 1e-7); "loss" is the mean training loss of
the third epoch. PyTorch has one thread for the two MLPs, where that is faster. Libraries that are not installed are
left out. Ratios above 1 are slower than the library they name.

"""


def rows(name: str, result: dict) -> list[list[str]]:
    """Return the table of a workload: header, then one row per contestant."""
    workload = WORKLOADS[name]
    others = {key: None for figures in result["values"].values() for key in figures if key != workload.figure}
    header = ["", f"median ({workload.unit})", "least to most", "ratio to kerasish", "ratio to Keras", *others]
    table = [[title.replace("_", " ") for title in header]]
    for contestant, figures in result["values"].items():
        numbers = figures[workload.figure]
        row = [LABELS[contestant], number(median(numbers)), f"{number(min(numbers))} to {number(max(numbers))}"]
        for base in ("kerasish", "keras"):
            values = result["values"].get(base)
            row.append(f"{median(numbers) / median(values[workload.figure]):.2f}" if values else "")
        row += [number(median(figures[key])) if key in figures else "" for key in others]
        table.append(row)
    return table


def number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 100 else f"{value:.3g}"


def checks(name: str, result: dict) -> list[dict]:
    """Return each limit of a workload with its value, its bound and whether it holds; None where not measured."""
    workload, found = WORKLOADS[name], []
    for limit in workload.limits:
        figure = limit.figure or workload.figure
        values = [result["values"].get(key) for key in (limit.contestant, limit.other) if key]
        entry = {"limit": describe(limit, figure, workload.unit), "value": None, "bound": None, "holds": None}
        if all(values):
            other = median(values[1][figure]) if limit.other else 0.0
            entry["value"], entry["bound"] = median(values[0][figure]), limit.factor * other + limit.margin
            entry["holds"] = entry["value"] <= entry["bound"]
        found.append(entry)
    return found


def describe(limit: Limit, figure: str, unit: str) -> str:
    unit = "" if limit.figure else f" {unit}"
    terms = [] if limit.other is None else [f"{limit.factor:g} × {LABELS[limit.other]}"]
    if limit.margin or not terms:
        terms.append(f"{limit.margin:g}{unit}")
    prefix = f"{figure.replace('_', ' ')} of " if limit.figure else ""
    return f"{prefix}{LABELS[limit.contestant]} ≤ {' + '.join(terms)}"


def check_lines(name: str, result: dict) -> list[str]:
    lines = []
    for entry in checks(name, result):
        verdict = {True: "PASS", False: "FAIL", None: "not measured"}[entry["holds"]]
        shown = "" if entry["holds"] is None else f" ({number(entry['value'])}, limit {number(entry['bound'])})"
        lines.append(f"{verdict}: {entry['limit']}{shown}")
    return lines


def text(name: str, result: dict) -> str:
    """Return the table of a workload for a terminal."""
    table = rows(name, result)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths))
        )
        for row in table
    ]
    return "\n".join(["", WORKLOADS[name].title, *lines, *check_lines(name, result), ""])


def page(results: dict, facts: dict) -> str:
    """Return the page of the manual."""
    versions = ", ".join(f"{package} {version}" for package, version in facts["versions"].items() if version)
    parts = [
        HEAD,
        f"Measured {facts['date']} on {facts['cores_used']} cores of {facts['processor']}, Python {facts['python']}, "
        f"{versions}. Load average of the machine when it began: {facts['load_average_at_start']}.\n",
    ]
    for name in (name for name in WORKLOADS if name in results):
        header, *body = rows(name, results[name])
        lines = [header, ["---"] + ["---:"] * (len(header) - 1), *body]
        parts.append(
            f"\n## {WORKLOADS[name].title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
        )
        limits = check_lines(name, results[name])
        if limits:
            parts.append("\n" + "\n".join(f"- {line}" for line in limits) + "\n")
    return "".join(parts)


def write(results: dict, facts: dict) -> list[Path]:
    """Write results.json and the page; workloads that were not run now keep what the file says of them.

    Returns:
        The paths written.
    """
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"workloads": {}}
    stored = known["workloads"]
    for name, result in results.items():
        stored[name] = {**result, "checks": checks(name, result), "facts": facts}
    stored = {name: stored[name] for name in WORKLOADS if name in stored}
    RESULTS.write_text(json.dumps({"facts": facts, "workloads": stored}, indent=1) + "\n")
    PAGE.write_text(page(stored, facts))
    return [path.relative_to(ROOT) for path in (RESULTS, PAGE)]
