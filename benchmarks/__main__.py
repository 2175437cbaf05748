"""Measures workloads, prints their tables and writes benchmarks/results.json and docs/benchmarks.md."""

import argparse

from benchmarks import report
from benchmarks.measure import facts, measure
from benchmarks.workloads import WORKLOADS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(WORKLOADS)}; all by default")
    parser.add_argument(
        "--repetitions", type=int, help="fresh processes for each library (default: as the workload says)"
    )
    parser.add_argument("--cores", type=int, default=2, help="CPU cores that every process may use (default: 2)")
    parser.add_argument("--libraries", nargs="+", help="measure only these, such as kerasish keras")
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, once: shows that everything runs; writes nothing"
    )
    options = parser.parse_args()
    unknown = set(options.names) - set(WORKLOADS)
    if unknown:
        parser.error(f"unknown workloads {sorted(unknown)}; there are {', '.join(WORKLOADS)}")

    results, machine = {}, facts(options.cores)
    for name in options.names or WORKLOADS:
        results[name] = measure(name, options.repetitions, options.cores, options.libraries, options.quick)
        print(report.text(name, results[name]), flush=True)
    if not options.quick and not options.libraries:
        print("written:", *report.write(results, machine))


if __name__ == "__main__":
    main()
