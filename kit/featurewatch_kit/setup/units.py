"""Units for systemd: Prometheus, Alertmanager and the receiver as services of one user."""

import getpass
from pathlib import Path

from featurewatch_kit import programs
from featurewatch_kit.errors import MissingProgramError
from featurewatch_kit.project import load_config
from featurewatch_kit.setup import commands
from featurewatch_kit.setup.overlay import DATA, GENERATED, SETTINGS

Version = tuple[int, int]

UNIT = """\
[Unit]
Description={what} of featurewatch
After=network-online.target
Wants=network-online.target

[Service]
User={user}
{service}
Restart=always
NoNewPrivileges=yes
ProtectSystem=full

[Install]
WantedBy=multi-user.target
"""
#: Where Debian's packages have them, if they are not here yet.
PROMETHEUS, ALERTMANAGER = Path("/usr/bin/prometheus"), Path("/usr/bin/prometheus-alertmanager")


def write(place: Path, folder: Path, root: Path) -> None:
    """Write the three units for that folder of settings below `place`."""
    config = load_config(root, [folder / SETTINGS])
    generated, data = folder / GENERATED, folder / DATA
    prometheus, its_version = _program(programs.PROMETHEUS, PROMETHEUS, root)
    alertmanager, version = _program(programs.ALERTMANAGER, ALERTMANAGER, root)
    listen = commands.alertmanager_address(config)
    options = commands.alertmanager(generated, data, listen, commands.lasting(version))
    services = {
        "prometheus": _service(
            prometheus, commands.prometheus(config, generated, data, its_version), root
        ),
        "alertmanager": _service(alertmanager, options, root),
        "receiver": f"ExecStart={_words(commands.receiver(generated))}",
    }
    place.mkdir()
    for name, service in services.items():
        text = UNIT.format(what=name.capitalize(), user=getpass.getuser(), service=service)
        (place / f"featurewatch-{name}.service").write_text(text, encoding="utf-8")


def _program(program: programs.Program, otherwise: Path, root: Path) -> tuple[Path, Version]:
    try:
        found = programs.find(program, root)
    except MissingProgramError:
        return otherwise, program.oldest
    return found, programs.version(found)


def _service(program: Path, options: commands.Options, root: Path) -> str:
    flags = (f"--{name}={value}" for name, value in options.items())
    line = f"ExecStart={_words([str(program), *flags])}"
    folder = programs.start_folder(program, root)
    return f"WorkingDirectory={folder}\n{line}" if folder else line


def _words(command: list[str]) -> str:
    return " ".join(map(_quoted, command))


def _quoted(word: str) -> str:
    """As systemd reads it: % begins a specifier, $ a variable."""
    safe = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{safe}"' if any(sign in safe for sign in " \t'\"\\") else safe
