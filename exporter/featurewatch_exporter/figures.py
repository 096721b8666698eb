"""What the last answer of a stats URL told."""

import time
from collections.abc import Callable, Iterable

from featurewatch import names
from featurewatch.distribution import Sample
from featurewatch.labels import CappedCounts
from featurewatch_exporter.fields import Event
from featurewatch_exporter.totals import capped


class Figures:
    """The figures of the last answer: shown as they were told, for as long as they are fresh.

    Counters are passed on rather than added up: Prometheus knows what to make of one that begins
    anew, and a restart of the exporter changes nothing.
    """

    def __init__(
        self, extractor: str, stale_after: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.extractor = extractor
        self._stale_after = stale_after
        self._clock = clock
        self._answer: tuple[list[Sample], float] = ([], 0.0)

    def replace(self, events: Iterable[Event], histograms: Iterable[Sample] = ()) -> None:
        """Take the figures of a new answer in place of the last one's.

        Several counts of one series are added up: those of all elements of an array.
        """
        figures: dict[tuple[names.Metric, tuple[str, ...]], float] = {}
        opened: dict[names.Metric, CappedCounts] = {}
        for event in events:
            metric, labels = event.rule.metric, event.rule.labels(self.extractor, event.label)
            if event.rule.open:
                opened.setdefault(metric, CappedCounts()).add_events(labels[1], event.value)
            else:
                figures[metric, labels] = figures.get((metric, labels), 0) + event.value
        samples: list[Sample] = [(*series, value) for series, value in figures.items()]
        for metric, counts in opened.items():
            samples += capped(metric, self.extractor, counts)
        self._answer = [*samples, *histograms], self._clock()

    def forget(self) -> None:
        """Nothing: the exporter never forks."""

    def samples(self) -> list[Sample]:
        """Return the figures: counts always, gauges while they are fresh."""
        samples, at = self._answer
        fresh = self._clock() - at < self._stale_after
        return [sample for sample in samples if fresh or sample[0].type != "gauge"]
