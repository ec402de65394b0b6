"""The command line: `python -m tlm <command>`. Each command lives in a module, imported when it is used."""

from __future__ import annotations

import argparse
import importlib
import shlex
import sys
from collections.abc import Sequence

COMMANDS = {
    "run": "simulate a model on a platform and report",
    "compare": "what differs between platforms or kept runs, and what follows",
    "plot": "pictures of a kept run, or of a platform over resolutions",
    "html": "write a kept run as one page, report.html",
    "trace": "write a kept run for Perfetto or GTKWave",
    "show": "print a platform, resolved, and where each value comes from",
    "validate": "compare predictions with measurements",
    "op": "cycles of one call of an engine",
    "quantize": "a float checkpoint to the integers of the hardware",
    "evaluate": "accuracy, float and quantized",
    "export": "memory images and golden calls for an RTL test bench",
}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="tlm", description="Transaction-level simulator of Vision Mamba accelerators."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary, add_help=False)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 what was checked does not hold, 2 bad input."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = parser().parse_args(given[:1]).command
    module = importlib.import_module(f"analysis.commands.{name}")
    command = argparse.ArgumentParser(prog=f"tlm {name}", description=COMMANDS[name])
    module.arguments(command)
    commands = importlib.import_module("analysis.commands")
    errors, failures = commands.BAD_INPUT, commands.FAILURE
    try:
        options = command.parse_args(given[1:])
        options.command_line = shlex.join(["tlm", *given])
        return module.main(options) or 0
    except errors as error:
        print(error, file=sys.stderr)
        return 2
    except failures as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
