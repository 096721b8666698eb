"""`featurewatch init`: settings, users and places for secrets in a folder of one's own."""

import secrets
import tempfile
from pathlib import Path

from featurewatch_kit.errors import ArgumentError
from featurewatch_kit.privatefile import write_private
from featurewatch_kit.project import load_config
from featurewatch_kit.setup import units
from featurewatch_kit.setup.answers import Answers
from featurewatch_kit.setup.overlay import (
    DATA,
    GENERATED,
    RECEIVER_TOKEN,
    SECRETS,
    SETTINGS,
    USERS,
    overlay,
    secret_names,
)
from featurewatch_receiver.access.users import new_user
from featurewatch_receiver.errors import ConfigError
from featurewatch_receiver.states import Role

UNITS = "systemd"


def initialize(folder: Path, answers: Answers, root: Path) -> None:
    """Write the folder and say what comes next.

    Raises:
        ArgumentError: there is something already, or an answer does not fit.

    """
    folder = folder.resolve()
    if folder.exists() and any(folder.iterdir()):
        raise ArgumentError(f"{folder}: is not empty; name a new folder")
    text = overlay(answers, folder)
    _try(text, root)
    token, entry = _user(answers.responder)
    for name in ("", SECRETS, DATA):
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / SETTINGS).write_text(text, encoding="utf-8")
    write_private(folder / USERS, f"users:\n{entry}\n")
    write_private(folder / SECRETS / RECEIVER_TOKEN, secrets.token_urlsafe(32))
    for name in secret_names(answers):
        write_private(folder / SECRETS / name, "")
    units.write(folder / UNITS, folder, root)
    print(_what_next(folder, answers, token))


def _user(name: str) -> tuple[str, str]:
    try:
        return new_user(name, Role.RESPONDER)
    except ConfigError as error:
        raise ArgumentError(f"init: --responder{str(error).removeprefix('--name')}") from error


def _try(text: str, root: Path) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        try:
            load_config(root, [Path(file.name)])
        except ConfigError as error:
            faults = [line.split(": ", 1)[1] for line in str(error).splitlines()]
            raise ArgumentError("\n".join(f"init: {fault}" for fault in faults)) from error


def _what_next(folder: Path, answers: Answers, token: str) -> str:
    settings = folder / SETTINGS
    empty = [str(folder / SECRETS / name) for name in secret_names(answers)]
    fill = f"\nPut the secrets into these files first: {', '.join(empty)}" if empty else ""
    return f"""wrote {folder}

Console: sign in as {answers.responder} with this token, which is shown once:
  {token}
{fill}
Next:
  featurewatch check --config {settings} --secrets
  featurewatch generate --config {settings} --out {folder / GENERATED}
  featurewatch up {folder}"""
