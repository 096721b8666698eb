"""Prometheus instrumentation for feature extraction services.

::

    from featurewatch import Extractor, start_metrics_server, watch_resources

    extractor = Extractor()
    watch_resources()
    start_metrics_server(9101)

    with extractor.extraction() as extraction:
        extraction.cache_miss()

Start with :mod:`featurewatch.extractor` for recording, :mod:`featurewatch.names` for what
Prometheus sees, :mod:`featurewatch.resources` for CPU, memory and GPUs,
:mod:`featurewatch.monitor` for a service that measures itself. Importing starts nothing and
registers nothing.
"""

from featurewatch.batch import Batch
from featurewatch.errors import FeaturewatchError, MetricsServerError
from featurewatch.extractor import Extraction, Extractor
from featurewatch.monitor import Monitor, watch_monitor
from featurewatch.multiprocess import metrics_app, metrics_registry
from featurewatch.names import DEFAULT_EXTRACTOR, DURATION_BUCKETS, METRICS, Metric
from featurewatch.resources import watch_resources
from featurewatch.server import MetricsServer, start_metrics_server

__all__ = [
    "DEFAULT_EXTRACTOR",
    "DURATION_BUCKETS",
    "METRICS",
    "Batch",
    "Extraction",
    "Extractor",
    "FeaturewatchError",
    "Metric",
    "MetricsServer",
    "MetricsServerError",
    "Monitor",
    "metrics_app",
    "metrics_registry",
    "start_metrics_server",
    "watch_monitor",
    "watch_resources",
]
