"""`featurewatch otel`: what a service that is instrumented with OpenTelemetry must record.

The instruments are the contract's metrics, named so that OpenTelemetry's rules of translation lead
to the contract's names: `feature_extraction.duration` in seconds becomes
`feature_extraction_duration_seconds`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template
from typing import Literal

from featurewatch import Metric, names
from featurewatch_kit.config.alerts import LatencyAlert
from featurewatch_kit.config.model import Config
from featurewatch_receiver.config.values import seconds

Kind = Literal["counter", "gauge", "histogram", "up_down_counter"]

#: The contract's units as OpenTelemetry writes them (UCUM). What stands in braces is a remark,
#: which no translation makes part of a name.
UNITS = {
    "seconds": "s",
    "ratio": "1",
    "extractions": "{extraction}",
    "lookups": "{lookup}",
    "fallbacks": "{fallback}",
    "items": "{item}",
}
#: What the contract's names end with, beside what follows from the unit.
SUFFIXES = ("_total", "_seconds", "_ratio")


@dataclass(frozen=True)
class Instrument:
    """One metric of the contract as an instrument of OpenTelemetry."""

    metric: Metric
    kind: Kind

    @property
    def attribute(self) -> str:
        """Name in the printed code: `duration`."""
        name = self.metric.name.removeprefix(names.PREFIX)
        for suffix in SUFFIXES:
            name = name.removesuffix(suffix)
        return name

    @property
    def name(self) -> str:
        """Name as OpenTelemetry has it: `feature_extraction.duration`."""
        return f"{names.PREFIX.removesuffix('_')}.{self.attribute}"

    @property
    def unit(self) -> str:
        """Unit as OpenTelemetry writes it."""
        return UNITS[self.metric.unit]

    def bounds(self, config: Config) -> Sequence[float]:
        """Bucket bounds of a histogram, in its unit; empty for others."""
        if self.metric is names.DURATION:
            return config.metrics.duration_buckets
        return self.metric.buckets


INSTRUMENTS = (
    Instrument(names.DURATION, "histogram"),
    Instrument(names.REQUESTS, "counter"),
    Instrument(names.ERRORS, "counter"),
    Instrument(names.CACHE_LOOKUPS, "counter"),
    Instrument(names.FALLBACKS, "counter"),
    Instrument(names.IN_PROGRESS, "up_down_counter"),
    Instrument(names.BATCH_SIZE, "histogram"),
    Instrument(names.BATCH_DURATION, "histogram"),
    Instrument(names.QUEUE_DEPTH, "gauge"),
    Instrument(names.CPU_UTILIZATION, "gauge"),
    Instrument(names.MEMORY_UTILIZATION, "gauge"),
    Instrument(names.GPU_UTILIZATION, "gauge"),
    Instrument(names.GPU_MEMORY_UTILIZATION, "gauge"),
)

TEXT = Template("""\
Instruments of OpenTelemetry that featurewatch reads (docs/otel.md)

$instruments

Views: the bucket bounds of the histograms, in their unit. OpenTelemetry's own have none between 0
and 5, so a p95 of 0.02 seconds would be seen as 4.75.
$views
p95 is exact at a bound alone, and these latency thresholds are bounds:
$thresholds

Environment of a service that pushes (OTLP)
  OTEL_METRIC_EXPORT_INTERVAL=$interval   milliseconds, the interval of the rules; default 60000
  OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative

In the configuration: $source
As Python that runs: featurewatch otel --python
""")

CODE = Template('''\
"""featurewatch's instruments for OpenTelemetry, printed by `featurewatch otel --python`.

To measure:
    provider = MeterProvider(metric_readers=[...], views=VIEWS)
    features = Features(provider.get_meter("features"), "$extractor", ["TimeoutError"])
    with features.extraction():
        features.cache_lookups.add(1, features.own | {"result": "miss"})
        ...
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter

from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View

