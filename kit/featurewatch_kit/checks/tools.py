"""promtool and amtool accept the generated files."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from featurewatch_kit import programs
from featurewatch_kit.checks.finding import Finding
from featurewatch_kit.errors import MissingProgramError
from featurewatch_kit.generate import ALERTMANAGER, ALERTS, RULES, write

TEMPLATES = "alertmanager/templates/*.tmpl"
SECONDS = 60.0


def check_with_tools(files: dict[str, str], root: Path) -> Iterator[Finding]:
    """A finding for each file that is refused; a note for each tool that is not there."""
    # Alertmanager's host has the templates elsewhere; here they are in the checkout.
    here = yaml.safe_load(files[ALERTMANAGER]) | {"templates": [str(root / TEMPLATES)]}
    with tempfile.TemporaryDirectory() as folder:
        write({**files, ALERTMANAGER: yaml.safe_dump(here)}, Path(folder))
        for name in (RULES, ALERTS):
            yield from _ask(programs.PROMTOOL, ["check", "rules"], name, Path(folder), root)
        yield from _ask(programs.AMTOOL, ["check-config"], ALERTMANAGER, Path(folder), root)


def _ask(
    program: programs.Program, words: list[str], name: str, folder: Path, root: Path
) -> Iterator[Finding]:
    try:
        path = programs.find(program, root)
    except MissingProgramError as error:
        yield Finding(name, f"not checked by {program.names[0]}: {error}", note=True)
        return
    command = [str(path), *words, str(folder / name)]
    start = programs.start_folder(path, root)
    try:
        done = subprocess.run(
            command, cwd=start, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        yield Finding(name, f"{program.names[0]} does not end within {SECONDS:g} s; try it by hand")
        return
    if done.returncode:
        said = _complaint(done.stdout + done.stderr).replace(str(folder / name), name)
        yield Finding(name, f"{program.names[0]} refuses it: {said}")


def _complaint(text: str) -> str:
    """What follows the word FAILED, on one line; all of it when that is not said."""
    _, failed, rest = text.partition("FAILED:")
    return " ".join((rest if failed else text).split())
