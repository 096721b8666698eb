"""The command behind `make signal`.

Without settings of your own it writes docs/signal.md, unless it was asked for less than that has.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from featurewatch_kit.errors import KitError
from featurewatch_kit.project import find_root
from featurewatch_receiver.errors import ConfigError
from simulator.cells import ROWS, Effort, Measured
from simulator.document import DOCUMENT, SHOW, document
from simulator.run import run
from simulator.service import Service, load_service

WHOLE = Effort()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables and return the exit code."""
    options = _parser().parse_args(arguments)
    root = options.root or find_root(Path.cwd())
    effort = Effort.of(options.weeks, options.seed)
    service = load_service(root, options.config)
    _say_what_is_missing(service)
    cells = _measured(root, options, effort)
    text = document(service.texts, service.rules.step, effort, cells)
    if options.config or options.only or effort != WHOLE:
        print(text)
    else:
        (root / DOCUMENT).write_text(text, encoding="utf-8")
        print(f"wrote {DOCUMENT}")
    return 0


def _say_what_is_missing(service: Service) -> None:
    for title, why in service.rules.left_out.items():
        print(f"left out: {title}: {why}", file=sys.stderr)


def _measured(root: Path, options: argparse.Namespace, effort: Effort) -> Measured:
    started = time.monotonic()
    cells: Measured = {}
    for cell, shown in run(root, options.config, effort, set(options.only)):
        cells[cell] = shown
        words = cell.section, cell.row.title, f"{cell.rate:g}/s", SHOW[cell.section](shown)
        print(f"{time.monotonic() - started:4.0f} s ", *words, file=sys.stderr, flush=True)
    return cells


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make signal", description=__doc__)
    parser.add_argument("--root", type=Path, help="the featurewatch checkout")
    parser.add_argument(
        "--config", type=Path, action="append", default=[], metavar="FILE", help="your settings"
    )
    parser.add_argument("--weeks", type=float, default=WHOLE.weeks, help="of each healthy service")
    parser.add_argument("--seed", type=int, default=WHOLE.seed)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=[])
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ConfigError, KitError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
