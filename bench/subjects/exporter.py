"""What one measurement costs the request that makes it, and what a scrape costs.

An event is one extraction with its cache result; moving it into the totals is in its price. All
ways take turns in one run, in CPU time of the thread, and the best of the rounds counts: others'
work on the machine can only make it longer.
"""

import gc
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from math import inf
from pathlib import Path
from time import perf_counter, thread_time

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    enable_created_metrics,
    generate_latest,
)
from prometheus_client.samples import Sample

from bench.figures import BenchError, Figure, at_least, at_most, growth
from bench.ways import cached, loop, naive, plain_metrics, record
from featurewatch import Extractor
from featurewatch.exposition import Page
from featurewatch.worker_files import MULTIPROCESS

EVENTS = 10_000
ROUNDS = 25
BATCH = 10_000
EXTRACTORS = (1, 10, 100)
#: Log-normal around 50 ms, so that the events fall into all buckets, in no order.
MEDIAN_LOG, SPREAD_LOG = -3.0, 0.8
#: The bounds that the library promises.
AGAINST_NAIVE, AGAINST_CACHED, OF_RECORD, BATCH_SECONDS = 45, 10, 3, 0.0003
#: Without numpy, adding up costs more.
AGAINST_NAIVE_WITHOUT_NUMPY = 30
#: In a worker of several processes, where prometheus-client's numbers are in a file.
AGAINST_NAIVE_IN_WORKER, AGAINST_CACHED_IN_WORKER = 100, 40
#: Of prometheus-client's own time, a scrape of the most extractors.
OF_PLAIN_SCRAPE = 0.5

FORMS = ("context_manager", "context_manager_lookup", "decorator", "async_decorator")

Way = Callable[[Sequence[float]], None]


def run(root: Path, folder: Path) -> Iterator[Figure]:
    """Cost of an event in each way, of a batch, and of a scrape."""
    durations = random.Random(1)  # noqa: S311 - the same ones in each run
    events = [durations.lognormvariate(MEDIAN_LOG, SPREAD_LOG) for _ in range(EVENTS)]
    yield from _events("exporter.event", events)
    with _without_numpy():
        yield from _events("exporter.event_without_numpy", events)
    yield from _worker(events, folder)
    yield from _batches(events[:BATCH])
    for extractors in EXTRACTORS:
        yield from _scrape(extractors)


def _events(case: str, events: Sequence[float]) -> Iterator[Figure]:
    seconds = {name: s / len(events) for name, s in _best(_ways(), events).items()}
    loop = seconds.pop("loop")
    call, coroutine = seconds.pop("call") - loop, seconds.pop("async_call") - loop
    cost = {name: s - loop for name, s in seconds.items()}
    cost["decorator"] -= call
    cost["async_decorator"] -= coroutine
    for name, value in cost.items():
        yield Figure(name=f"{case}.{name}", value=value, unit="s")
    without = "without" in case
    yield from _against(
        case,
        cost,
        naive=AGAINST_NAIVE_WITHOUT_NUMPY if without else AGAINST_NAIVE,
        # Without numpy this bound is within the noise of a busy machine.
        cached_children=None if without else AGAINST_CACHED,
    )
    # These read the clock twice, which whoever calls record has done already.
    timed = cost["record"] + cost.pop("two_clock_readings")
    for form in FORMS:
        name = f"{case}.{form}_against_timed_record"
        ratio = growth(timed, cost[form])
        yield Figure(name=name, value=ratio, unit="ratio", goal=at_most(OF_RECORD))
        ratio = growth(cost["record"], cost[form])
        yield Figure(name=f"{case}.{form}_against_record", value=ratio, unit="ratio")


def _against(case: str, cost: dict[str, float], **bounds: float | None) -> Iterator[Figure]:
    for other, bound in bounds.items():
        ratio = growth(cost["record"], cost[other])
        goal = None if bound is None else at_least(bound)
        yield Figure(name=f"{case}.record_against_{other}", value=ratio, unit="ratio", goal=goal)


def _worker(events: Sequence[float], folder: Path) -> Iterator[Figure]:
    """The same in a worker of gunicorn, four threads of it at once."""
    case, file = "exporter.event_in_worker", folder / "events.json"
    file.write_text(json.dumps(events))
    (shared := folder / "multiprocess").mkdir()
    environment = os.environ | {MULTIPROCESS: str(shared)}
    command = [sys.executable, "-m", "bench.worker", str(file)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"the worker failed: {done.stderr.strip().splitlines()[-1]}")
    told = json.loads(done.stdout)
    for kind, cost in told.items():
        for name, value in cost.items():
            yield Figure(name=f"{case}.{kind}.{name}", value=value, unit="s")
    yield from _against(
        f"{case}.seconds",
        told["seconds"],
        naive=AGAINST_NAIVE_IN_WORKER,
        cached_children=AGAINST_CACHED_IN_WORKER,
    )
    yield from _against(
        f"{case}.cpu", told["cpu"], naive=None, cached_children=AGAINST_CACHED_IN_WORKER
    )


def _ways() -> dict[str, Way]:
    duration, requests, lookups = plain_metrics(CollectorRegistry())
    children = duration.labels("e"), requests.labels("e"), lookups.labels("e", "hit")
    extractor = Extractor(registry=CollectorRegistry())
    return {
        "loop": loop,
        "naive": partial(naive, duration, requests, lookups),
        "cached_children": partial(cached, *children),
        "record": partial(record, extractor),
        "two_clock_readings": _clock,
        "context_manager": partial(_managed, extractor),
        "context_manager_lookup": partial(_managed_with_lookup, extractor),
        "call": partial(_calls, _nothing),
        "decorator": partial(_calls, extractor.instrument(_nothing)),
        "async_call": partial(_awaits, _nothing_async),
        "async_decorator": partial(_awaits, extractor.instrument(_nothing_async)),
    }


