"""The files of ``/proc`` and ``/sys``, and what they tell of the machine."""

from collections.abc import Callable
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


def text(path: Path) -> str:
    """Return what a file says, without the white space around it."""
    return path.read_text(encoding="utf-8").strip()


def table(path: Path) -> dict[str, int]:
    """Return the lines "name number" of a file."""
    rows = (line.split() for line in text(path).splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}


def count_cpus(ranges: str) -> float:
    """Return how many CPUs a list like ``0,2-3`` has; an empty one sets no limit."""
    parts = [part.split("-") for part in ranges.split(",") if part]
    return sum(int(cpus[-1]) - int(cpus[0]) + 1 for cpus in parts) or inf


def machine_cpus(root: Path) -> float:
    """Return how many CPUs the machine has, infinitely many if it does not tell."""
    with suppress(OSError):
        lines = text(root / "proc/stat").splitlines()
        return sum(line[:3] == "cpu" and line[3:4].isdigit() for line in lines) or inf
    return inf


def machine_memory(root: Path) -> float:
    """Return the bytes of memory that the machine has, infinitely many if it does not tell."""
    with suppress(OSError, LookupError):
        return table(root / "proc/meminfo")["MemTotal:"] * 1024
    return inf


def unless_missing(read: Callable[[T], U], where: T) -> U | None:
    """Return what *read* finds there; None if the file is not there or makes no sense."""
    with suppress(OSError, ValueError, LookupError):
        return read(where)
    return None
