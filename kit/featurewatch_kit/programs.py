"""Finds the programs of the chain: those that `make tools` unpacked, or else those on PATH."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from featurewatch_kit.errors import MissingProgramError

TOOLS = Path(".tools")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program, the names it goes by, the oldest version that will do, and who ships it."""

    names: tuple[str, ...]
    oldest: tuple[int, int]
    package: str


# keep_firing_for came with Prometheus 2.42, the *_file settings that we use with Alertmanager 0.25.
PROMETHEUS = Program(names=("prometheus",), oldest=(2, 42), package="prometheus")
PROMTOOL = Program(names=("promtool",), oldest=(2, 42), package="prometheus")
# Debian renames the binary, upstream's release does not.
ALERTMANAGER = Program(
    names=("prometheus-alertmanager", "alertmanager"),
    oldest=(0, 25),
    package="prometheus-alertmanager",
)
AMTOOL = Program(names=("amtool",), oldest=(0, 25), package="prometheus-alertmanager")
ALL = (PROMETHEUS, PROMTOOL, ALERTMANAGER, AMTOOL)


def find(program: Program, root: Path) -> Path:
    """Path of a program that is new enough; those unpacked in the project go first.

    Raises:
        MissingProgramError: there is none, or only older ones.

    """
    old: list[str] = []
    for path in _candidates(program, root):
        found = version(path)
        if found >= program.oldest:
            return path
        old.append(f"{path} is {'.'.join(map(str, found))}")
    raise MissingProgramError(_complaint(program, old))


def _candidates(program: Program, root: Path) -> list[Path]:
    unpacked = [root / TOOLS / "usr/bin" / name for name in program.names]
    on_path = [Path(path) for name in program.names if (path := shutil.which(name))]
    return [path for path in unpacked if path.is_file()] + on_path


def start_folder(path: Path, root: Path) -> Path | None:
    """Folder that a program must start in, if any: see scripts/fetch-tools.sh."""
    tools = root / TOOLS
    return tools if path.is_relative_to(tools) else None


def version(path: Path) -> tuple[int, int]:
    """Major and minor version, (0, 0) when the program does not say."""
    answer = subprocess.run(
        [path, "--version"], capture_output=True, text=True, timeout=30, check=False
    )
    found = re.search(r"version (\d+)\.(\d+)", answer.stdout + answer.stderr)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _complaint(program: Program, old: list[str]) -> str:
    name, oldest = program.names[0], ".".join(map(str, program.oldest))
    return (
        f"{name} {oldest} or newer is needed, and {' and '.join(old) or 'it is not on PATH'}; run"
        f" `make tools` (Debian, Ubuntu), or install {program.package} and put it on PATH"
    )
