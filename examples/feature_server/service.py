"""The extraction path: cache, model, fallback, and the lines that count them.

This is the file to copy from. One ``with extractor.extraction()`` times the request and counts
what escapes from it; inside, one word for each outcome.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import numpy as np

from feature_server.cache import FeatureCache, cache_key
from feature_server.errors import InjectedError, ModelError, ModelTimeout
from feature_server.features import Array, fallback_features, initial_model
from feature_server.sampler import Sampler
from feature_server.workers import WorkerPool
from featurewatch import Extractor


@dataclass(frozen=True, eq=False)
class Features:
    """The features of one window, and where they came from: cache, model or fallback."""

    values: Array
    source: str


class FeatureService:
    """Extracts features of the sampler's windows. Its parts belong to the caller."""

    def __init__(
        self,
        *,
        extractor: Extractor,
        sampler: Sampler,
        cache: FeatureCache,
        pool: WorkerPool,
        deadline: float = 0.25,
    ) -> None:
        self.sampler = sampler
        self.cache = cache
        self.pool = pool
        self.model = initial_model()
        self.error_share = 0.0  # the `errors` fault sets it
        self.network_delay = 0.0  # seconds; the `slow_network` fault sets it
        self._extractor = extractor
        self._deadline = deadline

    def extract(self, window_id: int) -> Features:
        """The features of a window; WindowUnknown when it isn't kept.

        A model that is late or broken costs quality, not availability: the answer is a fallback.
        """
        window = self.sampler.window(window_id)  # outside: a wrong id is no extraction
        with self._extractor.extraction() as extraction:
            self._fail_sometimes()
            time.sleep(self.network_delay)
            model = self.model
            key = cache_key(model.version, window_id)
            if (cached := self.cache.get(key)) is not None:
                extraction.cache_hit()
                return Features(np.frombuffer(cached), "cache")
            extraction.cache_miss()
            try:
                values = self.pool.forward(
                    window,
                    model,
                    self._deadline,
                    # Too late for this request and of use to the next: an overloaded pool would
                    # otherwise fill no cache, and never get less to do.
                    on_late=lambda late: self._keep(key, late),
                )
            except ModelTimeout:
                extraction.fallback("model_timeout")
                return Features(fallback_features(window), "fallback")  # never cached
            except ModelError:
                extraction.fallback("model_error")
                return Features(fallback_features(window), "fallback")
            self._keep(key, values)
            return Features(values, "model")

    def _keep(self, key: str, values: Array) -> None:
        self.cache.set_if_absent(key, values.tobytes())

    def _fail_sometimes(self) -> None:
        if random.random() < self.error_share:  # noqa: S311 - chance, not secrecy
            raise InjectedError("the `errors` fault is on")
