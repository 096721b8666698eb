"""The `http_job` backends that docs/backends.md shows, at the address of a server of a test."""

from pathlib import Path
from typing import Any

import yaml

from featurewatch_receiver.backends.base import Training, Trainings
from featurewatch_receiver.backends.http_job import HttpJobClient
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import HttpJobBackend as Settings
from receiver.replay import Replay

DOCUMENT = Path(__file__).parents[3] / "docs/backends.md"
PASSWORD = "correct-horse-battery"


def documented(name: str, server: Replay | str, **changes: Any) -> HttpJobClient:
    """The backend of that name in the document, at another address."""
    url = server if isinstance(server, str) else server.url
    for block in DOCUMENT.read_text(encoding="utf-8").split("```yaml\n")[1:]:
        backends = yaml.safe_load(block.split("```")[0])["backends"]
        if name in backends:
            return backend(_moved(backends[name], url) | changes)
    raise AssertionError(f"{DOCUMENT} has no {name}")


def _moved(value: Any, url: str) -> Any:
    if isinstance(value, dict):
        return {key: _moved(below, url) for key, below in value.items()}
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        return url + "/" + value.split("/", 3)[3]
    return value


def backend(settings: Any) -> HttpJobClient:
    return HttpJobClient(Settings.model_validate(settings), PASSWORD, Deadline(60))


def run(of: Trainings, run_id: str, **facts: str) -> Training:
    return of.start_training("retrain_features", run_id, facts)
