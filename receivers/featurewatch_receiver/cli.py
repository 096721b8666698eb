"""The command `featurewatch-receiver`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from featurewatch_receiver import runbook, states
from featurewatch_receiver.access.token_files import read_tokens
from featurewatch_receiver.access.users import new_user, read_users
from featurewatch_receiver.app import ProcessRole
from featurewatch_receiver.checks import load_receiver_config
from featurewatch_receiver.deliveries import replay
from featurewatch_receiver.errors import ReceiverError
from featurewatch_receiver.server import serve
from featurewatch_receiver.store.migrate import migrate, take_back
from featurewatch_receiver.version import VERSION


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 2 for whatever its caller can fix."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except ReceiverError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="featurewatch-receiver", description=__doc__)
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (
        ("serve", _serve, "receive alerts and remediate"),
        ("worker", _work, "remediate what others receive; answers for health and metrics alone"),
        ("migrate", _migrate, "bring the database's tables up to date"),
        ("replay", _replay, "send recorded deliveries again, or tell what would be decided"),
        ("check-config", _check_config, "check the configuration file alone"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--config", type=Path, required=True, metavar="FILE")
        command.set_defaults(run=run)
    no_worker = "receive alerts, and leave remediation to other processes"
    commands.choices["serve"].add_argument("--no-worker", action="store_true", help=no_worker)
    back = "take back the revisions after this one, before an older version starts"
    commands.choices["migrate"].add_argument("--to", metavar="REVISION", help=back)
    _add_replay_options(commands.choices["replay"])
    _add_token(commands)
    return parser


def _add_token(commands: Any) -> None:
    text = "make a person's token, and its entry for access.users_file"
    command = commands.add_parser("token", help=text, description=text)
    command.add_argument("--name", required=True, help="what the audit calls them")
    command.add_argument("--role", required=True, choices=[*states.Role])
    command.set_defaults(run=_token)


def _add_replay_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("recording", metavar="FILE", help="a delivery on each line; - for stdin")
    command.add_argument("--url", help="the receiver to send to, instead of receiver.url")
    command.add_argument("--token-file", metavar="FILE", help="instead of receiver.token_file")
    command.add_argument(
        "--dry-run", action="store_true", help="send nothing, and tell what would be decided"
    )


def _serve(options: argparse.Namespace) -> None:
    _run(options.config, ProcessRole.WEB if options.no_worker else ProcessRole.ALL)


def _work(options: argparse.Namespace) -> None:
    _run(options.config, ProcessRole.WORKER)


def _run(file: Path, role: ProcessRole) -> None:
    config = load_receiver_config(file)
    read_tokens(config)  # a missing one is told before anything starts
    if users_file := config.access.users_file:
        read_users(Path(users_file))
    runbook.check(runbook.path(config.receiver.runbook_file))
    serve(config, role)


def _migrate(options: argparse.Namespace) -> None:
    url = load_receiver_config(options.config).receiver.database
    if options.to:
        for line in take_back(url, options.to):
            print(f"took back {line}")
        print(f"{url}: is at {options.to}")
        return
    for line in migrate(url):
        print(f"applied {line}")
    print(f"{url}: is up to date")


def _replay(options: argparse.Namespace) -> None:
    config = load_receiver_config(options.config)
    recording = replay.read(options.recording)
    if options.dry_run:
        for line in replay.decisions(recording, config):
            print(line)
        return
    given = {"url": options.url, "token_file": options.token_file}
    changes = {key: value for key, value in given.items() if value is not None}
    replay.send(recording, config.receiver.model_copy(update=changes))
    print(f"{options.recording}: {len(recording)} deliveries are stored")


def _token(options: argparse.Namespace) -> None:
    token, entry = new_user(options.name, options.role)
    print(entry)
    print(f"The token of {options.name}, which nobody can show again: {token}", file=sys.stderr)


def _check_config(options: argparse.Namespace) -> None:
    load_receiver_config(options.config)
    print(f"{options.config}: is fine")
