"""CPU and memory ratios from the files of each kind of machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import Gauge, generate_latest

from featurewatch import processes, watch_resources

MIB = 1024 * 1024

OURS = 42


QUIET = {"parent": 1, "ticks": 0, "ended_children": 0, "started": 7, "mib": 0, "allowed": "0-3"}


def process(pid, **told):
    """A process that used so many ticks (of 1/100 s) of CPU, half of them in the kernel."""
    told = QUIET | told
    user = told["ticks"] // 2
    times = f"{user} {told['ticks'] - user} {told['ended_children']} 0"
    stat = f"{pid} (a ) b) S {told['parent']} 1 1 0 -1 0 1 2 3 4 {times} 20 0 1 0 {told['started']}"
    return {
        f"proc/{pid}/stat": stat + " 9\n",
        f"proc/{pid}/status": f"Name:\ta\nVmRSS:\t9 kB\nRssAnon:\t{told['mib'] * 1000} kB\n"
        f"RssFile:\t77 kB\nRssShmem:\t{told['mib'] * 24} kB\n"
        f"Cpus_allowed_list:\t{told['allowed']}\n",
    }


def own(**options):
    """Our own process."""
    files = process(OURS, **options)
    return files | {name.replace(str(OURS), "self"): text for name, text in files.items()}


# 4 CPUs and 1000 MiB. We have used 100 ticks and 250 MiB; others are busy, too.
MACHINE = {
    "proc/stat": "cpu 100000 0 50 9000 10 0 0 0 0 0\n"
    + "".join(f"cpu{n} 1 0 1 9\n" for n in range(4)),
    "proc/meminfo": f"MemTotal: {1000 * 1024} kB\nMemFree: 1 kB\nMemAvailable: {600 * 1024} kB\n",
    **own(ticks=100, mib=250),
    **process(1, parent=0, ticks=10_000, mib=100),
    **process(7, ticks=90_000, mib=500),
}
#: After 4 more CPU seconds of ours, and 40 of the others.
LATER = own(ticks=500, mib=250) | process(7, ticks=94_000, mib=500)


def v2_group(path, *, cpu_max="max 100000", memory_max="max", memory=300):
    """A cgroup v2 group that used 10 s of CPU, and 300 MiB of which 100 are droppable cache."""
    return {
        f"{path}/cpu.stat": "usage_usec 10000000\nuser_usec 1\nnr_throttled 0\n",
        f"{path}/cpu.max": f"{cpu_max}\n",
        f"{path}/memory.current": f"{memory * MIB}\n",
        f"{path}/memory.stat": f"anon 1\ninactive_file {100 * MIB}\nactive_file 1\n",
        f"{path}/memory.max": f"{memory_max}\n",
    }


def v1_group(path, *, quota=-1, memory_limit=1 << 62, hierarchical=1 << 62):
    """The same use, as cgroup v1 writes it; *path* is that below each controller."""
    return {
        f"sys/fs/cgroup/cpuacct{path}/cpuacct.usage": "10000000000\n",
        f"sys/fs/cgroup/cpu{path}/cpu.cfs_quota_us": f"{quota}\n",
        f"sys/fs/cgroup/cpu{path}/cpu.cfs_period_us": "100000\n",
        f"sys/fs/cgroup/memory{path}/memory.usage_in_bytes": f"{300 * MIB}\n",
        f"sys/fs/cgroup/memory{path}/memory.limit_in_bytes": f"{memory_limit}\n",
        f"sys/fs/cgroup/memory{path}/memory.stat": (
            f"inactive_file 1\ntotal_inactive_file {100 * MIB}\n"
            f"hierarchical_memory_limit {hierarchical}\n"
        ),
    }


TOP = "sys/fs/cgroup"
POD = "kubepods.slice/pod7/cri-9.scope"
V2 = MACHINE | {f"{TOP}/cgroup.controllers": "cpu memory\n", "proc/self/cgroup": "0::/\n"}
V2_ON_HOST = V2 | {"proc/self/cgroup": f"0::/{POD}\n"}
V1_LINES = "4:memory:/docker/9\n2:cpu,cpuacct:/docker/9\n1:name=systemd:/docker/9\n"
V1 = MACHINE | {"proc/self/cgroup": V1_LINES}
V1_UNLIMITED = 9223372036854771712

# After 10 s in which 4 s of CPU were used; the working set is 300 - 100 = 200 MiB.
# name: (files, files after 4 more CPU seconds, CPU ratio, memory ratio)
USAGE_AFTER = "usage_usec 14000000\n"
TREES = {
    "v2 limited": (
        # CPU 4 s / (10 s * 0.5 CPU) = 0.8; memory 200 / 250 MiB = 0.8
        V2 | v2_group(TOP, cpu_max="50000 100000", memory_max=250 * MIB),
        {f"{TOP}/cpu.stat": USAGE_AFTER},
        (0.8, 0.8),
    ),
    "v2 without a limit is our process, of the machine": (
        # CPU 4 / (10 * 4 CPUs) = 0.1; memory 250 * 1024 kB of 1000 MiB
        V2 | v2_group(TOP),
        {f"{TOP}/cpu.stat": "usage_usec 999000000\n"} | LATER,
        (0.1, 0.25),
    ),
    "v2 limit above the machine is none": (
        V2 | v2_group(TOP, cpu_max="6400000 100000", memory_max=64_000 * MIB),
        {f"{TOP}/cpu.stat": "usage_usec 999000000\n"} | LATER,
        (0.1, 0.25),
    ),
    "v2 with a limit of memory alone": (
        V2 | v2_group(TOP, memory_max=250 * MIB),
        {f"{TOP}/cpu.stat": "usage_usec 999000000\n"} | LATER,
        (0.1, 0.8),
    ),
    "v2 with CPUs of its own": (
        # cpuset 0,2-3 = 3 CPUs, no quota: 4 / (10 * 3) = 0.1333...
        V2 | v2_group(TOP) | {f"{TOP}/cpuset.cpus.effective": "0,2-3\n"},
        {f"{TOP}/cpu.stat": USAGE_AFTER} | LATER,
        (4 / 30, 0.25),
    ),
    "v2 with all CPUs of the machine": (
        V2 | v2_group(TOP) | {f"{TOP}/cpuset.cpus.effective": "0-3\n"},
        {f"{TOP}/cpu.stat": "usage_usec 999000000\n"} | LATER,
        (0.1, 0.25),
    ),
    "v2 root of the host": (
        # The root has cpu.stat, which is everybody's, but neither limits nor memory.current
        V2 | {f"{TOP}/cpu.stat": "usage_usec 10000000\n"},
        {f"{TOP}/cpu.stat": "usage_usec 999000000\n"} | LATER,
        (0.1, 0.25),
    ),
    "v2 with the host's cgroup tree": (
        # Our group is the nearest to its limits: 2 CPUs, 400 MiB
        V2_ON_HOST
        | v2_group(f"{TOP}/{POD}", cpu_max="200000 100000", memory_max=400 * MIB)
        | v2_group(f"{TOP}/kubepods.slice", cpu_max="300000 100000", memory_max=900 * MIB),
        {f"{TOP}/{POD}/cpu.stat": USAGE_AFTER, f"{TOP}/kubepods.slice/cpu.stat": USAGE_AFTER},
        (0.2, 0.5),
    ),
    "v2 whose parent has the limits": (
        # All of the slice: 8 s of 10 s * 1 CPU, (580 - 100) of 500 MiB
        V2_ON_HOST
        | v2_group(f"{TOP}/{POD}")
        | v2_group(
            f"{TOP}/kubepods.slice", cpu_max="100000 100000", memory_max=500 * MIB, memory=580
        ),
        {
            f"{TOP}/{POD}/cpu.stat": USAGE_AFTER,
            f"{TOP}/kubepods.slice/cpu.stat": "usage_usec 18000000\n",
        },
        (0.8, 0.96),
    ),
    "v2 whose parent is nearer to its looser limits": (
        # 4 / (10 * 1 CPU) and 200 / 400 MiB; 18 / (10 * 2 CPUs) and 790 / 800 MiB
        V2_ON_HOST
        | v2_group(f"{TOP}/{POD}", cpu_max="100000 100000", memory_max=400 * MIB)
        | v2_group(
            f"{TOP}/kubepods.slice", cpu_max="200000 100000", memory_max=800 * MIB, memory=890
        ),
        {
            f"{TOP}/{POD}/cpu.stat": USAGE_AFTER,
            f"{TOP}/kubepods.slice/cpu.stat": "usage_usec 28000000\n",
        },
        (0.9, 790 / 800),
    ),
    "v2 with the host's path but only our group mounted": (
        V2_ON_HOST | v2_group(TOP, cpu_max="200000 100000", memory_max=400 * MIB),
        {f"{TOP}/cpu.stat": USAGE_AFTER},
        (0.2, 0.5),
    ),
    "v2 with a path outside of the mount": (
        V2
        | v2_group(TOP, cpu_max="200000 100000", memory_max=400 * MIB)
        | {"proc/self/cgroup": "0::/../../other\n"},
        {f"{TOP}/cpu.stat": USAGE_AFTER},
        (0.2, 0.5),
    ),
    "v1 limited": (
        # Docker mounts our group at the top of each controller: 2 CPUs, 400 MiB
        V1 | v1_group("", quota=200_000, memory_limit=400 * MIB),
        {f"{TOP}/cpuacct/cpuacct.usage": "14000000000\n"},
        (0.2, 0.5),
    ),
    "v1 with the host's cgroup tree": (
        V1 | v1_group("/docker/9", quota=200_000, memory_limit=400 * MIB),
        {f"{TOP}/cpuacct/docker/9/cpuacct.usage": "14000000000\n"},
        (0.2, 0.5),
    ),
    "v1 whose parent has the limits": (
        V1
        | v1_group("/docker/9", memory_limit=V1_UNLIMITED)
        | v1_group("/docker", quota=200_000, memory_limit=400 * MIB),
        {f"{TOP}/cpuacct/docker/cpuacct.usage": "14000000000\n"},
        (0.2, 0.5),
    ),
    "v1 with a limit of memory above what is mounted": (
        V1 | v1_group("", memory_limit=V1_UNLIMITED, hierarchical=250 * MIB),
        {f"{TOP}/cpuacct/cpuacct.usage": "999000000000\n"} | LATER,
        (0.1, 0.8),
    ),
    "v1 with CPUs of its own": (
        V1 | v1_group("/docker/9") | {f"{TOP}/cpuset/docker/9/cpuset.cpus": "1\n"},
        {f"{TOP}/cpuacct/docker/9/cpuacct.usage": "14000000000\n"} | LATER,
        (0.4, 0.25),
    ),
    "v1 unlimited is our process, of the machine": (
        V1 | v1_group("", quota=-1, memory_limit=V1_UNLIMITED),
        {f"{TOP}/cpuacct/cpuacct.usage": "999000000000\n"} | LATER,
        (0.1, 0.25),
    ),
    "no cgroup is our process, of the machine": (MACHINE, LATER, (0.1, 0.25)),
    "our process on two of the CPUs": (
        MACHINE | own(ticks=100, mib=250, allowed="1,3"),
        own(ticks=500, mib=250, allowed="1,3"),
        (0.2, 0.25),
    ),
    "our process with what it started": (
        # 1 s of its own, 2 s of children that have ended, 0.5 s and 0.5 s of living ones
        MACHINE | process(50, parent=OURS, ticks=100, mib=50),
        own(ticks=200, ended_children=200, mib=250)
        | process(50, parent=OURS, ticks=150, mib=50)
        | process(51, parent=50, ticks=50, mib=100),
        (0.1, 0.4),
    ),
}


def plant(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def ratios(registry, extractor="feature_extractor"):
    """One scrape: the CPU and the memory ratio, None for a series that is not there."""
    samples = {
        sample.name: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.labels["extractor"] == extractor
    }
    return tuple(
        samples.get(f"feature_extraction_{kind}_utilization_ratio") for kind in ("cpu", "memory")
    )


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES.keys())
def test_ratios_are_those_of_the_limit(registry, tmp_path, clock, tree):
    files, after, expected = tree
    plant(tmp_path, files)
    watch_resources(registry=registry, root=tmp_path, clock=clock)
    plant(tmp_path, after)
    clock.now += 10
    assert ratios(registry) == pytest.approx(expected)


def test_nothing_readable_gives_no_series(registry, tmp_path, clock):
    watch_resources(registry=registry, root=tmp_path, clock=clock)
    clock.now += 10
    assert ratios(registry) == (None, None)


@pytest.mark.parametrize("damaged", ["", "garbage", "cpu", "usage_usec\n", "1 2 3"])
def test_files_that_make_no_sense_give_no_series_and_no_error(registry, tmp_path, clock, damaged):
    plant(tmp_path, dict.fromkeys(V2 | v2_group(TOP), damaged))
    watch_resources(registry=registry, root=tmp_path, clock=clock)
    clock.now += 10
    assert ratios(registry) == (None, None)


def test_limit_is_enough_where_the_machine_cannot_be_read(registry, tmp_path, clock):
    limited = v2_group(TOP, cpu_max="50000 100000", memory_max=250 * MIB)
    plant(tmp_path, limited | {f"{TOP}/cgroup.controllers": "cpu memory\n"})
    watch_resources(registry=registry, root=tmp_path, clock=clock)
    plant(tmp_path, {f"{TOP}/cpu.stat": USAGE_AFTER})
    clock.now += 10
    assert ratios(registry) == pytest.approx((0.8, 0.8))


def test_unlimited_group_without_a_readable_machine_gives_no_series(registry, tmp_path, clock):
    plant(tmp_path, v1_group("", quota=-1, memory_limit=V1_UNLIMITED))
    watch_resources(registry=registry, root=tmp_path, clock=clock)
    clock.now += 10
    assert ratios(registry) == (None, None)  # not 200 MiB / 8 EiB


@pytest.fixture
def limited(tmp_path):
    """A tree limited to half a CPU and 250 MiB; call it with the CPU seconds used so far."""
    plant(tmp_path, V2 | v2_group(TOP, cpu_max="50000 100000", memory_max=250 * MIB))

    def use(seconds):
        plant(tmp_path, {f"{TOP}/cpu.stat": f"usage_usec {int(seconds * 1e6)}\n"})

    use(10)
    return use


def test_cpu_is_the_mean_since_the_previous_scrape(registry, tmp_path, clock, limited):
    watch_resources(registry=registry, root=tmp_path, clock=clock)
    assert ratios(registry) == (None, 0.8)  # no time has passed: no CPU yet, rather than 0
    for seconds, used, expected in [(10, 11, 0.2), (20, 16, 0.5), (10, 16, 0.0), (10, 21, 1.0)]:
        # 1 / (10 * 0.5), 5 / (20 * 0.5), 0 / (10 * 0.5), 5 / (10 * 0.5)
        clock.now += seconds
        limited(used)
        assert ratios(registry)[0] == pytest.approx(expected)


def test_second_scrape_at_once_gets_the_same_cpu_ratio(registry, tmp_path, clock, limited):
    watch_resources(registry=registry, root=tmp_path, clock=clock)
    clock.now += 10
    limited(14)
    assert ratios(registry)[0] == pytest.approx(0.8)
    clock.now += 0.5
    limited(14.25)
    assert ratios(registry)[0] == pytest.approx(0.8)
    clock.now += 1.5
    limited(14.5)
    assert ratios(registry)[0] == pytest.approx(0.5)  # 0.5 / (2 * 0.5): the skipped one is in


def test_cpu_counter_that_went_back_gives_no_sample_once(registry, tmp_path, clock, limited):
    watch_resources(registry=registry, root=tmp_path, clock=clock)
    for used, expected in [(1, None), (2, 0.2)]:
        clock.now += 10
        limited(used)
        assert ratios(registry)[0] == expected


def test_cpu_of_another_source_is_not_subtracted(registry, tmp_path, clock, limited):
    watch_resources(registry=registry, root=tmp_path, clock=clock)
    (tmp_path / TOP / "cgroup.controllers").unlink()  # now only our process can be read
    clock.now += 10
    assert ratios(registry) == (None, 0.25)


def test_process_that_has_the_id_of_an_ended_one_is_another(registry, tmp_path, clock):
    plant(tmp_path, MACHINE | own(ticks=100, started=7))
    watch_resources(registry=registry, root=tmp_path, clock=clock)
    plant(tmp_path, own(ticks=400, started=8))
    clock.now += 10
    assert ratios(registry)[0] == pytest.approx(0.1)  # 4 s of 10 s * 4 CPUs, not 3


def test_time_of_a_child_that_nobody_waited_for_gives_no_sample_once(registry, tmp_path, clock):
    plant(tmp_path, MACHINE | process(50, parent=OURS, ticks=900))
    watch_resources(registry=registry, root=tmp_path, clock=clock)
    (tmp_path / "proc/50/stat").unlink()
    clock.now += 10
    assert ratios(registry)[0] is None
    plant(tmp_path, own(ticks=500))
    clock.now += 10
    assert ratios(registry)[0] == pytest.approx(0.1)


def test_memory_that_processes_share_counts_once(registry, tmp_path, clock):
    parts = {
        f"proc/{pid}/smaps_rollup": "Rss: 1 kB\nPss: 2 kB\nPss_Anon: 102400 kB\nPss_Shmem: 0 kB\n"
        for pid in (OURS, 50)
    }
    plant(tmp_path, MACHINE | process(50, parent=OURS, mib=250) | parts)
    watch_resources(registry=registry, root=tmp_path, clock=clock)
    assert ratios(registry)[1] == 0.2  # 100 MiB each, of 1000


def test_children_are_of_the_service_and_its_parent_is_not():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        family = processes._Family(Path("/"), ())
        child.kill()
    assert {os.getpid(), child.pid} <= family.members
    assert os.getppid() not in family.members
    with_parent = processes._Family(Path("/"), (os.getppid(),))
    assert with_parent.members >= {os.getppid(), os.getpid()}
    assert os.getpid() not in {int(head.split()[0]) for head in with_parent.ticks()}


def test_extractors_of_one_process_share_the_values(registry, tmp_path, clock, limited):
    for name in ("text", "image", "text"):
        watch_resources(name, registry=registry, root=tmp_path, clock=clock)
    clock.now += 10
    limited(14)
    text = generate_latest(registry).decode()
    for name in ("text", "image"):
        assert f'feature_extraction_cpu_utilization_ratio{{extractor="{name}"}} 0.8\n' in text
    assert text.count("# TYPE feature_extraction_cpu_utilization_ratio gauge") == 1
    assert text.count("\nfeature_extraction_cpu_utilization_ratio{") == 2


def test_another_root_for_the_same_registry_is_refused(registry, tmp_path):
    watch_resources(registry=registry, root=tmp_path)
    with pytest.raises(ValueError, match="watches resources under"):
        watch_resources("image", registry=registry, root="/")


def test_names_registered_by_somebody_else_are_refused(registry, tmp_path):
    Gauge("feature_extraction_cpu_utilization_ratio", "Not ours.", registry=registry)
    with pytest.raises(ValueError, match="feature_extraction_cpu_utilization_ratio"):
        watch_resources(registry=registry, root=tmp_path)


def test_empty_extractor_name_is_refused(registry):
    with pytest.raises(ValueError, match="extractor name must be text"):
        watch_resources("", registry=registry)


def v2_pressed(path):
    """What a v2 group writes that was throttled in 30 of 200 periods and lost 2 processes."""
    return {
        f"{path}/cpu.stat": (
            "usage_usec 10000000\nnr_periods 200\nnr_throttled 30\nthrottled_usec 1500000\n"
        ),
        f"{path}/memory.events": "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\n",
    }


def v1_pressed(path):
    """The same as v1 writes it."""
    return {
        f"{TOP}/cpu{path}/cpu.stat": "nr_periods 200\nnr_throttled 30\nthrottled_time 1500000000\n",
        f"{TOP}/memory{path}/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    }


PRESSED = (200, 30, 1.5, 2)
NOTHING = (None, None, None, None)
# name: (files, periods, throttled periods, throttled seconds, kills)
PRESSURE = {
    "v2 limited": (V2 | v2_group(TOP) | v2_pressed(TOP), PRESSED),
    "v2 with the host's cgroup tree": (
        V2_ON_HOST | v2_group(f"{TOP}/{POD}") | v2_pressed(f"{TOP}/{POD}"),
        PRESSED,
    ),
    "v2 with the host's path but only our group mounted": (
        V2_ON_HOST | v2_group(TOP) | v2_pressed(TOP),
        PRESSED,
    ),
    "v2 root of the host has neither": (V2 | {f"{TOP}/cpu.stat": "usage_usec 1\n"}, NOTHING),
    "v1 limited": (V1 | v1_group("", quota=200_000, memory_limit=MIB) | v1_pressed(""), PRESSED),
    "v1 with the host's cgroup tree": (
        V1
        | v1_group("/docker/9", quota=200_000, memory_limit=MIB)
        | v1_pressed("/docker/9")
        | {f"{TOP}/cpu/cpu.stat": "nr_periods 9\nnr_throttled 9\nthrottled_time 9\n"},
        PRESSED,
    ),
    "v2 whose parent has the tightest quota": (
        V2_ON_HOST
        | v2_group(f"{TOP}/{POD}", cpu_max="300000 100000")
        | v2_group(f"{TOP}/kubepods.slice", cpu_max="200000 100000")
        | v2_pressed(f"{TOP}/kubepods.slice")
        | {f"{TOP}/{POD}/memory.events": "oom_kill 2\n"},
        PRESSED,
    ),
    "v1 of an old kernel tells no kills": (
        V1 | v1_pressed("") | {f"{TOP}/memory/memory.oom_control": "under_oom 0\n"},
        (200, 30, 1.5, None),
    ),
    "no cgroup has neither": (MACHINE, NOTHING),
    "damaged": (dict.fromkeys(V2 | v2_pressed(TOP), "garbage"), NOTHING),
}


@pytest.mark.parametrize(("files", "expected"), PRESSURE.values(), ids=PRESSURE.keys())
def test_throttling_and_kills_are_those_of_the_group(registry, tmp_path, value, files, expected):
    plant(tmp_path, files)
    watch_resources(registry=registry, root=tmp_path)
    counters = ("cpu_periods", "cpu_throttled_periods", "cpu_throttled_seconds", "oom_kills")
    assert tuple(value(f"{counter}_total") for counter in counters) == expected
