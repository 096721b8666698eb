"""Everything that featurewatch exposes, in trouble all the time: one page for Prometheus each."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate, product
from threading import Lock, Thread
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client import Metric as Exposed
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from featurewatch import METRICS, Metric, names
from featurewatch_receiver.metrics import Metrics
from featurewatch_receiver.states import OPEN, OUTCOMES

EXTRACTOR = "feature_extractor"
#: Of each counter and each scrape: enough traffic for every alert.
PACE = 50.0
#: Seconds of an extraction; items in a batch: in the last bucket but one.
SLOW = 0.6
#: Beyond every threshold; the others are ratios.
GAUGES = {names.QUEUE_DEPTH.name: 5000.0, names.SNAPSHOT_P95.name: 0.6}
VALUES = {"extractor": (EXTRACTOR,), "result": (names.RESULT_HIT, names.RESULT_MISS)}
#: Values of the receiver's labels; of every other label one that says nothing.
RECEIVERS = {
    "extractor": (EXTRACTOR,),
    "action": ("clear_cache", "scale_up_deployment"),
    "outcome": tuple(OUTCOMES),
    "severity": ("critical", "high"),
    "state": tuple(OPEN),
}


class Contract(Collector):
    """Every metric of the contract with its type and labels; counters go on at each scrape."""

    def __init__(self) -> None:
        self._scrapes = 0

    def collect(self) -> Iterator[Exposed]:
        """One scrape."""
        self._scrapes += 1
        for metric in METRICS:
            yield self._family(metric)

    def describe(self) -> list[Exposed]:
        """Nothing: registering is no scrape."""
        return []

    def _family(self, metric: Metric) -> Exposed:
        kinds: dict[str, Callable[..., Any]] = {
            "counter": CounterMetricFamily,
            "gauge": GaugeMetricFamily,
            "histogram": HistogramMetricFamily,
        }
        family = kinds[metric.type](metric.name, metric.help, labels=metric.labels)
        for labels in product(*(VALUES.get(label, ("any",)) for label in metric.labels)):
            family.add_metric(labels, *self._value(metric))
        exposed: Exposed = family
        return exposed

    def _value(self, metric: Metric) -> tuple[Any, ...]:
        count = self._scrapes * PACE
        if metric.type == "counter":
            return (count,)
        if metric.type == "histogram":
            return (_buckets(metric, count), count * SLOW)
        is_time = metric.name.endswith("_timestamp_seconds")
        return (time.time() if is_time else GAUGES.get(metric.name, 0.97),)


def _buckets(metric: Metric, count: float) -> list[tuple[str, float]]:
    bounds = (*metric.buckets, float("inf"))
    position = next(i for i, bound in enumerate(bounds) if bound >= SLOW)
    counts = accumulate(count if i == position else 0 for i in range(len(bounds)))
    return list(zip(map(floatToGoString, bounds), counts, strict=True))


class Receiver:
    """The receiver's real metrics, each of which something happens to at each scrape."""

    def __init__(self) -> None:
        self._metrics = Metrics([EXTRACTOR])
        mine = (
            m for m in vars(self._metrics).values() if isinstance(m, Counter | Gauge | Histogram)
        )
        self._by_name = {next(iter(metric.describe())).name: metric for metric in mine}

    def text(self) -> bytes:
        """One scrape."""
        for family in self._metrics.families:
            metric = self._by_name.get(family.name.removesuffix("_total"))
            if metric is None:
                continue  # always 1
            for labels in product(*(RECEIVERS.get(label, ("any",)) for label in family.labels)):
                _happen(metric.labels(*labels) if labels else metric, family.name)
        return self._metrics.text()


def _happen(metric: Counter | Gauge | Histogram, name: str) -> None:
    if isinstance(metric, Counter):
        metric.inc(PACE)
    elif isinstance(metric, Histogram):
        metric.observe(90)
    else:
        metric.set(time.time() - 5 if name.endswith("_timestamp_seconds") else 1)


@contextmanager
def page(text: Callable[[], bytes]) -> Iterator[str]:
    """Serve a page, and take whatever is posted; the address."""
    lock = Lock()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with lock:
                self._answer(text())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(b"{}")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def extractors() -> Iterator[str]:
    """Serve the contract; the address."""
    registry = CollectorRegistry()
    registry.register(Contract())
    with page(lambda: generate_latest(registry)) as address:
        yield address


@contextmanager
def receiver() -> Iterator[str]:
    """Serve the receiver's metrics, and take Alertmanager's deliveries; the address."""
    with page(Receiver().text) as address:
        yield address
