"""The metric contract: every metric and label name, with type, unit, help and labels.

Rules, dashboards and documentation use these names; they are written here and nowhere else in
the library. A histogram is exposed as ``_bucket``, ``_sum`` and ``_count``.
"""

from dataclasses import dataclass
from typing import Literal

PREFIX = "feature_extraction_"
DEFAULT_EXTRACTOR = "feature_extractor"

LABEL_EXTRACTOR = "extractor"
LABEL_ERROR_TYPE = "error_type"
LABEL_RESULT = "result"
LABEL_REASON = "reason"
LABEL_VERSION = "version"
LABEL_GPU = "gpu"
LABEL_LABEL = "label"
LABEL_FIELD = "field"
LABEL_SOURCE = "source"
#: Only on Ray's endpoint: the generated scrape configuration makes it the label instance.
LABEL_REPLICA = "replica"

RESULT_HIT = "hit"
RESULT_MISS = "miss"

#: Distinct ``error_type`` or ``reason`` values that one extractor may create. Later new values
#: are counted under ``OTHER``, so that a reason built from user input cannot flood Prometheus.
MAX_LABEL_VALUES = 100
OTHER = "other"

#: Seconds. The default latency alerts compare p95 with 0.1 (high) and 0.15 (critical). Both are
#: bounds here: a quantile is interpolated inside its bucket, so it is exact only at a bound.
DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
#: Seconds; wider than the above, because a batch is many extractions.
BATCH_DURATION_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
#: Items; the powers of two that batch sizes are usually set to.
BATCH_SIZE_BUCKETS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric family of the contract."""

    #: Full name as queried; a histogram's without ``_bucket``, ``_sum`` and ``_count``.
    name: str
    type: Literal["counter", "gauge", "histogram"]
    #: What one unit of the value is: ``seconds``, ``ratio`` (0 to 1), or the thing counted.
    unit: str
    #: The HELP text.
    help: str
    #: Label names in their order; ``le`` of histograms is understood.
    labels: tuple[str, ...] = (LABEL_EXTRACTOR,)
    #: Default upper bounds of a histogram in *unit*, without +Inf.
    buckets: tuple[float, ...] = ()


DURATION = Metric(
    name=PREFIX + "duration_seconds",
    type="histogram",
    unit="seconds",
    help="Time from start to end of one extraction, failed ones included.",
    buckets=DURATION_BUCKETS,
)
REQUESTS = Metric(
    name=PREFIX + "requests_total",
    type="counter",
    unit="extractions",
    help="Extractions that ended, whether they succeeded, failed or were cancelled.",
)
ERRORS = Metric(
    name=PREFIX + "errors_total",
    type="counter",
    unit="extractions",
    help="Extractions that raised an Exception, by its class; cancellation is not an error.",
    labels=(LABEL_EXTRACTOR, LABEL_ERROR_TYPE),
)
CACHE_LOOKUPS = Metric(
    name=PREFIX + "cache_lookups_total",
    type="counter",
    unit="lookups",
    help="Feature cache lookups, by result: hit or miss.",
    labels=(LABEL_EXTRACTOR, LABEL_RESULT),
)
FALLBACKS = Metric(
    name=PREFIX + "fallbacks_total",
    type="counter",
    unit="fallbacks",
    help="Times that fallback features were used instead of extracted ones, by reason.",
    labels=(LABEL_EXTRACTOR, LABEL_REASON),
)
LABEL_VALUES_DROPPED = Metric(
    name=PREFIX + "label_values_dropped_total",
    type="counter",
    unit="events",
    help="Events counted as other because their label had too many values already, by label.",
    labels=(LABEL_EXTRACTOR, LABEL_LABEL),
)
BATCH_SIZE = Metric(
    name=PREFIX + "batch_size",
    type="histogram",
    unit="items",
    help="Items in one batch.",
    buckets=BATCH_SIZE_BUCKETS,
)
BATCH_DURATION = Metric(
    name=PREFIX + "batch_duration_seconds",
    type="histogram",
    unit="seconds",
    help="Time to process one batch.",
    buckets=BATCH_DURATION_BUCKETS,
)
QUEUE_DEPTH = Metric(
    name=PREFIX + "queue_depth",
    type="gauge",
    unit="items",
    help="Items waiting to be extracted.",
)
IN_PROGRESS = Metric(
    name=PREFIX + "in_progress",
    type="gauge",
    unit="extractions",
    help="Extractions that have started and not ended, those of running batches included.",
)
CPU_UTILIZATION = Metric(
    name=PREFIX + "cpu_utilization_ratio",
    type="gauge",
    unit="ratio",
    help="CPU time used since the previous scrape, of the container's CPU limit;"
    " without one, the service's own, of the machine.",
)
MEMORY_UTILIZATION = Metric(
    name=PREFIX + "memory_utilization_ratio",
    type="gauge",
    unit="ratio",
    help="Memory working set, of the container's memory limit;"
    " without one, the service's own, of the machine.",
)
CPU_PERIODS = Metric(
    name=PREFIX + "cpu_periods_total",
    type="counter",
    unit="periods",
    help="Enforcement periods of the container's CPU limit in which it wanted to run.",
)
CPU_THROTTLED_PERIODS = Metric(
    name=PREFIX + "cpu_throttled_periods_total",
    type="counter",
    unit="periods",
    help="Enforcement periods in which the container used up its CPU limit and had to wait.",
)
CPU_THROTTLED_SECONDS = Metric(
    name=PREFIX + "cpu_throttled_seconds_total",
    type="counter",
    unit="seconds",
    help="Time that the container's CPUs had to wait because of its CPU limit.",
)
OOM_KILLS = Metric(
    name=PREFIX + "oom_kills_total",
    type="counter",
    unit="processes",
    help="Processes of the container that the kernel killed for want of memory.",
)
GPU_UTILIZATION = Metric(
    name=PREFIX + "gpu_utilization_ratio",
    type="gauge",
    unit="ratio",
    help="Time in which the GPU ran a kernel, as a ratio of the driver's last sample period.",
    labels=(LABEL_EXTRACTOR, LABEL_GPU),
)
GPU_MEMORY_UTILIZATION = Metric(
    name=PREFIX + "gpu_memory_utilization_ratio",
    type="gauge",
    unit="ratio",
    help="GPU memory in use as a ratio of what the GPU has.",
    labels=(LABEL_EXTRACTOR, LABEL_GPU),
)
# A service that knows only figures of its own, already aggregated, exposes these instead of
# duration, requests, errors, cache lookups and fallbacks. The rules take either.
SNAPSHOT_P95 = Metric(
    name=PREFIX + "snapshot_p95_seconds",
    type="gauge",
    unit="seconds",
    help="95th percentile of the extraction time, as the service itself reports it.",
)
SNAPSHOT_CACHE_HIT = Metric(
    name=PREFIX + "snapshot_cache_hit_ratio",
    type="gauge",
    unit="ratio",
    help="Cache hits as a ratio of lookups, as the service itself reports it.",
)
SNAPSHOT_ERROR = Metric(
    name=PREFIX + "snapshot_error_ratio",
    type="gauge",
    unit="ratio",
    help="Failed extractions as a ratio of all, as the service itself reports it.",
)
SNAPSHOT_FALLBACK = Metric(
    name=PREFIX + "snapshot_fallback_ratio",
    type="gauge",
    unit="ratio",
    help="Fallbacks as a ratio of all extractions, as the service itself reports it.",
)
MONITOR_FAILURES = Metric(
    name=PREFIX + "monitor_failures_total",
    type="counter",
    unit="values",
    help="Values of the service's own monitor that were missing or made no sense, by field.",
    labels=(LABEL_EXTRACTOR, LABEL_FIELD),
)
# What featurewatch-exporter says about the sources that it reads for other services.
SOURCE_UP = Metric(
    name=PREFIX + "source_up",
    type="gauge",
    unit="constant",
    help="1 when the exporter could read the source at its last try, 0 when not.",
    labels=(LABEL_EXTRACTOR, LABEL_SOURCE),
)
SOURCE_LAST_SAMPLE = Metric(
    name=PREFIX + "source_last_sample_timestamp_seconds",
    type="gauge",
    unit="seconds",
    help="Unix time at which the exporter last got a usable value from the source.",
    labels=(LABEL_EXTRACTOR, LABEL_SOURCE),
)
SOURCE_FAILURES = Metric(
    name=PREFIX + "source_failures_total",
    type="counter",
    unit="failures",
    help="Polls, lines, datagrams and figures of the source that the exporter could not use.",
    labels=(LABEL_EXTRACTOR, LABEL_SOURCE),
)
SOURCE_DROPPED = Metric(
    name=PREFIX + "source_dropped_total",
    type="counter",
    unit="datagrams",
    help="Datagrams for the source that the kernel dropped, mostly because they came too fast.",
    labels=(LABEL_EXTRACTOR, LABEL_SOURCE),
)
UNREADABLE_FILES = Metric(
    name=PREFIX + "unreadable_files",
    type="gauge",
    unit="files",
    help="Files in PROMETHEUS_MULTIPROC_DIR that are left out because they cannot be read.",
)
INFO = Metric(
    name=PREFIX + "info",
    type="gauge",
    unit="constant",
    help="Always 1; the version label is that of the featurewatch library.",
    labels=(LABEL_EXTRACTOR, LABEL_VERSION),
)

#: The whole contract, in the order in which documentation lists it.
METRICS = (
    DURATION,
    REQUESTS,
    ERRORS,
    CACHE_LOOKUPS,
    FALLBACKS,
    LABEL_VALUES_DROPPED,
    BATCH_SIZE,
    BATCH_DURATION,
    QUEUE_DEPTH,
    IN_PROGRESS,
    CPU_UTILIZATION,
    MEMORY_UTILIZATION,
    CPU_PERIODS,
    CPU_THROTTLED_PERIODS,
    CPU_THROTTLED_SECONDS,
    OOM_KILLS,
    GPU_UTILIZATION,
    GPU_MEMORY_UTILIZATION,
    SNAPSHOT_P95,
    SNAPSHOT_CACHE_HIT,
    SNAPSHOT_ERROR,
    SNAPSHOT_FALLBACK,
    MONITOR_FAILURES,
    SOURCE_UP,
    SOURCE_LAST_SAMPLE,
    SOURCE_FAILURES,
    SOURCE_DROPPED,
    UNREADABLE_FILES,
    INFO,
)
