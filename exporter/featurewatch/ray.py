"""The same measurements on Ray's own metrics endpoint, for Ray Serve, actors and tasks.

::

    from featurewatch.ray import Extractor

    @serve.deployment
    class Features:
        def __init__(self):
            self.extractor = Extractor("feature_extractor")

        def __call__(self, window):
            with self.extractor.extraction():
                return model(window)

A request appends to lists, as everywhere; a thread hands the totals to Ray every ``PERIOD``.
Every series is a gauge of Ray's, counters and buckets too, because a gauge alone keeps its name
in every version of Ray, can be 0 before the first event, may be set to a total, and goes away
with its replica. Ray's counters are renamed and stay for ever, and its histograms take one value
at a time and estimate their sum. Prometheus computes rates and quantiles of gauges all the same.

Ray puts ``ray_`` before each name; the generated scrape configuration takes it away again.
"""

import time
from collections.abc import Callable, Sequence
from functools import cache
from threading import Thread

from prometheus_client import CollectorRegistry

import featurewatch
from featurewatch.errors import MissingRayError
from featurewatch.guard import log_dropped
from featurewatch.names import DEFAULT_EXTRACTOR, DURATION_BUCKETS, LABEL_REPLICA

try:
    import ray
    from ray.util.metrics import Gauge
except ImportError as error:
    raise MissingRayError(
        "featurewatch.ray runs inside Ray, which is not here: pip install 'ray[serve]', or use"
        " featurewatch.Extractor"
    ) from error

#: Seconds between two reports to Ray, which itself hands them on every 10 s by default.
PERIOD = 5.0
#: What Serve puts before the name of a replica's actor.
SERVE_PREFIX = "SERVE_REPLICA::"

_registry = CollectorRegistry()


class Extractor(featurewatch.Extractor):
    """A :class:`featurewatch.Extractor` whose measurements appear on Ray's metrics endpoint.

    It may be made in a deployment's ``__init__`` or at module level: a copy that Ray sends to
    another process begins at 0 there. Raises ``ValueError`` as the other one does.
    """

    def __init__(
        self,
        name: str = DEFAULT_EXTRACTOR,
        *,
        duration_buckets: Sequence[float] = DURATION_BUCKETS,
    ) -> None:
        super().__init__(name, registry=_registry, duration_buckets=duration_buckets)
        self._duration_buckets = tuple(duration_buckets)
        _begin_to_report()

    def __reduce__(self) -> tuple[Callable[..., "Extractor"], tuple[object, ...]]:
        return _again, (self.name, self._duration_buckets)


def watch_resources(extractor: str = DEFAULT_EXTRACTOR) -> None:
    """As :func:`featurewatch.watch_resources`; every replica of a container tells the same."""
    featurewatch.watch_resources(extractor, registry=_registry)
    _begin_to_report()


def watch_monitor(monitor: featurewatch.Monitor, extractor: str = DEFAULT_EXTRACTOR) -> None:
    """As :func:`featurewatch.watch_monitor`, asked every ``PERIOD``."""
    featurewatch.watch_monitor(monitor, extractor, registry=_registry)
    _begin_to_report()


def _again(name: str, duration_buckets: tuple[float, ...]) -> Extractor:
    return Extractor(name, duration_buckets=duration_buckets)


class Reporter:
    """Hands every series of a registry to Ray."""

    def __init__(self, registry: CollectorRegistry, replica: str) -> None:
        self._registry = registry
        self._replica = {LABEL_REPLICA: replica}
        self._gauges: dict[str, Gauge] = {}

    def report(self) -> None:
        """Set Ray's gauges to the values of now."""
        for family in self._registry.collect():
            for sample in family.samples:
                tags = sample.labels | self._replica
                if sample.name not in self._gauges:
                    gauge = Gauge(sample.name, family.documentation, tuple(tags))
                    self._gauges[sample.name] = gauge
                self._gauges[sample.name].set(float(sample.value), tags)


@cache  # one thread for all extractors of the process
def _begin_to_report() -> None:
    Thread(target=_report_for_ever, name="featurewatch-ray", daemon=True).start()


def _report_for_ever() -> None:
    while not ray.is_initialized():  # made before ray.init()
        time.sleep(PERIOD)
    reporter = Reporter(_registry, _replica())
    while True:
        try:
            reporter.report()
        except Exception:
            log_dropped("featurewatch.ray")
        time.sleep(PERIOD)


def _replica() -> str:
    """Name of this process among those of the cluster: that of its actor, or its worker's id."""
    context = ray.get_runtime_context()
    # A driver is no actor; to ask for its name would log a warning.
    actor = context.get_actor_name() if context.worker.mode == ray.WORKER_MODE else None
    return str(actor or context.get_worker_id()).removeprefix(SERVE_PREFIX)
