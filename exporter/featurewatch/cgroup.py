"""CPU and memory of the container that we run in: used, allowed, and refused.

The kernel enforces the limits of our group and of every group above it, each against what that
group uses as a whole; the one that is nearest to its limit counts. Sources, the first that can be
read: cgroup v2, cgroup v1. Where no group has a limit below what the machine has, we are in no
container, and our group can hold whatever else was started: there
:mod:`featurewatch.processes` tells what this service itself takes of the machine. Files are looked
up under a *root*, which is ``/`` except in tests.

Our group is named by ``/proc/self/cgroup``. A container usually sees its group mounted as the top
of ``/sys/fs/cgroup``, while that file may still give the path on the host; so those groups count
that exist on that path up to the mount. What is above the mount is hidden from us, but for
memory: cgroup v1 tells its tightest limit (``hierarchical_memory_limit``).

Throttling is that of the group with the tightest quota. Kills are those of our own group, whichever
limit they were for: the machine's are mostly somebody else's.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from math import inf
from pathlib import Path
from typing import TypeVar

from featurewatch import processes
from featurewatch.kernelfiles import (
    count_cpus,
    machine_cpus,
    machine_memory,
    table,
    text,
    unless_missing,
)
from featurewatch.usage import Cpu, Level, Memory, Throttling

T = TypeVar("T")

MOUNT = Path("sys/fs/cgroup")
#: v1 writes "unlimited" as the largest page-aligned int64, 9223372036854771712 with 4 KiB pages.
V1_UNLIMITED = 1 << 62


def read_cpu(root: Path, service: Iterable[int] = ()) -> Cpu | None:
    """Return CPU use and limits, or None if no source can be read.

    *service* are the ids of the processes that are this service beside our own.
    """
    return _first(root, (_cpu_v2, _cpu_v1, partial(processes.read_cpu, service=service)))


def read_memory(root: Path, service: Iterable[int] = ()) -> Memory | None:
    """Return memory use and limit, or None if no source can be read; as :func:`read_cpu`."""
    return _first(root, (_memory_v2, _memory_v1, partial(processes.read_memory, service=service)))


def read_throttling(root: Path) -> Throttling | None:
    """Return how CPU time was refused, or None outside of a group that can be limited."""
    return _first(root, (_throttling_v2, _throttling_v1))


def read_oom_kills(root: Path) -> int | None:
    """Return how many processes of the group were killed for want of memory, or None."""
    return _first(root, (_oom_kills_v2, _oom_kills_v1))


def _first(root: Path, sources: Iterable[Callable[[Path], T]]) -> T | None:
    found = (unless_missing(source, root) for source in sources)
    return next((each for each in found if each is not None), None)


def _cpu_v2(root: Path) -> Cpu:
    return _cpu(root, _groups_v2(root), _level_v2)


def _level_v2(group: Path) -> Level:
    limit = min(_quota_v2(group), _cpuset(group, "cpuset.cpus.effective"))
    used = table(group / "cpu.stat")["usage_usec"] / 1e6
    return Level(name=str(group), used_seconds={"": used}, limit_cpus=limit)


def _cpu_v1(root: Path) -> Cpu:
    # One group has a folder below each controller, or below both at once ("cpu,cpuacct").
    return _cpu(root, _groups_v1(root, "cpuacct"), partial(_level_v1, root))


def _level_v1(root: Path, group: Path) -> Level:
    path = group.relative_to(root / MOUNT / "cpuacct")
    cpuset = root / MOUNT / "cpuset" / path
    limit = min(
        _quota_v1(root / MOUNT / "cpu" / path),
        _cpuset(cpuset, "cpuset.effective_cpus"),
        _cpuset(cpuset, "cpuset.cpus"),
    )
    used = float(text(group / "cpuacct.usage")) / 1e9
    return Level(name=str(group), used_seconds={"": used}, limit_cpus=limit)


def _cpu(root: Path, groups: Iterable[Path], read: Callable[[Path], Level]) -> Cpu:
    machine = machine_cpus(root)
    levels = [level for group in groups if (level := unless_missing(read, group))]
    limited = tuple(level for level in levels if 0 < level.limit_cpus < machine)
    if not limited:
        raise LookupError("no group has a limit")
    return Cpu(levels=limited)


def _quota_v2(group: Path) -> float:
    with suppress(FileNotFoundError):  # absent at the root and without the cpu controller
        quota, period = text(group / "cpu.max").split()
        return inf if quota == "max" else float(quota) / float(period)
    return inf


def _quota_v1(group: Path) -> float:
    with suppress(FileNotFoundError):
        quota = float(text(group / "cpu.cfs_quota_us"))
        return quota / float(text(group / "cpu.cfs_period_us")) if quota > 0 else inf
    return inf


def _cpuset(group: Path, file: str) -> float:
    # A container with CPUs of its own may have them here and no quota.
    with suppress(FileNotFoundError):
        return count_cpus(text(group / file))
    return inf


def _memory_v2(root: Path) -> Memory:
    return _memory(root, _groups_v2(root), _memory_of_v2)


def _memory_of_v2(group: Path) -> Memory:
    limit = float(text(group / "memory.max").replace("max", "inf"))
    used = float(text(group / "memory.current"))
    cache = table(group / "memory.stat")["inactive_file"]
    return Memory(used_bytes=max(0.0, used - cache), limit_bytes=limit)


def _memory_v1(root: Path) -> Memory:
    return _memory(root, _groups_v1(root, "memory"), _memory_of_v1)


def _memory_of_v1(group: Path) -> Memory:
    stat = table(group / "memory.stat")
    limit = float(text(group / "memory.limit_in_bytes"))
    limit = min(limit, stat.get("hierarchical_memory_limit", limit))
    used = float(text(group / "memory.usage_in_bytes")) - stat["total_inactive_file"]
    return Memory(used_bytes=max(0.0, used), limit_bytes=inf if limit >= V1_UNLIMITED else limit)


def _memory(root: Path, groups: Iterable[Path], read: Callable[[Path], Memory]) -> Memory:
    """Return the memory of the group that is nearest to its limit."""
    machine = machine_memory(root)
    found = [memory for group in groups if (memory := unless_missing(read, group))]
    limited = [memory for memory in found if 0 < memory.limit_bytes < machine]
    return max(limited, key=lambda memory: memory.ratio)


def _throttling_v2(root: Path) -> Throttling:
    group = min(_existing(_groups_v2(root), "cpu.stat"), key=_quota_v2)
    return _throttling(group, "throttled_usec", 1e6)


def _throttling_v1(root: Path) -> Throttling:
    group = min(_existing(_groups_v1(root, "cpu"), "cpu.stat"), key=_quota_v1)
    return _throttling(group, "throttled_time", 1e9)


def _throttling(group: Path, waited: str, per_second: float) -> Throttling:
    stat = table(group / "cpu.stat")
    return Throttling(
        periods=stat["nr_periods"],
        throttled_periods=stat["nr_throttled"],
        throttled_seconds=stat[waited] / per_second,
    )


def _oom_kills_v2(root: Path) -> int:
    (group, *_) = _existing(_groups_v2(root), "memory.events")
    return table(group / "memory.events")["oom_kill"]


def _oom_kills_v1(root: Path) -> int:
    (group, *_) = _existing(_groups_v1(root, "memory"), "memory.oom_control")
    return table(group / "memory.oom_control")["oom_kill"]  # kernel 4.13 and newer


def _groups_v2(root: Path) -> Iterator[Path]:
    """Yield our group and those above it, as far as they may be there."""
    text(root / MOUNT / "cgroup.controllers")  # only the v2 hierarchy has it at its top
    return _upwards(root / MOUNT, _own_path(root, ""))


def _groups_v1(root: Path, controller: str) -> Iterator[Path]:
    return _upwards(root / MOUNT / controller, _own_path(root, controller))


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    group = mount / path
    while group != mount and ".." not in group.parts:  # else it is outside of the mount
        yield group
        group = group.parent
    yield mount


def _own_path(root: Path, controller: str) -> str:
    # Lines are "id:controllers:path"; v2 has no controllers there, so "" finds it.
    with suppress(OSError):
        for line in text(root / "proc/self/cgroup").splitlines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(","):
                return path.strip("/")
    return ""


def _existing(groups: Iterable[Path], file: str) -> list[Path]:
    """Return those that have *file*, our own first."""
    return [group for group in groups if (group / file).exists()]
