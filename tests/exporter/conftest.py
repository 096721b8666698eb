"""Fixtures of the library's tests."""
# ruff: noqa: N802 - the functions of pynvml have their own spelling

import sys
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from featurewatch import Extractor


@pytest.fixture
def registry() -> CollectorRegistry:
    """An empty registry, so that no test sees another's series."""
    return CollectorRegistry()


@pytest.fixture
def extractor(registry: CollectorRegistry) -> Extractor:
    """The extractor of the default name on that registry."""
    return Extractor(registry=registry)


@pytest.fixture
def value(registry):
    """Look up one sample: value("requests_total"), value("errors_total", error_type="KeyError")."""

    def look_up(name, extractor="feature_extractor", **labels):
        full_name = "feature_extraction_" + name
        return registry.get_sample_value(full_name, {"extractor": extractor, **labels})

    return look_up


class NVMLError(Exception):
    """As in nvidia-ml-py: one class for each code, all with `value`."""

    def __init__(self, value: int) -> None:
        super().__init__(value)
        self.value = value


class FakeNvml:
    """The functions of pynvml that we call, in the shape of nvidia-ml-py 13.

    Handles are opaque there; utilization is whole percents, memory bytes. Each GPU is a pair of
    both; in place of either stands the error that asking for it raises.
    """

    NVMLError = NVMLError

    def __init__(self) -> None:
        self.gpus: list[tuple[int | NVMLError, tuple[int, int] | NVMLError]] = []
        self.refuses: NVMLError | None = None
        self.started = False
        self.starts = 0

    def nvmlInit(self) -> None:
        if self.refuses:
            raise self.refuses
        self.started = True
        self.starts += 1

    def nvmlDeviceGetCount(self) -> int:
        if not self.started:
            raise NVMLError(1)  # Uninitialized
        if self.refuses:
            raise self.refuses
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> object:
        return SimpleNamespace(opaque=index)

    def nvmlDeviceGetUtilizationRates(self, handle: SimpleNamespace) -> object:
        utilization = self.gpus[handle.opaque][0]
        if isinstance(utilization, NVMLError):
            raise utilization
        return SimpleNamespace(gpu=utilization, memory=99)  # memory is its bandwidth's

    def nvmlDeviceGetMemoryInfo(
        self, handle: SimpleNamespace, version: int | None = None
    ) -> object:
        memory = self.gpus[handle.opaque][1]
        if isinstance(memory, NVMLError):
            raise memory
        used, total = memory
        return SimpleNamespace(total=total, free=total - used, used=used)


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    """An importable pynvml with a driver and no GPU yet."""
    fake = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return fake
