"""Parts of the feature server, small and quick, and a way to wait for what they do."""

import itertools
from collections.abc import Callable, Iterator

import pytest
import waiting
from feature_server.cache import FeatureCache
from feature_server.sampler import Counters, Sampler
from feature_server.service import FeatureService
from feature_server.workers import WorkerPool
from prometheus_client import CollectorRegistry

from featurewatch import Extractor

Eventually = Callable[..., None]


@pytest.fixture
def eventually() -> Eventually:
    return waiting.eventually


@pytest.fixture
def sampler() -> Sampler:
    """Three windows, 0 to 2, of a machine that does a little more in each sample."""
    clock = itertools.count()

    def read() -> Counters:
        tick = float(next(clock))
        return Counters(
            seconds=tick,
            cpu_busy=tick**1.5,
            cpu_total=100 * tick,
            memory_used_ratio=0.5 + tick / 1000,
            io_kibibytes=10 * tick**2,
        )

    sampler = Sampler(window_samples=16, keep_windows=8, read=read)
    for _ in range(3 * 16):
        sampler.sample()
    return sampler


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    """One replica, perhaps still starting: work waits for it."""
    pool = WorkerPool(replicas=1, model_time=0.001)
    yield pool
    pool.close()


@pytest.fixture
def service(sampler: Sampler, pool: WorkerPool, registry: CollectorRegistry) -> FeatureService:
    return FeatureService(
        extractor=Extractor("feature_extractor", registry=registry),
        sampler=sampler,
        cache=FeatureCache(),
        pool=pool,
        deadline=waiting.ANSWER_SECONDS,
    )
