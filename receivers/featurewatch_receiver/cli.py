"""The command `featurewatch-receiver`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from featurewatch_receiver import runbook
from featurewatch_receiver.config import load_receiver_config
from featurewatch_receiver.errors import ReceiverError
from featurewatch_receiver.server import serve
from featurewatch_receiver.tokens import read_tokens


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 2 for whatever its caller can mend."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options.config)
    except ReceiverError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="featurewatch-receiver", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (
        ("serve", _serve, "receive alerts and remediate"),
        ("check-config", _check_config, "check the configuration file alone"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--config", type=Path, required=True, metavar="FILE")
        command.set_defaults(run=run)
    return parser


def _serve(file: Path) -> None:
    config = load_receiver_config(file)
    read_tokens(config)  # a missing one is told before anything starts
    runbook.check(Path(config.receiver.runbook_file))
    serve(config)


def _check_config(file: Path) -> None:
    load_receiver_config(file)
    print(f"{file}: is fine")
