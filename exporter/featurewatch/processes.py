"""CPU and memory that this service uses itself, as a part of the machine.

The service is our process with all that it started, and with several processes
(:mod:`featurewatch.multiprocess`) all of them with what they started. A child's CPU time counts
after its end, too, once its parent has asked for its exit; what a process of several used after
the last look before its own end does not.
"""

import os
from collections.abc import Iterable, Iterator
from math import inf
from pathlib import Path
from typing import NamedTuple

from featurewatch.kernelfiles import (
    count_cpus,
    machine_cpus,
    machine_memory,
    table,
    text,
    unless_missing,
)
from featurewatch.usage import Cpu, Level, Memory

NAME = "processes"


class Process(NamedTuple):
    """One line of ``/proc/<id>/stat``."""

    parent: int
    #: User and system time, of itself and of its children that have ended.
    ticks: int
    #: When it started: an id is given away again.
    started: str


def read_cpu(root: Path, service: Iterable[int]) -> Cpu:
    """Return the CPU time of our process and of *service*, and of what they started.

    The limit are the CPUs that our process may run on. Raises ``OSError``, ``ValueError`` or
    ``LookupError`` if it cannot be read.
    """
    family = _Family(root, service)
    ticks_per_second = os.sysconf("SC_CLK_TCK")
    used = {part: ticks / ticks_per_second for part, ticks in family.ticks().items()}
    limit = min(unless_missing(_allowed_cpus, root) or inf, machine_cpus(root))
    if limit == inf:
        raise ValueError("the machine tells no number of CPUs")
    return Cpu(levels=(Level(name=NAME, used_seconds=used, limit_cpus=limit),))


def read_memory(root: Path, service: Iterable[int]) -> Memory:
    """Return the memory of the same processes, of the machine's; raises as :func:`read_cpu`."""
    members = _Family(root, service).members
    read = _own_memory if len(members) == 1 else _part_of_memory
    used = [unless_missing(read, root / "proc" / str(member)) or 0 for member in members]
    limit = machine_memory(root)
    if limit == inf or not any(used):
        raise ValueError("neither the machine nor our process tells its memory")
    return Memory(used_bytes=sum(used) * 1024, limit_bytes=limit)


class _Family:
    """Our process and those of *service*, with all their descendants."""

    def __init__(self, root: Path, service: Iterable[int]) -> None:
        own = int(text(root / "proc/self/stat").split()[0])
        self._all = dict(_processes(root))
        self._children: dict[int, list[int]] = {}
        for pid, process in self._all.items():
            self._children.setdefault(process.parent, []).append(pid)
        self._heads = [pid for pid in {own, *service} if pid in self._all]
        self.members = {member for head in self._heads for member in self._below(head)}

    def ticks(self) -> dict[str, int]:
        """CPU time of each that none of the others started, with what it started."""
        return {
            f"{head} {self._all[head].started}": sum(
                self._all[pid].ticks for pid in self._below(head)
            )
            for head in self._heads
            if self._all[head].parent not in self.members
        }

    def _below(self, head: int) -> Iterator[int]:
        yield head
        for child in self._children.get(head, ()):
            yield from self._below(child)


def _processes(root: Path) -> Iterator[tuple[int, Process]]:
    for folder in (root / "proc").iterdir():
        if folder.name.isdigit() and (process := unless_missing(_process, folder)):
            yield int(folder.name), process


def _process(folder: Path) -> Process:
    # "id (name) state parent ...": the name can have anything in it.
    fields = text(folder / "stat").rpartition(")")[2].split()
    return Process(int(fields[1]), sum(map(int, fields[11:15])), fields[19])


def _allowed_cpus(root: Path) -> float:
    return count_cpus(_status(root / "proc/self")["Cpus_allowed_list"])


def _status(folder: Path) -> dict[str, str]:
    rows = (line.partition(":") for line in text(folder / "status").splitlines())
    return {name: value.strip() for name, _, value in rows}


def _own_memory(folder: Path) -> int:
    sizes = table(folder / "status")
    return sizes["RssAnon:"] + sizes["RssShmem:"]


def _part_of_memory(folder: Path) -> int:
    """Memory that several share counts for each by its part, which costs the kernel more."""
    sizes = unless_missing(table, folder / "smaps_rollup") or {}
    if "Pss_Anon:" in sizes:
        return sizes["Pss_Anon:"] + sizes["Pss_Shmem:"]
    return _own_memory(folder)
