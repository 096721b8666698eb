"""Errors of the exporter.

::

    featurewatch.FeaturewatchError
    └── ExporterError       what whoever starts the exporter can fix
        └── ConfigError     the configuration, one line per fault
"""

from collections.abc import Sequence

from featurewatch import FeaturewatchError


class ExporterError(FeaturewatchError):
    """Base of every error that the exporter defines; the message ends with the fix."""


class ConfigError(ExporterError):
    """Faults of a configuration file; each of *faults* names the place and the fix."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)
