"""Reads the text that Prometheus reads: ``requests_total{code=~"5..",kind=*}``."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby, pairwise
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from featurewatch.distribution import Snapshot
from featurewatch_exporter.fetching import Answer, FetchError
from featurewatch_exporter.fields import FieldError, Told, figure, number, told
from featurewatch_exporter.rules import Rule, rescale

#: Any value of a label, which is then the value of the metric's label.
STAR = "*"
_EXAMPLE = 'requests_total{code="200"} or errors_total{kind=*}'
_VALUE = r'"(?:[^"\\]|\\.)*"'
_MATCHER = re.compile(rf"\s*([^\s=!~,{{}}\"]+)\s*(?:(=~|!~|!=|=)\s*({_VALUE})|=\s*(\*))\s*(?:,|$)")
_SELECTOR = re.compile(r"([^{}\s]+)\s*(?:\{(.*)\})?", re.DOTALL)


class Histogram(NamedTuple):
    """A histogram as it was told."""

    rule: Rule
    snapshot: Snapshot


@dataclass(frozen=True)
class Selector:
    """Selects series as PromQL does; :func:`selector` makes it."""

    name: str
    #: Label, operator, value.
    matchers: tuple[tuple[str, str, str], ...]
    #: The label whose value is that of the metric's label.
    star: str | None

    @property
    def starred(self) -> bool:
        """Whether it stands for several series."""
        return self.star is not None

    def takes(self, labels: dict[str, str]) -> bool:
        """Whether a series with these labels is selected."""
        if self.star is not None and not labels.get(self.star):
            return False
        return all(_matches(labels.get(label, ""), *rest) for label, *rest in self.matchers)


@cache  # of a configuration, and so bounded
def selector(text: str) -> Selector:
    """Return the selector that *text* says; raise ``ValueError`` with the fix if it says none."""
    wrong = ValueError(f"selects no series; write for example {_EXAMPLE}")
    found = _SELECTOR.fullmatch(text)
    if not found:
        raise wrong
    matchers, stars, inside, end = [], [], found[2] or "", 0
    while end < len(inside):
        matcher = _MATCHER.match(inside, end)
        if not matcher:
            raise wrong
        label, operator, value, star = matcher.groups()
        if star:
            stars.append(label)
        else:
            matchers.append((label, operator, _checked(operator, json.loads(value))))
        end = matcher.end()
    if len(stars) > 1:
        raise ValueError("has several stars, and a label has one value; keep one")
    return Selector(found[1], tuple(matchers), stars[0] if stars else None)


class Series:
    """The series of one answer, by name."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._samples: dict[str, list[Sample]] = {}
        renamed: dict[str, list[Sample]] = {}
        for family in families:
            for sample in family.samples:
                self._samples.setdefault(sample.name, []).append(sample)
                if family.type == "counter":
                    renamed.setdefault(family.name, []).append(sample)
        # The parser gives counters their _total, and not every server writes it.
        self._samples = renamed | self._samples

    def read(self, rule: Rule) -> Iterator[Told | Histogram]:
        """Yield what the series tell for *rule*, or what is wrong with one of them."""
        chosen = selector(rule.path)
        if rule.metric.type == "histogram":
            yield self._histogram(rule, chosen)
            return
        samples = [s for s in self._samples.get(chosen.name, ()) if chosen.takes(s.labels)]
        if not samples and (not chosen.starred or chosen.name not in self._samples):
            yield FieldError("is missing", None)
        found = [(chosen.star and sample.labels[chosen.star], sample.value) for sample in samples]
        yield from told(rule, found, lambda value, label: figure(rule, value, label))

    def _histogram(self, rule: Rule, chosen: Selector) -> Histogram | FieldError:
        buckets = self._of(chosen, "_bucket")
        if not buckets:
            return FieldError("is missing, or no histogram", None)
        try:
            counts = _added_up([_buckets(rule, series) for series in _by_series(buckets)])
            total = sum(number(sample.value) for sample in self._of(chosen, "_sum"))
            if not math.isfinite(total):
                raise FieldError("has a sum that is no number", total)
            return Histogram(rule, Snapshot(counts, rescale(total, rule.scale or 1)))
        except FieldError as error:
            return error
        except ValueError as error:
            return FieldError(str(error), None)

    def _of(self, chosen: Selector, suffix: str) -> list[Sample]:
        samples = self._samples.get(chosen.name + suffix, [])
        return [sample for sample in samples if chosen.takes(sample.labels)]


def parse(body: bytes) -> Series:
    """Return the series in *body*; raise :class:`FetchError` for anything else."""
    try:
        return Series(text_string_to_metric_families(body.decode()))
    except Exception as error:  # the parser has several for faulty text
        problem = "answers with something that is no text for Prometheus"
        raise FetchError(problem, body[:100]) from error


def is_likely(answer: Answer) -> bool:
    """Whether an answer says that it is for Prometheus."""
    kind = answer.content_type.replace(" ", "")
    return kind.startswith(("text/plain;version=", "application/openmetrics-text"))


def _checked(operator: str, value: str) -> str:
    if "~" in operator:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"has {value!r}, which is no expression ({error}); fix it") from error
    return value


def _matches(value: str, operator: str, wanted: str) -> bool:
    equal = re.fullmatch(wanted, value) is not None if "~" in operator else value == wanted
    return equal != operator.startswith("!")


def _by_series(samples: list[Sample]) -> Iterator[list[Sample]]:
    def others(sample: Sample) -> list[tuple[str, str]]:
        return sorted(item for item in sample.labels.items() if item[0] != "le")

    for _, series in groupby(sorted(samples, key=others), others):
        yield list(series)


def _buckets(rule: Rule, samples: list[Sample]) -> list[tuple[float, float]]:
    """Return bounds in the metric's unit, and how many values are not above each."""
    counts = sorted((float(s.labels.get("le", "nan")), number(s.value)) for s in samples)
    growing = all(0 <= one[1] <= other[1] for one, other in pairwise([(0.0, 0.0), *counts]))
    if not growing or counts[-1][0] != math.inf:
        raise ValueError("has buckets that do not add up to one of +Inf")
    return [(rescale(bound, rule.scale or 1), count) for bound, count in counts]


def _added_up(histograms: list[list[tuple[float, float]]]) -> list[tuple[str, float]]:
    bounds = [[bound for bound, _ in one] for one in histograms]
    if any(other != bounds[0] for other in bounds):
        raise ValueError("stands for histograms of different buckets; select one by its labels")
    counts = zip(*([count for _, count in one] for one in histograms), strict=True)
    return list(zip(map(floatToGoString, bounds[0]), map(sum, counts), strict=True))
