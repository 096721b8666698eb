"""Finds the programs of the chain: those that `make tools` unpacked, or else those on PATH.

The environment variable FEATUREWATCH_TOOLS names another folder of unpacked programs, relative to
the project: FEATUREWATCH_TOOLS=.tools-trixie. Then they come from there and from nowhere else, so
that a test of another version is never one of this machine's.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from featurewatch_kit.errors import MissingProgramError

TOOLS = Path(".tools")
TOOLS_VARIABLE = "FEATUREWATCH_TOOLS"
VERSION_SECONDS = 30.0


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


def tools_folder(root: Path) -> Path:
    """Folder of the unpacked programs."""
    return root / (_chosen() or TOOLS)


def _chosen() -> str:
    """Tools folder that the environment names, empty when it names none."""
    return os.environ.get(TOOLS_VARIABLE, "")


def find(program: Program, root: Path) -> Path:
    """Path of a program that is new enough; those unpacked in the tools folder go first.

    Raises:
        MissingProgramError: there is none, or only such that are older or can't be run.

    """
    faults: dict[Path, str] = {}
    for path in _candidates(program, root):
        fault = _fault(path, program.oldest)
        if fault is None:
            return path
        faults[path] = f"{path} {fault}"
    raise MissingProgramError(_complaint(program, faults, tools_folder(root)))


def _fault(path: Path, oldest: tuple[int, int]) -> str | None:
    """Why this program will not do, or None: it will."""
    try:
        found = version(path)
    except subprocess.TimeoutExpired:
        return f"can't be run (no answer within {VERSION_SECONDS:g} s)"
    except OSError as error:
        return f"can't be run ({error.strerror})"
    if found == (0, 0):
        return "does not say its version"
    return None if found >= oldest else f"is {'.'.join(map(str, found))}"


def _candidates(program: Program, root: Path) -> list[Path]:
    unpacked = [tools_folder(root) / "usr/bin" / name for name in program.names]
    found = [path for path in unpacked if path.is_file()]
    if not _chosen():
        found += [Path(path) for name in program.names if (path := shutil.which(name))]
    return found


def start_folder(path: Path, root: Path) -> Path | None:
    """Folder that a program must start in, if any: see scripts/fetch-tools.sh."""
    tools = tools_folder(root)
    return tools if path.is_relative_to(tools) else None


def version(path: Path) -> tuple[int, int]:
    """Major and minor version, (0, 0) when the program does not say.

    Raises:
        OSError: it can't be executed.
        subprocess.TimeoutExpired: it does not end.

    """
    answer = subprocess.run(
        [path, "--version"],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=VERSION_SECONDS,
        check=False,
    )
    found = re.search(r"version (\d+)\.(\d+)", answer.stdout + answer.stderr)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _complaint(program: Program, faults: dict[Path, str], tools: Path) -> str:
    name, oldest = program.names[0], ".".join(map(str, program.oldest))
    place = f"in {tools} ({TOOLS_VARIABLE})" if _chosen() else "on PATH"
    found = " and ".join(faults.values()) or f"it is not {place}"
    fetched = any(path.is_relative_to(tools) for path in faults)
    return f"{name} {oldest} or newer is needed, and {found}; {_fix(program, tools, fetched)}"


def _fix(program: Program, tools: Path, fetched: bool) -> str:
    if _chosen():
        return f"run `scripts/fetch-tools.sh {tools} SUITE` for a newer suite of Debian"
    if not fetched:
        return f"run `make tools` (Debian, Ubuntu), or install {program.package} and put it on PATH"
    oldest = ".".join(map(str, program.oldest))
    # Fetching what Debian has may bring the same version again.
    return (
        f"remove {tools} and run `make tools`, or install {program.package} {oldest} or newer"
        " and put it on PATH"
    )
