"""Prometheus instrumentation for feature extraction services.

::

    from featurewatch import Extractor, start_metrics_server, watch_resources

    extractor = Extractor()
    watch_resources()
    start_metrics_server(9101)

    with extractor.extraction() as extraction:
        extraction.cache_miss()

Start with :mod:`featurewatch.extractor` for recording, :mod:`featurewatch.names` for what
Prometheus sees, :mod:`featurewatch.resources` for CPU and memory. Importing starts nothing
and registers nothing.
"""

from featurewatch.errors import FeaturewatchError, MetricsServerError
from featurewatch.extractor import Extraction, Extractor
from featurewatch.names import DEFAULT_EXTRACTOR, DURATION_BUCKETS, METRICS, Metric
from featurewatch.resources import watch_resources
from featurewatch.server import MetricsServer, start_metrics_server

__all__ = [
    "DEFAULT_EXTRACTOR",
    "DURATION_BUCKETS",
    "METRICS",
    "Extraction",
    "Extractor",
    "FeaturewatchError",
    "Metric",
    "MetricsServer",
    "MetricsServerError",
    "start_metrics_server",
    "watch_resources",
]
