"""FeatureExtractionUnusual: what it costs, and its score in the Numenta Anomaly Benchmark.

The score wants a copy of https://github.com/numenta/NAB, in the folder that NAB_DATA names. The
generated rules are evaluated by a real Prometheus, with a series of the benchmark in the place of
one of ours.
"""

import os
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench import gaussian, history, nab
from bench.backfill import Past, backfilled
from bench.figures import BenchError, Figure, at_least
from bench.timelines import Timeline, by_rows, by_the_clock
from featurewatch_kit import generate
from featurewatch_kit.project import load_config
from featurewatch_receiver.config.values import seconds

NAME = "FeatureExtractionUnusual"
VARIABLE = "NAB_DATA"
#: Of Skyline, which is published: 58.2.
GOAL = at_least(58)
#: What else might have been configured.
WINDOWS, MARGINS = ("7d", "14d", "28d"), (0.04, 0.08, 0.16)
# Whose place a series of the benchmark takes.
_OURS = "p95_seconds"
_WITHIN = 1.0
_RECORDED = "featurewatch:"
_WATCHED = re.compile(r"_over_time\(([\w:]+)\[")

Settings = dict[str, Any]
Detected = dict[str, Collection[int]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What is unusual of one series, as an expression, and how long the alert goes on firing."""

    expression: str
    series: str
    cooldown: int

    def over(self, series: str) -> str:
        """The expression with another series."""
        return self.expression.replace(self.series, series)


def run(root: Path, folder: Path) -> Iterator[Figure]:
    """Cost, and the score where there is a copy of the benchmark."""
    yield from history.cost(root, folder / "cost", NAME)
    data = os.environ.get(VARIABLE)
    if data:
        yield from _scores(root, folder, Path(data))
    else:
        print(f"bench: unusual: no score, since {VARIABLE} names no copy of NAB", file=sys.stderr)


def _scores(root: Path, folder: Path, data: Path) -> Iterator[Figure]:
    corpus, weights = nab.read(data), nab.weights(data)
    yield _known(corpus, weights)
    rows, clock = by_rows(corpus), by_the_clock(corpus)
    with backfilled(root, folder / "nab", (s for t in rows + clock for s in t.samples())) as past:
        rule = generated(root, folder, {})
        detected = _detected(past, rule, rows)
        yield _figure("score", nab.score(corpus, detected, weights), goal=GOAL)
        clocked = _detected(past, rule, clock)
        yield _figure("score_by_the_clock", nab.score(corpus, clocked, weights))
        others = [
            _detected(past, generated(root, folder, {"window": window, "margin": margin}), rows)
            for window in WINDOWS
            for margin in MARGINS
        ]
    yield from _halves(corpus, weights, detected, others)


def _known(corpus: Sequence[nab.Series], weights: nab.Weights) -> Figure:
    """The score of a detector by which the scorer is checked."""
    tails = {series.name: list(gaussian.tails(series.values)) for series in corpus}
    best = max(
        nab.score(
            corpus,
            {
                name: [i for i, tail in enumerate(each) if tail <= most]
                for name, each in tails.items()
            },
            weights,
        )
        for most in gaussian.TAILS
    )
    if abs(best - gaussian.PUBLISHED) > _WITHIN:
        raise BenchError(f"Windowed Gaussian has {best:.1f}, and {gaussian.PUBLISHED} is published")
    return _figure("windowed_gaussian", best)


def _halves(
    corpus: Sequence[nab.Series], weights: nab.Weights, shipped: Detected, others: list[Detected]
) -> Iterator[Figure]:
    """Every other file: the settings as shipped, and what is best for the other half."""
    halves = {"odd": corpus[::2], "even": corpus[1::2]}
    for name, half in halves.items():
        (rest,) = (files for other, files in halves.items() if other != name)
        chosen = max(others, key=lambda detected: nab.score(rest, detected, weights))
        yield _figure(f"half_of_{name}_files.score", nab.score(half, shipped, weights))
        score = nab.score(half, chosen, weights)
        yield _figure(f"half_of_{name}_files.chosen_on_the_other", score)


def _figure(name: str, score: float, **given: Any) -> Figure:
    return Figure(name=f"unusual.{name}", value=score, unit="points", **given)


def generated(root: Path, folder: Path, settings: Settings) -> Rule:
    """The rules as they are generated with these settings.

    Raises:
        BenchError: they are not what is expected here.

    """
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump({"alerts": {NAME: {"enabled": True, **settings}}}))
    config = load_config(root, [file])
    recorded = {
        rule["record"]: rule["expr"]
        for group in generate.evaluate(config, root)["rules"]["groups"]
        for rule in group["rules"]
        if rule.get("labels", {}).get("measured") == _OURS
    }
    return Rule(
        expression=written_out(recorded),
        series=_series(recorded),
        cooldown=seconds(config.alerts.FeatureExtractionUnusual.cooldown),
    )


def written_out(recorded: dict[str, str]) -> str:
    """The last of the rules, with the others in the place of what they record."""
    *others, (_, expression) = recorded.items()
    for record, expr in reversed(others):
        read = rf'last_over_time\({record}{{measured="{_OURS}"}}\[\w+\]\)'
        expression = f"(\n{expr})".join(re.split(read, expression))
    if _RECORDED in expression:
        raise BenchError(f"{NAME} reads what its rules do not record: {expression}")
    return expression


def _series(recorded: dict[str, str]) -> str:
    (series,) = {str(found) for expr in recorded.values() for found in _WATCHED.findall(expr)}
    return series


def _detected(past: Past, rule: Rule, timelines: Sequence[Timeline]) -> Detected:
    """The rows of each file at which the alert begins to fire."""
    return {
        timeline.name: timeline.rows(_beginnings(past, rule, timeline)) for timeline in timelines
    }


def _beginnings(past: Past, rule: Rule, timeline: Timeline) -> Iterator[int]:
    last = -rule.cooldown
    expression = rule.over(timeline.series)
    for time in past.times(expression, timeline.first, timeline.last, timeline.step):
        if time - last > rule.cooldown:
            yield time
        last = time
