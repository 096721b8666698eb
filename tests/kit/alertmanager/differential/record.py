"""Records what a real Alertmanager tells, so that its version need not be here to be compared with.

usage: FEATUREWATCH_TOOLS=.tools-sid PYTHONPATH=tests:. .venv/bin/python -m \
    kit.alertmanager.differential.record VERSION [steady|restart|kill|reload|directed|delayed]...
"""

import gzip
import json
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from featurewatch_kit.alertmanager.versions import version as read_version
from featurewatch_kit.programs import ALERTMANAGER, find
from kit.alertmanager.differential import agreement
from kit.alertmanager.differential.batch import Happened, Run, Told
from kit.alertmanager.differential.cases import Case
from kit.alertmanager.differential.directed import LONG_END, delayed, directed
from kit.alertmanager.differential.making import make
from kit.alertmanager.differential.real import Real

ROOT = Path(__file__).parents[4]
FOLDER = Path(__file__).parents[1] / "recorded"
COUNTS = {"": 40, "restart": 14, "kill": 6, "reload": 10}
BEATS = (0.6, 0.9, 1.6)


def read(file: Path) -> Run:
    """A recorded run."""
    plain = json.loads(gzip.decompress(file.read_bytes()))
    plain["happened"] = [Happened(**one) for one in plain["happened"]]
    plain["told"] = [
        Told(
            one["time"],
            one["path"],
            one["group"],
            tuple((labels, state) for labels, state in one["alerts"]),
            tuple(one["starts"]),
        )
        for one in plain["told"]
    ]
    return Run(**plain)


def recorded() -> Iterator[tuple[str, Run]]:
    """Every recorded run with its version."""
    for file in sorted(FOLDER.glob("*.json.gz")):
        yield file.name.split("-")[0], read(file)


def _write(version: str, name: str, run: Run) -> None:
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(asdict(run), separators=(",", ":"))
    file = FOLDER / f"{version}-{name}.json.gz"
    file.write_bytes(gzip.compress(text.encode(), mtime=0))


def _record(version: str, name: str, cases: dict[int, Case], **options: Any) -> None:
    """Keep the first run that agrees; if none does, say so and keep the last."""
    for beat in BEATS:
        with tempfile.TemporaryDirectory() as folder:
            program = find(ALERTMANAGER, ROOT)
            run = Real(program, ROOT, Path(folder), cases, beat).run(**options)
        faults = agreement.compared(run, version)
        print(version, name, f"{len(faults)} of {len(cases)} disagree", *faults.values())
        if not faults:
            break
    _write(version, name, run)


def main(version: str, names: list[str]) -> None:
    """Record random and directed cases, all kinds or these."""
    with ThreadPoolExecutor(2) as pool:
        for breaks, count in COUNTS.items():
            name = breaks or "steady"
            if not names or name in names:
                cases = dict(enumerate(make(count, version, breaks)))
                pool.submit(_record, version, name, cases, breaks=breaks)
        if not names or "directed" in names:
            cases = dict(enumerate(directed()))
            pool.submit(_record, version, "directed", cases, beats=LONG_END)
        if read_version(version).waits_to_dispatch and (not names or "delayed" in names):
            pool.submit(_record, version, "delayed", {0: delayed()}, beats=32, delay=14)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
