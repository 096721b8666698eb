"""Our metric families: what prometheus-client's encoders read, made of samples when they ask."""

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family

from featurewatch.distribution import Sample, Snapshot
from featurewatch.names import METRICS, Metric

_KINDS: dict[str, type[Any]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}
Series = tuple[tuple[str, ...], float | Snapshot]
#: What a bucket without an exemplar has.
BARE = ("bound", "count")


class OurFamily(Family):
    """A family of the contract; its samples are made when somebody reads them."""

    def __init__(self, metric: Metric) -> None:
        #: Label values and value of each series.
        self.series: list[Series] = []
        self._samples: list[Any] | None = None
        super().__init__(metric.name.removesuffix("_total"), metric.help, metric.type)
        self.metric = metric

    @property
    def is_plain(self) -> bool:
        """Whether ``series`` tells all: no exemplar is there, and no sample from elsewhere."""
        snapshots = [value for _, value in self.series if isinstance(value, Snapshot)]
        bare = all(len(bucket) == len(BARE) for each in snapshots for bucket in each.buckets)
        return bare and self._samples is None

    @property
    def samples(self) -> list[Any]:
        """What prometheus-client's own family would have."""
        if self._samples is None:
            self._samples = samples_of(self.metric, self.series)
        return self._samples

    @samples.setter
    def samples(self, samples: list[Any]) -> None:
        self._samples = samples or None


def samples_of(metric: Metric, series: Iterable[Series]) -> list[Any]:
    """Return prometheus-client's samples of *series*."""
    family = _KINDS[metric.type](metric.name, metric.help, labels=metric.labels)
    for labels, value in series:
        if isinstance(value, Snapshot):
            family.add_metric(labels, value.buckets, value.sum)
        else:
            family.add_metric(labels, value)
    return list(family.samples)


def families(samples: Iterable[Sample]) -> Iterator[OurFamily]:
    """Yield the families that have series, in the order of the contract."""
    found: dict[str, OurFamily] = {}
    seen = set()
    for metric, labels, value in samples:
        # Of two sources for one series the first wins: both would fail the scrape.
        if (metric.name, labels) not in seen:
            seen.add((metric.name, labels))
            if metric.name not in found:
                found[metric.name] = OurFamily(metric)
            found[metric.name].series.append((labels, value))
    return (found[metric.name] for metric in METRICS if metric.name in found)
