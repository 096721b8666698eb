"""Fixtures of the library's tests."""

import pytest
from prometheus_client import CollectorRegistry


@pytest.fixture
def registry() -> CollectorRegistry:
    """An empty registry, so that no test sees another's series."""
    return CollectorRegistry()
