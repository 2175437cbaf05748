"""Runs one workload for one contestant in this process and prints what it measured as a line of JSON."""

# Nothing is imported here that a contestant's own start-up time could hide behind.
import importlib
import json
import sys


def main() -> None:
    name, contestant = sys.argv[1:]
    workload = importlib.import_module(f"benchmarks.workloads.{name}")
    result = getattr(workload, contestant)()
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
