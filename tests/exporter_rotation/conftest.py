"""Fixtures: a log, and how the exporter learns that it has new lines."""

import pytest

from featurewatch_exporter import json_lines
from featurewatch_exporter.watch import Clock


@pytest.fixture(params=["inotify", "clock"])
def told_by(request, monkeypatch):
    """How the exporter learns that there is something to read."""
    if request.param == "clock":
        monkeypatch.setattr(json_lines, "watch", Clock)
    return request.param


@pytest.fixture
def log(tmp_path):
    """A log that is there before the exporter."""
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "features.jsonl").touch()
    return folder / "features.jsonl"
