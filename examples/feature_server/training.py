"""Retraining: refit the model's output scaling on the windows of the last minutes."""

from __future__ import annotations

import uuid
from concurrent.futures import Future, ThreadPoolExecutor

from feature_server.features import retrained
from feature_server.service import FeatureService


class Trainer:
    """Runs one training at a time, in the order asked for."""

    def __init__(self, service: FeatureService) -> None:
        self._service = service
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="trainer")
        self._runs: dict[str, Future[None]] = {}

    def start(self) -> str:
        """Start a run and return its id."""
        run_id = uuid.uuid4().hex
        self._runs[run_id] = self._executor.submit(self._train)
        return run_id

    def state(self, run_id: str) -> str:
        """One of running, succeeded, failed; KeyError for an id that was never given."""
        run = self._runs[run_id]
        if not run.done():
            return "running"
        return "succeeded" if run.exception() is None else "failed"

    def close(self) -> None:
        """Wait for the present run and forget the others."""
        self._executor.shutdown(cancel_futures=True)

    def _train(self) -> None:
        """Put the next version in service: new cache keys, so its cache starts cold."""
        self._service.model = retrained(self._service.model, self._service.sampler.kept())
