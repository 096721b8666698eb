"""Forks, the end of the interpreter, and signals: nothing is lost, doubled, stuck or said.

Each case is a process of its own, because it forks or ends.
"""

import json
import os
import subprocess
import sys
import textwrap

import pytest
from waiting import PATIENCE_SECONDS

from featurewatch.recorder import BUFFER

HEAD = """
import atexit, json, os, signal, sys, threading, warnings
from prometheus_client import CollectorRegistry, generate_latest
from featurewatch import *
from featurewatch.recorder import BUFFER

registry = CollectorRegistry()
extractor = Extractor(registry=registry)
warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 and newer dislike fork with threads

def tell(who):
    def value(name, **labels):
        labels = {"extractor": "feature_extractor", **labels}
        return registry.get_sample_value("feature_extraction_" + name, labels)
    print(json.dumps({
        "who": who,
        "requests": value("requests_total"),
        "hits": value("cache_lookups_total", result="hit"),
        "fallbacks": value("fallbacks_total", reason="slow"),
        "in progress": value("in_progress"),
        "queue": value("queue_depth"),
    }), flush=True)
"""

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def run(code):
    """Run *code* after HEAD; what it told, by who told it."""
    done = subprocess.run(
        [sys.executable, "-c", HEAD + textwrap.dedent(code)],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return {entry.pop("who"): entry for entry in told}


@needs_fork
def test_child_begins_at_nothing_and_parent_keeps_all():
    told = run(
        """
        for _ in range(BUFFER + 3):  # some are in the totals, some in the lists
            extractor.record(0.1, cache_hit=True, fallback="slow")
        extractor.queue_depth(5)
        extractor.record_batch([0.1, 0.1])
        with extractor.extraction() as running, extractor.batch(7):
            running.cache_hit()
            child = os.fork()
        if not child:
            extractor.record(0.1, cache_hit=True)
            with extractor.extraction():
                tell("child")
            tell("child at its end")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        tell("parent")
        """
    )
    total = BUFFER + 3 + 2 + 1
    assert told == {
        "child": {
            "requests": 1, "hits": 1, "fallbacks": None, "in progress": 1, "queue": None,
        },
        "child at its end": {
            "requests": 2, "hits": 1, "fallbacks": None, "in progress": 0, "queue": None,
        },
        "parent": {
            "requests": total, "hits": BUFFER + 4, "fallbacks": BUFFER + 3, "in progress": 0,
            "queue": 5,
        },
    }  # fmt: skip


@needs_fork
def test_children_of_a_busy_process_never_stand_still():
    told = run(
        """
        sys.setswitchinterval(1e-6)
        watch_resources(registry=registry)
        class Monitor:
            def get_current_metrics(self):
                return {}
        watch_monitor(Monitor(), registry=registry)
        import logging; logging.disable()
        from featurewatch.collector import _collectors
        ours = _collectors[registry]
        done, recorded = threading.Event(), [0, 0]

        def record(place):
            while not done.is_set():
                extractor.record(0.1, cache_hit=True)
                recorded[place] += 1

        def scrape():
            while not done.is_set():
                generate_latest(registry)

        threads = [threading.Thread(target=record, args=(place,)) for place in (0, 1)]
        threads.append(threading.Thread(target=scrape))
        for thread in threads:
            thread.start()
        for number in range(20):
            child = os.fork()
            if not child:
                for _ in range(2 * BUFFER + 1):
                    extractor.record(0.1, cache_hit=True)
                # Not through the registry: prometheus-client leaves its lock as the fork found it.
                families = {family.name: family for family in ours.collect()}
                requests = families["feature_extraction_requests"].samples[0].value
                os._exit(requests != 2 * BUFFER + 1)
            assert os.waitpid(child, 0)[1] == 0
        done.set()
        for thread in threads:
            thread.join()
        extractor.queue_depth(sum(recorded))
        tell("parent")
        """
    )
    assert told["parent"]["requests"] == told["parent"]["hits"] == told["parent"]["queue"] > 0


@needs_fork
def test_child_is_free_of_every_lock_that_another_thread_held():
    run(
        """
        from types import SimpleNamespace
        import featurewatch.collector
        watch_resources(registry=registry)
        watch_monitor(SimpleNamespace(get_current_metrics=dict), registry=registry)
        ours = featurewatch.collector._collectors[registry]
        recorder, resources, monitor = ours.sources.values()
        locks = (recorder._lock, resources._cpu._lock, monitor._lock, featurewatch.collector._lock)
        import logging; logging.disable()
        for lock in locks:
            lock.acquire()
        child = os.fork()
        if not child:
            signal.alarm(30)
            extractor.record(0.1)
            Extractor("other", registry=registry)
            families = {family.name: family for family in ours.collect()}
            os._exit(families["feature_extraction_requests"].samples[0].value != 1)
        for lock in locks:
            lock.release()
        assert os.waitpid(child, 0)[1] == 0
        """
    )


@needs_fork
def test_child_has_a_connection_to_the_gpu_driver_of_its_own():
    run(
        """
        from types import SimpleNamespace
        starts = []
        sys.modules["pynvml"] = SimpleNamespace(
            NVMLError=OSError,
            nvmlInit=lambda: starts.append(os.getpid()),
            nvmlDeviceGetCount=lambda: 0,
        )
        watch_resources(registry=registry)
        generate_latest(registry)
        child = os.fork()
        if not child:
            generate_latest(registry)
            os._exit(starts != [os.getppid(), os.getpid()])
        assert os.waitpid(child, 0)[1] == 0
        """
    )


@needs_fork
def test_extractor_made_before_a_fork_is_the_one_of_its_name_after_it():
    told = run(
        """
        child = os.fork()
        if not child:
            extractor.record(0.1)
            Extractor(registry=registry).record(0.1)
            tell("child")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """
    )
    assert told["child"]["requests"] == 2


def test_what_was_recorded_is_there_at_exit():
    told = run(
        """
        # Handlers run last registered first: the one that records, then the one that tells.
        atexit.register(tell, "exit")
        atexit.register(extractor.record, 0.1, True)
        threads = [threading.Thread(target=extractor.record, args=(0.1, True)) for _ in range(5)]
        for thread in threads:
            thread.start()
        with extractor.extraction() as extraction:
            extraction.cache_hit()
            extraction.fallback("slow")
        """
    )
    assert told["exit"] == {
        "requests": 7, "hits": 7, "fallbacks": 1, "in progress": 0, "queue": None,
    }  # fmt: skip


def test_exit_in_the_middle_of_everything_is_silent():
    run(
        """
        import numpy
        server = start_metrics_server(0, host="127.0.0.1", registry=registry)
        watch_resources(registry=registry)

        class Late:
            def __del__(self):  # while modules are torn down
                extractor.record(0.1, fallback="late", error=KeyError())
                extractor.record_batch([0.1], cache_hits=[True])
                with extractor.extraction() as extraction:
                    extraction.cache_hit()
                extractor._recorder.flush()

        def record():
            while True:
                with extractor.extraction():
                    extractor.record(0.1)

        def scrape():
            while True:
                generate_latest(registry)

        late = Late()
        late.itself = late
        for work in (record, scrape):
            threading.Thread(target=work, daemon=True).start()
        """
    )


def test_signal_handler_may_record_and_scrape_at_any_moment():
    told = run(
        """
        handled = 0

        def handle(*_):
            global handled
            handled += 1
            for _ in range(10):
                extractor.record(0.1, cache_hit=True)
            if handled % 50 == 0:
                generate_latest(registry)

        import featurewatch.recorder
        featurewatch.recorder.SCRAPE_WAIT = 0.001
        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        recorded = 0
        while handled < 200:
            extractor.record(0.1, cache_hit=True)
            recorded += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        extractor.queue_depth(recorded + 10 * handled)
        tell("main")
        """
    )
    assert told["main"]["requests"] == told["main"]["hits"] == told["main"]["queue"]
