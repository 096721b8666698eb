"""CPU, memory and GPUs, as ratios of what may be used, read at each scrape."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock

from prometheus_client import REGISTRY, CollectorRegistry

from featurewatch import names
from featurewatch.cgroup import read_cpu, read_memory, read_oom_kills, read_throttling
from featurewatch.collector import source_of
from featurewatch.distribution import Sample
from featurewatch.gpu import GpuReader
from featurewatch.labels import check_extractor
from featurewatch.publisher import processes_of_server

#: Seconds. A scrape sooner than this after another one (two Prometheus servers, a browser)
#: gets the same CPU ratio: over milliseconds it would be noise.
MIN_WINDOW_SECONDS = 1.0


def watch_resources(
    extractor: str = names.DEFAULT_EXTRACTOR,
    *,
    registry: CollectorRegistry = REGISTRY,
    root: str | Path = "/",
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Expose what is used of CPUs, memory and GPUs on *registry* for *extractor*.

    CPU and memory are ratios of the container's limit, or of a limit above it that is nearer to
    being reached; see :mod:`featurewatch.cgroup` for the sources. Where nothing limits the
    container, and outside of one, they are what this service itself takes of the machine
    (:mod:`featurewatch.processes`), not what others do there. CPU is the mean since the previous
    scrape, the first time since this call, and can pass 1 by a little. Throttling and kills for
    want of memory are counted where the container's group counts them, GPUs are there with
    ``pip install featurewatch[gpu]`` and a driver. A value that cannot be read, or not yet, has no
    series rather than 0.

    Extractors of one process share its container: call this once for each, and each has the same
    values. *root* is where ``proc`` and ``sys`` are found, *clock* counts seconds. A second call
    for a registry keeps the first one's clock.

    Raises ``ValueError`` for an empty extractor name, for another *root* on the same registry, and
    for a registry that has metrics of our names from elsewhere.
    """
    check_extractor(extractor)
    source = source_of(registry, ResourceSource, "", lambda: ResourceSource(Path(root), clock))
    if source.root != Path(root):
        raise ValueError(f"this registry watches resources under {source.root}, not {root}")
    source.add(extractor)


class _CpuMeter:
    """Turns the growing CPU time into a ratio between two looks."""

    def __init__(self, root: Path, clock: Callable[[], float]) -> None:
        self._root = root
        self._clock = clock
        self._lock = Lock()
        self._ratio: float | None = None
        self._before, self._at = read_cpu(root, processes_of_server()), clock()

    def ratio(self) -> float | None:
        with self._lock:
            now = self._clock()
            if now - self._at >= MIN_WINDOW_SECONDS:
                cpu, before = read_cpu(self._root, processes_of_server()), self._before
                self._ratio = cpu.ratio_since(before, now - self._at) if cpu and before else None
                self._before, self._at = cpu, now
            return self._ratio


class ResourceSource:
    """The series of the container, or of the service, once for each extractor that asked."""

    #: Every process of the container, or of the server, would answer the same.
    of_container = True

    def __init__(self, root: Path, clock: Callable[[], float]) -> None:
        self.root = root
        self._clock = clock
        self._gpus = GpuReader()
        self._extractors: tuple[str, ...] = ()
        self._cpu = _CpuMeter(root, clock)

    def add(self, extractor: str) -> None:
        """Show the series for *extractor*, too."""
        if extractor not in self._extractors:
            self._extractors += (extractor,)

    def forget(self) -> None:
        """Begin anew in a forked child."""
        self._cpu = _CpuMeter(self.root, self._clock)
        self._gpus.forget()

    def samples(self) -> list[Sample]:
        """Return what can be read now."""
        readings = [*self._container(), *self._gpu_readings()]
        return [
            (metric, (extractor, *labels), value)
            for extractor in self._extractors
            for metric, labels, value in readings
        ]

    def _container(self) -> Iterator[Sample]:
        cpu, memory = self._cpu.ratio(), read_memory(self.root, processes_of_server())
        if cpu is not None:
            yield names.CPU_UTILIZATION, (), cpu
        if memory:
            yield names.MEMORY_UTILIZATION, (), memory.ratio
        if throttling := read_throttling(self.root):
            yield names.CPU_PERIODS, (), throttling.periods
            yield names.CPU_THROTTLED_PERIODS, (), throttling.throttled_periods
            yield names.CPU_THROTTLED_SECONDS, (), throttling.throttled_seconds
        kills = read_oom_kills(self.root)
        if kills is not None:
            yield names.OOM_KILLS, (), kills

    def _gpu_readings(self) -> Iterator[Sample]:
        for gpu in self._gpus.read():
            label = (str(gpu.index),)
            if gpu.utilization_ratio is not None:
                yield names.GPU_UTILIZATION, label, gpu.utilization_ratio
            if gpu.memory_ratio is not None:
                yield names.GPU_MEMORY_UTILIZATION, label, gpu.memory_ratio
