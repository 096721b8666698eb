"""The command `featurewatch-receiver`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from featurewatch_receiver import runbook
from featurewatch_receiver.configcheck import load_receiver_config
from featurewatch_receiver.errors import ReceiverError
from featurewatch_receiver.factory import Role
from featurewatch_receiver.migrate import migrate
from featurewatch_receiver.server import serve
from featurewatch_receiver.tokens import read_tokens


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 2 for whatever its caller can mend."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except ReceiverError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="featurewatch-receiver", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (
        ("serve", _serve, "receive alerts and remediate"),
        ("worker", _work, "remediate what others receive; answers for health and metrics alone"),
        ("migrate", _migrate, "bring the database's tables up to date"),
        ("check-config", _check_config, "check the configuration file alone"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--config", type=Path, required=True, metavar="FILE")
        command.set_defaults(run=run)
    no_worker = "receive alerts, and leave remediation to other processes"
    commands.choices["serve"].add_argument("--no-worker", action="store_true", help=no_worker)
    return parser


def _serve(options: argparse.Namespace) -> None:
    _run(options.config, Role.WEB if options.no_worker else Role.ALL)


def _work(options: argparse.Namespace) -> None:
    _run(options.config, Role.WORKER)


def _run(file: Path, role: Role) -> None:
    config = load_receiver_config(file)
    read_tokens(config)  # a missing one is told before anything starts
    runbook.check(Path(config.receiver.runbook_file))
    serve(config, role)


def _migrate(options: argparse.Namespace) -> None:
    url = load_receiver_config(options.config).receiver.database
    done = migrate(url)
    for line in done:
        print(f"applied {line}")
    print(f"{url}: is up to date")


def _check_config(options: argparse.Namespace) -> None:
    load_receiver_config(options.config)
    print(f"{options.config}: is fine")
