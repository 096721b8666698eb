"""A service that is instrumented with the code that `featurewatch otel --python` prints."""

import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource

from featurewatch_kit import otel
from featurewatch_kit.project import load_config

# Extractors, and how long each extraction takes, in seconds. Those of `plain` have no views.
DURATIONS = {"quick": 0.02, "slow": 0.3, "plain": 0.02}
TICK = 0.1  # seconds between two rounds of ten extractions
SERVICE = {"service.name": "search", "service.namespace": "ml"}


def printed_code(root: Path, overlays: Sequence[Path] = ()) -> types.ModuleType:
    """Run what the command prints, as a module."""
    module = types.ModuleType("printed")
    exec(otel.code(load_config(root, list(overlays))), module.__dict__)  # noqa: S102
    return module


def _process(number: str) -> Resource:
    # Two of one id would push the same series of target_info, which Prometheus refuses.
    return Resource.create(SERVICE | {"service.instance.id": f"search-{number}"})


class Service:
    """Three extractors of one process at work."""

    def __init__(self, code: types.ModuleType, reader: MetricReader, plain: MetricReader):
        self._providers = [
            MeterProvider(metric_readers=[reader], views=code.VIEWS, resource=_process("1")),
            MeterProvider(metric_readers=[plain], resource=_process("2")),
        ]
        seen, unseen = (provider.get_meter("features", "1.0") for provider in self._providers)
        self.features = {
            name: code.Features(unseen if name == "plain" else seen, name, ["TimeoutError"])
            for name in DURATIONS
        }
        self._ended = Event()
        self._thread = Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        while not self._ended.wait(TICK):
            for name, features in self.features.items():
                self._round(features, DURATIONS[name])

    def _round(self, features: Any, seconds: float) -> None:
        for index in range(10):
            result = "miss" if index < 2 else "hit"
            features.duration.record(seconds, features.own)
            features.requests.add(1, features.own)
            features.cache_lookups.add(1, features.own | {"result": result})
        features.cpu_utilization.set(0.5, features.own)
        features.queue_depth.set(7, features.own)

    def fail(self, extractor: str) -> None:
        """Let some extractions fail, once."""
        features = self.features[extractor]
        features.errors.add(3, features.own | {"error_type": "TimeoutError"})

    def close(self) -> None:
        """End it, what is left to push included."""
        self._ended.set()
        self._thread.join()
        for provider in self._providers:
            provider.shutdown()


@contextmanager
def running(code: types.ModuleType, reader: MetricReader, plain: MetricReader) -> Iterator[Service]:
    """A service at work."""
    service = Service(code, reader, plain)
    try:
        yield service
    finally:
        service.close()
