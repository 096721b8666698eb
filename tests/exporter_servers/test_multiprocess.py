"""Processes that share PROMETHEUS_MULTIPROC_DIR: forked, spawned, ended, killed.

Each case is a process of its own, because prometheus-client reads the variable when imported.
"""

import json
import os
import subprocess
import sys
import textwrap

import pytest
from waiting import PATIENCE_SECONDS

HEAD = """
import json, multiprocessing, os, signal, sys, threading, time, warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from prometheus_client import REGISTRY, CollectorRegistry, Gauge, Counter
import featurewatch.publisher
from featurewatch import *
from featurewatch.multiprocess import publish

warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 and newer dislike fork with threads
folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])

def value(name, registry=None, **labels):
    labels = {"extractor": "feature_extractor", **labels}
    registry = registry or metrics_registry()
    return registry.get_sample_value("feature_extraction_" + name, labels)

def fork(work):
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    return child

def wait(child):
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.fixture
def run(tmp_path):
    """Run code after HEAD, and return what it printed as JSON, if anything, and its log."""

    def run_code(code, head=HEAD, **environment):
        variables = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "shared"), **environment}
        done = subprocess.run(
            [sys.executable, "-c", head + textwrap.dedent(code)],
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            env={**os.environ, **variables},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null"), done.stderr

    return run_code


def test_child_adds_to_what_its_parent_has_and_repeats_nothing(run):
    told, log = run(
        """
        extractor = Extractor()
        for _ in range(600):
            extractor.record(0.1, cache_hit=True, error="E")
        publish()
        def work():
            extractor.record(0.2, cache_hit=False, fallback="slow")
            publish()
        for _ in range(5):
            wait(fork(work))
        print(json.dumps([
            value("requests_total"), value("duration_seconds_count"),
            value("duration_seconds_bucket", le="0.1"), value("errors_total", error_type="E"),
            value("cache_lookups_total", result="miss"), value("fallbacks_total", reason="slow"),
            round(value("duration_seconds_sum"), 6), len(list(folder.glob("*.db"))),
            value("requests_total", registry=REGISTRY),
        ]))
        """
    )
    # Four kinds of files of the parent and two archives; its own registry shows it alone.
    assert told == [605, 605, 600, 600, 5, 5, 61, 4 + 2, 600]
    assert log == ""


@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
def test_pool_of_processes_is_counted_to_its_end(run, way, tmp_path):
    (tmp_path / "worker.py").write_text(
        "from featurewatch import Extractor\n"
        "extractor = Extractor()\n"
        "def work(number):\n    extractor.record(0.1)\n"
    )
    told, log = run(
        f"""
        sys.path.insert(0, {str(tmp_path)!r})
        os.environ["PYTHONPATH"] = {str(tmp_path)!r}
        import worker
        with ProcessPoolExecutor(2, multiprocessing.get_context({way!r})) as pool:
            list(pool.map(worker.work, range(50)))
        print(value("requests_total"))
        """
    )
    assert (told, log) == (50, "")


def test_children_of_a_busy_process_never_stand_still(run):
    told, log = run(
        """
        sys.setswitchinterval(1e-6)
        featurewatch.publisher.INTERVAL = 0
        extractor, mine, done = Extractor(), Counter("mine", "Of the application."), []
        def scrape():
            while not done:
                value("requests_total")
        threads = [threading.Thread(target=scrape) for _ in range(2)]
        for thread in threads:
            thread.start()
        def work():
            signal.alarm(60)
            mine.inc()
            extractor.record(0.1)
            publish()
        for _ in range(30):
            wait(fork(work))
        done.append(True)
        for thread in threads:
            thread.join()
        own = metrics_registry().get_sample_value("mine_total")
        print(json.dumps([value("requests_total"), own]))
        """
    )
    assert (told, log) == ([30, 30], "")


def test_no_thread_of_ours_runs_at_a_fork(run):
    told, log = run(
        """
        def ours():  # functions that other threads are in
            frames = [f for t, f in sys._current_frames().items() if t != threading.get_ident()]
            found = set()
            for frame in frames:
                while frame:
                    found.add(frame.f_code.co_qualname)
                    frame = frame.f_back
            return found
        clock = lambda: featurewatch.publisher.PUBLISHER._clock
        at_forks, before = [], []
        # What was registered first is called last before a fork.
        os.register_at_fork(before=lambda: at_forks.append([clock(), *ours() - {"Clock._run"}]))
        featurewatch.publisher.INTERVAL = 0
        extractor = Extractor()
        for _ in range(30):
            extractor.record(0.1)
            before.append(bool(clock()))
            wait(fork(lambda: (extractor.record(0.1), publish())))
        print(json.dumps([at_forks, all(before), value("requests_total")]))
        """
    )
    assert (told, log) == ([30 * [[None]], True, 60], "")


def test_child_can_answer_a_scrape_however_busy_the_server_of_its_parent_was(run):
    told, log = run(
        """
        from urllib.request import urlopen
        from prometheus_client import generate_latest
        sys.setswitchinterval(1e-6)
        extractor, done, answers = Extractor(), [], []
        server = start_metrics_server(0, host="127.0.0.1", registry=REGISTRY)
        def scrape():
            while not done:
                answers.append(urlopen(server.url, timeout=60).status)
        threads = [threading.Thread(target=scrape) for _ in range(3)]
        for thread in threads:
            thread.start()
        def work():
            signal.alarm(60)
            generate_latest(REGISTRY)
            generate_latest(metrics_registry())
        for _ in range(30):
            wait(fork(work))
        done.append(True)
        for thread in threads:
            thread.join()
        server.close()
        print(json.dumps(sorted(set(answers))))
        """
    )
    assert (told, log) == ([200], "")


@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_process_that_loads_the_application_itself_is_counted_to_its_end(run, way, tmp_path):
    """As a worker of granian does."""
    (tmp_path / "worker.py").write_text(
        "def work():\n    from featurewatch import Extractor\n    Extractor().record(0.1)\n"
    )
    told, log = run(
        f"""
        sys.path.insert(0, {str(tmp_path)!r})
        os.environ["PYTHONPATH"] = {str(tmp_path)!r}
        import worker
        context = multiprocessing.get_context({way!r})
        children = [context.Process(target=worker.work) for _ in range(3)]
        for child in children:
            child.start()
        for child in children:
            child.join()
        print(value("requests_total"))
        """
    )
    assert (told, log) == (3, "")


def test_thread_that_forks_while_another_does_stops_nothing(run):
    told, log = run(
        """
        extractor = Extractor()
        def fork_often():
            for _ in range(20):
                wait(fork(lambda: (extractor.record(0.1), publish())))
        threads = [threading.Thread(target=fork_often) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        extractor.record(0.1)
        publish()
        print(value("requests_total"))
        """
    )
    assert (told, log) == (61, "")


def test_monitor_that_forks_in_the_writing_thread_stops_nothing(run):
    told, log = run(
        """
        import logging; logging.disable()
        featurewatch.publisher.INTERVAL = 0
        asked = threading.Semaphore(0)
        class Monitor:
            def get_current_metrics(self):
                wait(fork(lambda: None))
                asked.release()
                return {}
        extractor = Extractor()
        extractor.record(0.1)
        watch_monitor(Monitor())
        for _ in range(5):
            assert asked.acquire(timeout=60)
        extractor.record(0.1)
        for _ in range(5):
            assert asked.acquire(timeout=60)
        print(value("requests_total"))
        """
    )
    assert (told, log) == (2, "")


def test_gauges_are_of_the_living(run):
    told, log = run(
        """
        class Monitor:
            figures = dict(p95_time_ms=100, cache_hit_rate=0.5, error_rate=0.1, fallback_rate=0)
            def get_current_metrics(self):
                return self.figures
        import logging; logging.disable()
        extractor, monitor = Extractor(), Monitor()
        watch_monitor(monitor)
        extractor.watch_queue(lambda: 3)
        names = ["queue_depth", "in_progress"] + [
            "snapshot_" + name for name in
            ("p95_seconds", "cache_hit_ratio", "error_ratio", "fallback_ratio")
        ]
        look = lambda: [value(name) for name in names]
        begun, end = multiprocessing.Event(), multiprocessing.Event()
        def work():
            monitor.figures = dict(p95_time_ms=300, cache_hit_rate=0.9, error_rate=0)
            with extractor.extraction():
                publish()
                begun.set()
                end.wait(120)
        told = [look()]
        child = fork(work)
        begun.wait(120)
        told.append(look())
        monitor.figures = {}
        told.append(look())
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        told.append(look())
        print(json.dumps(told))
        """
    )
    assert told == [
        [3, 0, 0.1, 0.5, 0.1, 0],
        [6, 1, 0.3, 0.5, 0.1, 0],  # sums, and the worst of both
        [6, 1, 0.3, 0.9, 0, None],  # what the parent does not know any more counts for nothing
        [3, 0, None, None, None, None],
    ]
    assert log == ""


def test_container_is_told_once_however_many_processes_are_in_it(run, tmp_path):
    group = tmp_path / "root/sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "cgroup.controllers").write_text("cpu memory\n")
    (tmp_path / "root/proc/self").mkdir(parents=True)
    (tmp_path / "root/proc/self/cgroup").write_text("0::/\n")
    (group / "cpu.stat").write_text(
        "usage_usec 1\nnr_periods 50\nnr_throttled 7\nthrottled_usec 9\n"
    )
    (group / "memory.events").write_text("oom_kill 2\n")
    told, log = run(
        f"""
        class Monitor:
            def get_current_metrics(self):
                return dict(p95_time_ms=1, cache_hit_rate=1, error_rate=0, fallback_rate=0,
                            cpu_percent=30, memory_percent=40)
        (memory := Path({str(group)!r}) / "memory.current").write_text("300")
        (memory.parent / "memory.stat").write_text("inactive_file 100")
        (memory.parent / "memory.max").write_text("1000")
        (Path({str(tmp_path)!r}) / "root/proc/meminfo").write_text("MemTotal: 100 kB")
        watch_resources(root={str(tmp_path / "root")!r})
        watch_monitor(Monitor())  # its figures give way to what was read
        watch_monitor(Monitor(), "other")
        publish()
        wait(fork(publish))
        families = list(metrics_registry().collect())
        names = [family.name for family in families]
        series = [(s.name, *s.labels.items()) for family in families for s in family.samples]
        print(json.dumps([
            len(names) == len(set(names)), len(series) == len(set(series)),
            value("cpu_throttled_periods_total"), value("oom_kills_total"),
            value("memory_utilization_ratio"),
            value("memory_utilization_ratio", extractor="other"),
        ]))
        """
    )
    assert (told, log) == ([True, True, 7, 2, 0.2, 0.4], "")


def test_metrics_of_the_application_itself_are_served_and_added_up_too(run):
    told, _ = run(
        """
        Extractor()
        gauges = {mode: Gauge(mode, "Of the application.", multiprocess_mode=mode)
                  for mode in ("sum", "max", "min", "mostrecent", "all")}
        numbers = iter([5, 1, 3])
        def work(number):
            for gauge in gauges.values():
                gauge.set(number)
            publish()
        pids = [fork(lambda number=number: work(number)) for number in numbers
                if not time.sleep(0.01)]
        for pid in pids:
            wait(pid)
        metrics_registry().get_sample_value("sum")  # reading folds
        files = sorted(file.name for file in folder.glob("gauge_*") if "live" not in file.name
                       and str(os.getpid()) not in file.name)
        ask = metrics_registry().get_sample_value
        print(json.dumps({
            "files": [name for name in files if "_all_" not in name],
            "all": sum("_all_" in name for name in files),
            "sum": ask("sum"), "max": ask("max"), "last": ask("all", {"pid": str(pids[2])}),
        }))
        """
    )
    kinds = ["gauge_max_archive.db", "gauge_min_archive.db", "gauge_mostrecent_archive.db"]
    assert told == {
        "files": [*kinds, "gauge_sum_archive.db"],
        "all": 3,
        "sum": 9,
        "max": 5,
        "last": 3,
    }


def test_many_generations_cannot_flood_the_archive_with_labels(run):
    told, _ = run(
        """
        extractor = Extractor()
        def work(generation):
            for number in range(60):
                extractor.record(0.1, fallback=f"user {generation}.{number}")
            publish()
        for generation in range(4):
            wait(fork(lambda: work(generation)))
        value("requests_total")  # reading folds
        reasons = {sample.labels["reason"]: sample.value for family in metrics_registry().collect()
                   for sample in family.samples if sample.name.endswith("fallbacks_total")}
        dropped = value("label_values_dropped_total", label="reason")
        print(json.dumps([len(reasons), reasons["other"], sum(reasons.values()), dropped]))
        """
    )
    assert told == [101, 140, 240, 140]


def test_files_of_a_process_in_another_container_are_left_alone(run):
    """It has no id here, but it holds its file."""
    told, _ = run(
        """
        import fcntl
        extractor = Extractor()
        extractor.record(0.1)
        publish()
        for file in list(folder.glob("counter_*.db")):
            (folder / "counter_4194400.db").write_bytes(file.read_bytes())
        there = (folder / "featurewatch_4194400.alive").open("w")
        fcntl.flock(there, fcntl.LOCK_EX)
        told = [value("requests_total"), (folder / "counter_4194400.db").exists()]
        there.close()
        told += [value("requests_total"), (folder / "counter_4194400.db").exists()]
        print(json.dumps(told))
        """
    )
    assert told == [2, True, 2, False]


def test_files_that_cannot_be_read_are_left_out_and_counted(run):
    told, log = run(
        """
        extractor, own = Extractor(), Counter("mine", "Of the application.")
        extractor.record(0.1)
        own.inc()
        look = lambda: [value("requests_total"), value("unreadable_files"),
                        metrics_registry().get_sample_value("mine_total")]
        told = [look()]
        for name in ("counter_999.db", "notes.db", "gauge_livesum_12.db", "counter_archive.db"):
            (folder / name).write_bytes(b"not of prometheus-client")
        told.append(look())
        def work():
            extractor.record(0.2)
            publish()
        wait(fork(work))  # its files go into an archive in the place of that one
        told.append(look())
        for file in folder.glob("*.db"):
            if file.read_bytes() == b"not of prometheus-client":
                file.unlink()
        told.append(look())
        print(json.dumps(told))
        """
    )
    assert told == [[1, 0, 1], [1, 4, 1], [2, 4, 1], [2, 0, 1]]
    lines = log.splitlines()
    assert len(lines) == len(set(lines))
    assert len([line for line in lines if "counter_999.db: " in line]) == 1
    assert all(line.endswith("; left out of every scrape until it is removed") for line in lines)


def test_disk_that_is_full_stops_no_scrape(run):
    told, log = run(
        """
        import featurewatch.multiprocess, logging
        extractor = Extractor()
        extractor.record(0.1)
        def full(folder):
            raise OSError(28, "No space left on device")
        featurewatch.multiprocess.fold = full
        print(json.dumps([value("requests_total"), value("requests_total")]))
        """
    )
    assert told == [1, 1]
    assert log.count("No space left on device") == 1


def test_folder_is_made(run, tmp_path):
    run("Extractor()", PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "not" / "yet"))
    assert (tmp_path / "not" / "yet").is_dir()


def test_folder_that_cannot_be_used_is_said_at_the_start(run, tmp_path):
    (tmp_path / "file").write_text("")
    told, _ = run(
        """
        said = []
        for start in (Extractor, Extractor, metrics_app):
            try:
                start()
            except FeaturewatchError as error:
                said.append(str(error))
        print(json.dumps(said))
        """,
        PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "file"),
    )
    assert told == 3 * [
        f"PROMETHEUS_MULTIPROC_DIR is {str(tmp_path / 'file')!r}, and nothing can be written there "
        "(File exists): name a folder of this server alone that it may write to"
    ]


def test_variable_that_comes_too_late_is_said(run):
    _, log = run(
        """
        import os
        path = os.environ.pop("PROMETHEUS_MULTIPROC_DIR")
        from featurewatch import Extractor, metrics_registry
        from featurewatch.multiprocess import publish
        from prometheus_client import REGISTRY
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = path
        Extractor()
        publish()
        assert metrics_registry() is REGISTRY
        assert not os.path.exists(path)
        """,
        head="",
    )
    assert log == (
        "PROMETHEUS_MULTIPROC_DIR was set after prometheus_client was imported: "
        "each process shows its own metrics\n"
    )
