"""The report of a run: where it ran, and its figures."""

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figures import Figure
from featurewatch_kit import programs
from featurewatch_kit.errors import MissingProgramError

CPUINFO = Path("/proc/cpuinfo")


def machine(root: Path) -> dict[str, Any]:
    """What the figures depend on beside the code."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _cpu_model(),
        # Others' work at the start: near 0 on a quiet machine.
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "prometheus": _prometheus(root),
    }


def write(file: Path, place: dict[str, Any], figures: Sequence[Figure]) -> None:
    """Write machine and figures as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    report = {"machine": place, "figures": [figure.entry() for figure in figures]}
    file.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _cpu_model() -> str:
    lines = CPUINFO.read_text().splitlines() if CPUINFO.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _prometheus(root: Path) -> str | None:
    try:
        path = programs.find(programs.PROMETHEUS, root)
    except MissingProgramError:
        return None
    return ".".join(map(str, programs.version(path)))
