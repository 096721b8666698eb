"""Fixtures of the tests on rotation, for loggers of others."""

from exporter_rotation.conftest import log, told_by

__all__ = ["log", "told_by"]
