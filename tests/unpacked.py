"""Programs of Debian that `make servers` unpacked into .tools-NAME, or that PATH has."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Program:
    """A program, and the environment in which it finds what was unpacked beside it."""

    path: Path
    environment: dict[str, str]


def find(name: str, folder: str, file: str) -> Program | None:
    """The program `file` below a folder of the project, else the one of this name on PATH."""
    unpacked = ROOT / folder
    if (unpacked / file).exists():
        return Program(unpacked / file, {**os.environ, **_surroundings(unpacked)})
    found = shutil.which(name)
    return Program(Path(found), dict(os.environ)) if found else None


def _surroundings(unpacked: Path) -> dict[str, str]:
    """Where its libraries are, and the fonts and their settings if the machine had none."""
    libraries = {str(each.parent) for each in unpacked.glob("usr/lib/*-linux-gnu*/**/*.so*")}
    found = {"LD_LIBRARY_PATH": ":".join(sorted(libraries))}
    if (unpacked / "etc/fonts").exists():
        found["FONTCONFIG_PATH"] = str(unpacked / "etc/fonts")
    if (unpacked / "usr/share/fonts").exists():
        found["XDG_DATA_HOME"] = str(unpacked / "usr/share")
    return found
