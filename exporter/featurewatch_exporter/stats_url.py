"""Polls a URL for figures: a JSON object or array, or the text that Prometheus reads."""

import json
import time
from collections.abc import Iterator
from threading import Event as Flag

from featurewatch.distribution import Sample
from featurewatch_exporter import prometheus_text
from featurewatch_exporter.config import HttpSource
from featurewatch_exporter.fetching import Answer, FetchError, fetch
from featurewatch_exporter.fields import Event, FieldError, Told, absent, figure, told
from featurewatch_exporter.figures import Figures
from featurewatch_exporter.health import SOURCE, Health
from featurewatch_exporter.paths import json_path
from featurewatch_exporter.prometheus_text import Histogram
from featurewatch_exporter.rules import PROMETHEUS, Rule

#: What is asked for, by format.
_ACCEPT = {PROMETHEUS: "text/plain;version=0.0.4"}


class UrlReader:
    """Reads one stats URL, again and again."""

    def __init__(self, source: HttpSource, figures: Figures, health: Health) -> None:
        self._source = source
        self._figures = figures
        self._health = health

    def run(self, stop: Flag) -> None:
        """Poll until *stop* is set."""
        while not stop.is_set():
            started = time.monotonic()
            self.poll()
            stop.wait(max(0.0, started + self._source.interval - time.monotonic()))

    def close(self) -> None:
        """Nothing: each poll closes what it opens."""

    def poll(self) -> None:
        """Ask once, and take over what makes sense."""
        try:
            told = list(self._ask())
        except FetchError as error:
            self._health.failed(SOURCE, error.problem, error.seen)
            self._health.lost(error.problem, error.seen)
            return
        events = [one for one in told if isinstance(one, Event)]
        histograms: list[Sample] = [
            (one.rule.metric, one.rule.labels(self._source.extractor), one.snapshot)
            for one in told
            if isinstance(one, Histogram)
        ]
        self._figures.replace(events, histograms)
        self._health.reached()
        if told:
            self._health.sampled()

    def _ask(self) -> Iterator[Event | Histogram]:
        source = self._source
        accept = _ACCEPT.get(source.format, "application/json")
        answer = fetch(source.url, source.timeout, int(source.max_bytes), accept)
        if source.format == PROMETHEUS:
            series = prometheus_text.parse(answer.body)
            for rule in source.rules:
                yield from self._usable(rule, series.read(rule))
        else:
            tree = parse(answer)
            for rule in source.rules:
                yield from self._usable(
                    rule, read_figures(rule, tree, as_text=source.numbers_as_text)
                )

    def _usable(
        self, rule: Rule, results: Iterator[Told | Histogram]
    ) -> Iterator[Event | Histogram]:
        """Yield what can be used; one field that can't costs itself alone."""
        faults = 0
        for result in results:
            if isinstance(result, FieldError):
                faults += 1
                self._health.failed(rule.path, result.problem, result.seen)
            else:
                yield result
        if not faults:
            self._health.well(rule.path)


def read_figures(rule: Rule, tree: object, *, as_text: bool = False) -> Iterator[Told]:
    """Yield what *tree* tells for *rule*: one event, or one for each name that a star stands for.

    A field that is missing, or no number that makes sense, is a :class:`FieldError`.
    """

    def event_of(value: object, label: str | None) -> Event:
        if value is None:
            raise FieldError("is missing or null", None)
        return figure(rule, value, label, as_text=as_text)

    path = json_path(rule.path)
    found = list(path.find(tree))
    problem = None if found else absent(path, tree)
    if problem:
        yield problem
    yield from told(rule, found, event_of)


def parse(answer: Answer) -> object:
    """Return the JSON object or array of *answer*; raise :class:`FetchError` for anything else."""
    try:
        tree = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise _no_json(answer) from error
    if not isinstance(tree, dict | list):
        raise FetchError("answers with JSON that is no object or array", answer.body[:100])
    return tree


def _no_json(answer: Answer) -> FetchError:
    if prometheus_text.is_likely(answer):
        hint = f'write "format": "{PROMETHEUS}"'
        return FetchError(f"answers with the text that Prometheus reads; {hint}")
    return FetchError("answers with something that is no JSON", answer.body[:100])
