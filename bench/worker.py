"""What an event costs in a worker of gunicorn with four threads: `python -m bench.worker FILE`.

A process of its own, because prometheus-client reads PROMETHEUS_MULTIPROC_DIR when imported. FILE
has the durations of the events as JSON. Prints for each way the seconds per event, of which the
threads spend some waiting for one another's locks, and the CPU seconds of the whole process, the
writing of totals into the folder included.
"""

import gc
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from pathlib import Path
from threading import Thread
from time import perf_counter, process_time

import numpy as np  # noqa: F401 - as in a service that extracts features
from prometheus_client import CollectorRegistry

from bench.ways import cached, loop, naive, plain_metrics, record
from featurewatch import Extractor

THREADS = 4
ROUNDS = 9
#: How many times as many events the quick ways record.
MORE = 10

Way = Callable[[Sequence[float]], None]


def main(file: Path) -> None:
    """Measure, and print."""
    print(json.dumps(measure(json.loads(file.read_text()), ROUNDS)))


def measure(events: Sequence[float], rounds: int) -> dict[str, dict[str, float]]:
    """Least ``seconds`` and ``cpu`` per event of each way, less those of the bare loop."""
    least = {kind: dict.fromkeys(ways := _ways(), inf) for kind in ("seconds", "cpu")}
    gc.disable()
    # Quick ways do more, so that starting the threads counts for none of them.
    more = {"loop": [*events] * MORE, "record": [*events] * MORE}
    for _ in range(rounds):
        for name, way in ways.items():
            for kind, seconds in zip(least, _in_threads(way, more.get(name, events)), strict=True):
                least[kind][name] = min(least[kind][name], seconds)
    return {kind: _beyond_the_loop(each) for kind, each in least.items()}


def _beyond_the_loop(least: dict[str, float]) -> dict[str, float]:
    bare = least.pop("loop")
    return {name: seconds - bare for name, seconds in least.items()}


def _ways() -> dict[str, Way]:
    metrics = plain_metrics(CollectorRegistry())
    duration, requests, lookups = metrics
    children = duration.labels("e"), requests.labels("e"), lookups.labels("e", "hit")
    return {
        "loop": loop,
        "naive": partial(naive, *metrics),
        "cached_children": partial(cached, *children),
        "record": partial(record, Extractor(registry=CollectorRegistry())),
    }


def _in_threads(way: Way, events: Sequence[float]) -> tuple[float, float]:
    threads = [Thread(target=way, args=(events,)) for _ in range(THREADS)]
    started, cpu = perf_counter(), process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = THREADS * len(events)
    return (perf_counter() - started) / done, (process_time() - cpu) / done


if __name__ == "__main__":
    main(Path(sys.argv[1]))
