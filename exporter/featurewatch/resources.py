"""CPU and memory utilization of the container, as ratios of its limits, read at each scrape."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from weakref import WeakKeyDictionary

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from featurewatch.cgroup import Cpu, read_cpu, read_memory
from featurewatch.labels import check_extractor
from featurewatch.names import CPU_UTILIZATION, DEFAULT_EXTRACTOR, MEMORY_UTILIZATION, Metric

#: Seconds. A scrape sooner than this after another one (two Prometheus servers, a browser)
#: gets the same CPU ratio: over milliseconds it would be noise.
MIN_WINDOW_SECONDS = 1.0


def watch_resources(
    extractor: str = DEFAULT_EXTRACTOR,
    *,
    registry: CollectorRegistry = REGISTRY,
    root: str | Path = "/",
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Expose CPU and memory utilization of this container on *registry* for *extractor*.

    Both are ratios of the container's limit; see :mod:`featurewatch.cgroup` for the sources.
    CPU is the mean since the previous scrape, the first time since this call, and can pass 1 by
    a little. A value that cannot be read, or not yet, has no series rather than 0.

    Extractors of one process share its container: call this once for each, and each has the same
    values. *root* is where ``proc`` and ``sys`` are found, *clock* counts seconds. A second call
    for a registry keeps the first one's clock.

    Raises ``ValueError`` for an empty extractor name, for another *root* on the same registry, and
    for a registry that has metrics of our names from elsewhere.
    """
    check_extractor(extractor)
    with _collectors_lock:
        collector = _collectors.get(registry)
        if collector is None:
            collector = _ResourceCollector(Path(root), clock)
            registry.register(collector)
            _collectors[registry] = collector
        if collector.root != Path(root):
            raise ValueError(f"this registry watches resources under {collector.root}, not {root}")
        collector.add(extractor)


class _CpuMeter:
    """Turns the growing CPU time into a ratio between two looks."""

    def __init__(self, root: Path, clock: Callable[[], float]) -> None:
        self._root = root
        self._clock = clock
        self._lock = Lock()
        self._ratio: float | None = None
        self._before, self._at = read_cpu(root), clock()

    def ratio(self) -> float | None:
        with self._lock:
            now = self._clock()
            if now - self._at >= MIN_WINDOW_SECONDS:
                cpu = read_cpu(self._root)
                self._ratio = _cpu_ratio(self._before, cpu, now - self._at)
                self._before, self._at = cpu, now
            return self._ratio


def _cpu_ratio(before: Cpu | None, cpu: Cpu | None, seconds: float) -> float | None:
    if before is None or cpu is None or before.source != cpu.source:
        return None
    used = cpu.used_seconds - before.used_seconds
    return used / (seconds * cpu.limit_cpus) if used >= 0 else None


class _ResourceCollector(Collector):
    """The two gauges of one registry, with a sample for each extractor that asked."""

    def __init__(self, root: Path, clock: Callable[[], float]) -> None:
        self.root = root
        self._cpu = _CpuMeter(root, clock)
        self._extractors: tuple[str, ...] = ()

    def add(self, extractor: str) -> None:
        if extractor not in self._extractors:
            self._extractors += (extractor,)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the families without a look at the files, when the registry asks."""
        yield self._family(CPU_UTILIZATION, None)
        yield self._family(MEMORY_UTILIZATION, None)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        memory = read_memory(self.root)
        yield self._family(CPU_UTILIZATION, self._cpu.ratio())
        yield self._family(MEMORY_UTILIZATION, memory.ratio if memory else None)

    def _family(self, metric: Metric, ratio: float | None) -> GaugeMetricFamily:
        family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
        if ratio is not None:
            for extractor in self._extractors:
                family.add_metric([extractor], ratio)
        return family


_collectors: WeakKeyDictionary[CollectorRegistry, _ResourceCollector] = WeakKeyDictionary()
_collectors_lock = Lock()