def _clock(events: Sequence[float]) -> None:
    for _ in events:
        started = perf_counter()
        _ = perf_counter() - started


def _managed(extractor: Extractor, events: Sequence[float]) -> None:
    for _ in events:
        with extractor.extraction():
            pass


def _managed_with_lookup(extractor: Extractor, events: Sequence[float]) -> None:
    for _ in events:
        with extractor.extraction() as extraction:
            extraction.cache_hit()


def _nothing() -> None:
    pass


async def _nothing_async() -> None:
    pass


def _calls(function: Callable[[], None], events: Sequence[float]) -> None:
    for _ in events:
        function()


def _awaits(function: Callable[[], Coroutine[None, None, None]], events: Sequence[float]) -> None:
    async def await_all() -> None:
        for _ in events:
            await function()

    try:
        await_all().send(None)  # nothing waits, so no event loop is needed, and none is measured
    except StopIteration:
        return


def _best(ways: dict[str, Way], events: Sequence[float]) -> dict[str, float]:
    """The least seconds of each way."""
    least = dict.fromkeys(ways, inf)
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for name, way in ways.items():
                started = thread_time()
                way(events)
                least[name] = min(least[name], thread_time() - started)
    finally:
        gc.enable()
    return least


@contextmanager
def _without_numpy() -> Iterator[None]:
    """As in a process that never imported it."""
    numpy = sys.modules.pop("numpy")
    try:
        yield
    finally:
        sys.modules["numpy"] = numpy


def _batches(latencies: list[float]) -> Iterator[Figure]:
    extractor = Extractor(registry=CollectorRegistry())
    hits = [number % 7 > 0 for number in range(len(latencies))]
    array, flags = np.array(latencies), np.array(hits)
    case = f"exporter.batch_of_{len(latencies)}"
    ways: dict[str, Way] = {
        "arrays": lambda _: extractor.record_batch(array, cache_hits=flags),
        "lists": lambda _: extractor.record_batch(latencies, cache_hits=hits),
    }
    best = _best(ways, latencies)
    goal = at_most(BATCH_SECONDS)
    yield Figure(name=f"{case}.arrays", value=best["arrays"], unit="s", goal=goal)
    yield Figure(name=f"{case}.lists", value=best["lists"], unit="s")
    with _without_numpy():
        best = _best({"lists": ways["lists"]}, latencies)
    yield Figure(name=f"{case}.lists_without_numpy", value=best["lists"], unit="s")


def _scrape(extractors: int) -> Iterator[Figure]:
    ours, plain = CollectorRegistry(), CollectorRegistry()
    for number in range(extractors):
        _use(Extractor(f"extractor_{number}", registry=ours))
    _rebuild(ours, plain)
    sizes, ways = {}, dict[str, Way]()
    disable_created_metrics()  # type: ignore[no-untyped-call]  # ours have none
    try:
        page = Page(ours)
        scrapes: dict[str, Callable[[], bytes]] = {
            "featurewatch": lambda: page.encoded()[1],
            "prometheus_client": partial(generate_latest, plain),
        }
        for name, scrape in scrapes.items():
            sizes[name] = len(scrape())
            ways[name] = partial(_ask, scrape)
        best = _best(ways, ())
    finally:
        enable_created_metrics()  # type: ignore[no-untyped-call]
    case = f"exporter.scrape_of_{extractors}_extractors"
    for name in ways:
        yield Figure(name=f"{case}.{name}.time", value=best[name], unit="s")
        yield Figure(name=f"{case}.{name}.size", value=sizes[name], unit="bytes")
    ratio = growth(best["prometheus_client"], best["featurewatch"])
    goal = at_most(OF_PLAIN_SCRAPE) if extractors == max(EXTRACTORS) else None
    name = f"{case}.time_against_prometheus_client"
    yield Figure(name=name, value=ratio, unit="ratio", goal=goal)


def _ask(scrape: Callable[[], bytes], events: Sequence[float]) -> None:
    scrape()


def _use(extractor: Extractor) -> None:
    extractor.record_batch([0.02, 0.12, 0.3] * 10, cache_hits=[True, True, False] * 10)
    extractor.record(0.2, fallback="model_timeout", error="TimeoutError")
    extractor.record(0.2, fallback="no_window", error="ValueError")
    extractor.observe_batch(32, 0.4)
    extractor.queue_depth(3)


def _rebuild(ours: CollectorRegistry, plain: CollectorRegistry) -> None:
    """Put the content of *ours* into prometheus-client's own metrics on *plain*."""
    for family in ours.collect():
        labels = [name for name in family.samples[0].labels if name != "le"]
        arguments = (family.name, family.documentation, labels)
        if family.type == "histogram":
            bounds = {float(s.labels["le"]) for s in family.samples if "le" in s.labels}
            histogram = Histogram(*arguments, registry=plain, buckets=sorted(bounds))
            _observe(histogram, family.samples)
            continue
        kind = {"counter": Counter, "gauge": Gauge}[family.type]
        metric = kind(*arguments, registry=plain)
        for sample in family.samples:
            metric.labels(**sample.labels).inc(sample.value)


def _observe(histogram: Histogram, samples: Sequence[Sample]) -> None:
    below = 0.0
    for sample in samples:
        if "le" in sample.labels:
            series = histogram.labels(sample.labels["extractor"])
            bound = float(sample.labels["le"])
            for _ in range(int(sample.value - below)):
                series.observe(bound)
            below = 0.0 if bound == inf else sample.value
