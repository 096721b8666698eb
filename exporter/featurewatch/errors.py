"""Errors of the library.

::

    FeaturewatchError
    └── MetricsServerError    the metrics port cannot be opened

Wrong arguments at start-up are plain ``ValueError`` or ``TypeError``. Recording a measurement
raises nothing.
"""


class FeaturewatchError(Exception):
    """Base of every error that the library defines."""


class MetricsServerError(FeaturewatchError):
    """The metrics server cannot listen; the message names the address and the mend."""
