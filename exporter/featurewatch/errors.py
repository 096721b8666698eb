"""Errors of the library.

::

    FeaturewatchError
    ├── MetricsServerError    the metrics port cannot be opened
    ├── MultiprocessError     processes cannot share PROMETHEUS_MULTIPROC_DIR
    └── MissingRayError       featurewatch.ray was imported where Ray is not installed

Wrong arguments at start-up are plain ``ValueError`` or ``TypeError``. Recording a measurement
raises nothing.
"""


class FeaturewatchError(Exception):
    """Base of every error that the library defines."""


class MetricsServerError(FeaturewatchError):
    """The metrics server cannot listen; the message names the address and the fix."""


class MultiprocessError(FeaturewatchError):
    """The folder of multiprocess mode cannot be used; the message says how to fix that."""


class MissingRayError(FeaturewatchError, ImportError):
    """Ray is not installed; the message says how to fix that."""
