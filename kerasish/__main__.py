"""The command line: `python -m kerasish inspect FILE`, `verify FILE` and `convert IN OUT`."""

import argparse
import sys

from kerasish.saving import tools


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit status.

    Args:
        arguments: the command line, by default that of the process.
    """
    parser = argparse.ArgumentParser(prog="python -m kerasish", description="Look at, verify and convert saved models.")
    commands = parser.add_subparsers(dest="command", required=True)
    inspect = commands.add_parser("inspect", help="show members, shapes, dtypes and the state of checksums")
    verify = commands.add_parser("verify", help="read all of a file and compare it with its checksums")
    for command in (inspect, verify):
        command.add_argument("file", help="a .keras, .weights.h5, .h5 or .weights.json file, or a directory")
    convert = commands.add_parser("convert", help="write a file in another format, which its ending says")
    convert.add_argument("source")
    convert.add_argument("target", help="ends in .keras, .h5, .weights.h5 or .weights.json")
    convert.add_argument("--max-shard-size", type=float, default=5.0, help="GiB per file, for .weights.json")
    given = parser.parse_args(arguments)
    if given.command == "inspect":
        return tools.run(lambda: tools.inspect(given.file), print)
    if given.command == "verify":
        return tools.run(lambda: tools.verify(given.file), print)
    return tools.run(lambda: tools.convert(given.source, given.target, given.max_shard_size), print)


if __name__ == "__main__":
    sys.exit(main())