# p95 is exact at a bound alone, so each latency threshold of the alerts is one.
BOUNDS: dict[str, list[float]] = {
$bounds
}
VIEWS = [
    View(instrument_name=name, aggregation=ExplicitBucketHistogramAggregation(bounds))
    for name, bounds in BOUNDS.items()
]


class Features:
    """Every instrument. Record with the attributes `own`, and those that its comment names."""

    def __init__(
        self,
        meter: Meter,
        extractor: str,
        error_types: Iterable[str] = (),
        reasons: Iterable[str] = (),
    ):
        """Begin to measure `extractor`, whose errors and fallbacks are of these kinds."""
        self.own = {"extractor": extractor}
$instruments
        # A counter begins at zero: rate() does not see the events with which one appears.
        self.requests.add(0, self.own)
        for result in ("hit", "miss"):
            self.cache_lookups.add(0, self.own | {"result": result})
        for error_type in error_types:
            self.errors.add(0, self.own | {"error_type": error_type})
        for reason in reasons:
            self.fallbacks.add(0, self.own | {"reason": reason})

    @contextmanager
    def extraction(self) -> Iterator[None]:
        """Measure one extraction; one that raises an exception is an error."""
        start = perf_counter()
        self.in_progress.add(1, self.own)
        try:
            yield
        except Exception as error:
            self.errors.add(1, self.own | {"error_type": type(error).__name__})
            raise
        finally:
            self.in_progress.add(-1, self.own)
            self.duration.record(perf_counter() - start, self.own)
            self.requests.add(1, self.own)
''')


def text(config: Config) -> str:
    """Names, units, attributes, bounds and settings, for people."""
    rows = [("instrument", "kind", "unit", "attributes", "in Prometheus")]
    rows += [
        (i.name, i.kind, i.unit, " ".join(i.metric.labels), i.metric.name) for i in INSTRUMENTS
    ]
    views = [(i.name, _numbers(i.bounds(config))) for i in INSTRUMENTS if i.bounds(config)]
    interval = seconds(config.alerting.evaluation_interval)
    return TEXT.substitute(
        instruments=_columns(rows),
        views=_columns(views),
        thresholds=_columns(_thresholds(config)),
        interval=interval * 1000,
        source=_source(config),
    )


def code(config: Config) -> str:
    """Return a module for the service: the views, the instruments, and how to record."""
    return CODE.substitute(
        extractor=names.DEFAULT_EXTRACTOR,
        bounds="\n".join(
            f'    "{i.name}": [{_numbers(i.bounds(config))}],'
            for i in INSTRUMENTS
            if i.bounds(config)
        ),
        instruments="\n".join(_creation(instrument) for instrument in INSTRUMENTS),
    )


def _creation(instrument: Instrument) -> str:
    metric = instrument.metric
    others = [label for label in metric.labels if label != names.LABEL_EXTRACTOR]
    comment = f"        # Attribute: {', '.join(others)}.\n" if others else ""
    return (
        f"{comment}        self.{instrument.attribute} = meter.create_{instrument.kind}(\n"
        f'            "{instrument.name}",\n'
        f'            unit="{instrument.unit}",\n'
        f"            description={json.dumps(metric.help)},\n"
        "        )"
    )


def _thresholds(config: Config) -> list[tuple[str, str]]:
    """Each latency threshold with its alert, those of single extractors included."""
    found = []
    for name, alert in config.alerts.items():
        if isinstance(alert, LatencyAlert):
            found.append((_numbers([alert.threshold]), name))
            found += [
                (_numbers([override.threshold]), f"{name} of {extractor}")
                for extractor, override in alert.overrides.items()
                if override.threshold is not None
            ]
    return found


def _source(config: Config) -> str:
    if config.metrics.source == "otel":
        return "metrics.source is otel, so names without suffixes or with dots are read as well"
    return "metrics.source is featurewatch; write otel, unless all names are as in the last column"


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.12g}" for value in values)


def _columns(rows: Sequence[Sequence[str]]) -> str:
    """Cells below each other, as lines."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
