"""The command behind `make bench`.

Exit codes: 0 every goal met, 1 a goal missed or a measurement failed, 2 wrong input.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import report
from bench.figures import BenchError, Figure
from bench.subjects import SUBJECTS
from featurewatch_kit.errors import KitError
from featurewatch_kit.project import find_root
from featurewatch_receiver.errors import ConfigError

REPORT = Path("build/bench.json")
FOLDER = Path("build/bench")
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the subjects and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        root = find_root(Path.cwd())
        return _measure(options.only or list(SUBJECTS), root)
    except KitError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return INTERRUPTED


def _measure(names: Sequence[str], root: Path) -> int:
    place = report.machine(root)
    print(", ".join(f"{key} {value}" for key, value in place.items()), flush=True)
    figures: list[Figure] = []
    failed = [name for name in names if not _run(name, root, figures)]
    report.write(root / REPORT, place, figures)
    return 1 if failed or any(figure.met is False for figure in figures) else 0


def _run(name: str, root: Path, figures: list[Figure]) -> bool:
    """Measure one subject; what it found before it failed counts, and so do the others."""
    folder = root / FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        for figure in SUBJECTS[name](root, folder):
            print(figure.line(), flush=True)
            figures.append(figure)
    except (BenchError, ConfigError, KitError) as error:
        print(f"bench: {name}: {error}", file=sys.stderr)
        return False
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, help="measure these alone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
