"""Fixtures of the library's tests."""

import shutil
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

ROOT = Path(__file__).parents[2]


@pytest.fixture
def registry() -> CollectorRegistry:
    """An empty registry, so that no test sees another's series."""
    return CollectorRegistry()


@pytest.fixture(scope="session")
def promtool() -> str:
    """Path of promtool: the repository's own, or the one on PATH."""
    own = ROOT / ".tools" / "usr" / "bin" / "promtool"
    found = str(own) if own.is_file() else shutil.which("promtool")
    if found is None:
        pytest.fail("promtool is neither in .tools/usr/bin nor on PATH; install Prometheus")
    return found
