"""CPU and memory of the container that we run in: used, allowed, and refused.

Sources, the first that can be read: cgroup v2, cgroup v1, the machine. Files are looked up under
a *root*, which is ``/`` except in tests.

Our group is named by ``/proc/self/cgroup``. A container usually sees its group mounted as the top
of ``/sys/fs/cgroup``, while that file may still give the path on the host; so the nearest existing
group from that path up to the mount is taken. Limits of groups above it are not searched. No
limit, or one above what the machine has, means the machine's own CPUs and memory.

Throttling and kills are those of the group alone: the machine's are mostly somebody else's.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

MOUNT = Path("sys/fs/cgroup")
#: v1 writes "unlimited" as the largest page-aligned int64, 9223372036854771712 with 4 KiB pages.
V1_UNLIMITED = 1 << 62


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """CPU time of the group, or of the machine."""

    #: Which source spoke; counters of different sources cannot be subtracted.
    source: str
    #: CPU time since the group or the machine started.
    used_seconds: float
    #: CPU seconds that may be used per second.
    limit_cpus: float


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Memory of the group, or of the machine."""

    #: The working set: memory in use without the file cache that the kernel can drop at once.
    used_bytes: float
    limit_bytes: float

    @property
    def ratio(self) -> float:
        """Used over allowed."""
        return self.used_bytes / self.limit_bytes


@dataclass(frozen=True, kw_only=True)
class Throttling:
    """How the group's CPU limit was enforced, since the group started."""

    #: Periods in which the group wanted to run, and those of them in which it had to wait.
    periods: float
    throttled_periods: float
    #: Time that its CPUs waited, added up.
    throttled_seconds: float


def read_cpu(root: Path) -> Cpu | None:
    """Return CPU use and limit, or None if no source can be read."""
    return _first(root, (_cpu_v2, _cpu_v1, _cpu_machine))


def read_memory(root: Path) -> Memory | None:
    """Return memory use and limit, or None if no source can be read."""
    return _first(root, (_memory_v2, _memory_v1, _memory_machine))


def read_throttling(root: Path) -> Throttling | None:
    """Return how CPU time was refused, or None outside of a group that can be limited."""
    return _first(root, (_throttling_v2, _throttling_v1))


def read_oom_kills(root: Path) -> int | None:
    """Return how many processes of the group were killed for want of memory, or None."""
    return _first(root, (_oom_kills_v2, _oom_kills_v1))


def _first(root: Path, sources: tuple[Callable[[Path], T], ...]) -> T | None:
    for source in sources:
        with suppress(OSError, ValueError, LookupError):
            return source(root)
    return None


def _cpu_v2(root: Path) -> Cpu:
    group = _group_v2(root, "cpu.stat")
    used = _table(group / "cpu.stat")["usage_usec"] / 1e6
    limit = _tightest(_quota_v2(group), _cpuset_v2(group), _machine_cpus(root))
    return Cpu(source="v2", used_seconds=used, limit_cpus=limit)


def _quota_v2(group: Path) -> float:
    with suppress(FileNotFoundError):  # absent at the root and without the cpu controller
        quota, period = _text(group / "cpu.max").split()
        return inf if quota == "max" else float(quota) / float(period)
    return inf


def _cpuset_v2(group: Path) -> float:
    # A container with CPUs of its own may have them here and no quota.
    with suppress(FileNotFoundError):
        ranges = [part.split("-") for part in _text(group / "cpuset.cpus.effective").split(",")]
        return sum(int(cpus[-1]) - int(cpus[0]) + 1 for cpus in ranges)
    return inf


def _memory_v2(root: Path) -> Memory:
    group = _group_v2(root, "memory.current")
    cache = _table(group / "memory.stat")["inactive_file"]
    used = max(0.0, float(_text(group / "memory.current")) - cache)
    limit = float(_text(group / "memory.max").replace("max", "inf"))
    return Memory(used_bytes=used, limit_bytes=_tightest(limit, _machine_memory(root)))


def _cpu_v1(root: Path) -> Cpu:
    used = float(_text(_group_v1(root, "cpuacct", "cpuacct.usage") / "cpuacct.usage")) / 1e9
    limit = _tightest(_quota_v1(root), _machine_cpus(root))
    return Cpu(source="v1", used_seconds=used, limit_cpus=limit)


def _quota_v1(root: Path) -> float:
    with suppress(FileNotFoundError):
        group = _group_v1(root, "cpu", "cpu.cfs_quota_us")
        quota = float(_text(group / "cpu.cfs_quota_us"))
        return quota / float(_text(group / "cpu.cfs_period_us")) if quota > 0 else inf
    return inf


def _memory_v1(root: Path) -> Memory:
    group = _group_v1(root, "memory", "memory.usage_in_bytes")
    cache = _table(group / "memory.stat")["total_inactive_file"]
    used = max(0.0, float(_text(group / "memory.usage_in_bytes")) - cache)
    limit = float(_text(group / "memory.limit_in_bytes"))
    limit = inf if limit >= V1_UNLIMITED else limit
    return Memory(used_bytes=used, limit_bytes=_tightest(limit, _machine_memory(root)))


def _throttling_v2(root: Path) -> Throttling:
    return _throttling(_group_v2(root, "cpu.stat"), "throttled_usec", 1e6)


def _throttling_v1(root: Path) -> Throttling:
    return _throttling(_group_v1(root, "cpu", "cpu.stat"), "throttled_time", 1e9)


def _throttling(group: Path, waited: str, per_second: float) -> Throttling:
    table = _table(group / "cpu.stat")
    return Throttling(
        periods=table["nr_periods"],
        throttled_periods=table["nr_throttled"],
        throttled_seconds=table[waited] / per_second,
    )


def _oom_kills_v2(root: Path) -> int:
    return _table(_group_v2(root, "memory.events") / "memory.events")["oom_kill"]


def _oom_kills_v1(root: Path) -> int:
    group = _group_v1(root, "memory", "memory.oom_control")
    return _table(group / "memory.oom_control")["oom_kill"]  # kernel 4.13 and newer


def _cpu_machine(root: Path) -> Cpu:
    # "cpu user nice system idle iowait irq softirq steal guest guest_nice" in clock ticks;
    # user and nice already contain both guests.
    ticks = [int(field) for field in _text(root / "proc/stat").splitlines()[0].split()[1:9]]
    busy = sum(ticks) - ticks[3] - ticks[4]
    used = busy / os.sysconf("SC_CLK_TCK")
    return Cpu(source="machine", used_seconds=used, limit_cpus=_tightest(_machine_cpus(root)))


def _memory_machine(root: Path) -> Memory:
    total = _machine_memory(root)
    free = _table(root / "proc/meminfo")["MemAvailable:"] * 1024
    return Memory(used_bytes=total - free, limit_bytes=_tightest(total))


def _machine_cpus(root: Path) -> float:
    with suppress(OSError):
        lines = _text(root / "proc/stat").splitlines()
        return sum(line[:3] == "cpu" and line[3:4].isdigit() for line in lines) or inf
    return inf


def _machine_memory(root: Path) -> float:
    with suppress(OSError, LookupError):
        return _table(root / "proc/meminfo")["MemTotal:"] * 1024
    return inf


def _tightest(*limits: float) -> float:
    limit = min(limits)
    if not 0 < limit < inf:
        raise ValueError("neither the group nor the machine tells a limit")
    return limit


def _group_v2(root: Path, file: str) -> Path:
    _text(root / MOUNT / "cgroup.controllers")  # only the v2 hierarchy has it at its top
    return _nearest(root / MOUNT, _own_path(root, ""), file)


def _group_v1(root: Path, controller: str, file: str) -> Path:
    return _nearest(root / MOUNT / controller, _own_path(root, controller), file)


def _own_path(root: Path, controller: str) -> str:
    # Lines are "id:controllers:path"; v2 has no controllers there, so "" finds it.
    with suppress(OSError):
        for line in _text(root / "proc/self/cgroup").splitlines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(","):
                return path.strip("/")
    return ""


def _nearest(mount: Path, path: str, file: str) -> Path:
    group = mount / path
    while group != mount and not (group / file).exists():
        group = group.parent
    return group


def _table(path: Path) -> dict[str, int]:
    rows = (line.split() for line in _text(path).splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) > 1}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()
