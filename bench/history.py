"""What rules cost that look at weeks: evaluated by a real Prometheus over weeks of our series."""

import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from bench.backfill import Past, Sample, backfilled
from bench.figures import BenchError, Figure
from featurewatch_kit import generate
from featurewatch_kit.project import load_config
from featurewatch_receiver.config.values import seconds

EXTRACTORS = 2
#: Records, and the alert.
PARTS = 2
#: The quickest of so many, which is the undisturbed one.
EVALUATIONS = 5
#: In the place of the configured intervals, to have soon measured.
_PACE = "2s"
_DEADLINE_SECONDS = 120
_WATCHED = re.compile(r"m\w+_over_time\(([\w:]+)\[")

Json = dict[str, Any]


def cost(root: Path, folder: Path, name: str) -> Iterator[Figure]:
    """Seconds of evaluation that an alert about the past adds, and the part of one processor."""
    folder.mkdir(parents=True)
    overlay = folder / "on.yaml"
    overlay.write_text(yaml.safe_dump({"alerts": {name: {"enabled": True}}}), encoding="utf-8")
    config = load_config(root, [overlay])
    groups = groups_of(generate.evaluate(config, root), name)
    file = paced(groups, folder / "rules.yaml")
    every = seconds(config.alerting.evaluation_interval)
    window = seconds(config.alerts.FeatureExtractionUnusual.window)
    with backfilled(root, folder, _samples(groups, window, every), [file]) as past:
        taken = _quickest(past, groups)
    share = sum(taken[group["name"]] / seconds(group["interval"]) for group in groups)
    for group, value in taken.items():
        yield Figure(name=f"unusual.cost.{group}", value=value / EXTRACTORS, unit="s")
    yield Figure(name="unusual.cost.share_of_a_processor", value=share / EXTRACTORS, unit="ratio")


def groups_of(mixin: Json, name: str) -> list[Json]:
    """The rules of the alert alone, and those that look at the past for it."""
    groups = [
        {"name": group["name"], "interval": group["interval"], "rules": rules}
        for part in ("rules", "alerts")
        for group in mixin[part]["groups"]
        if (rules := [rule for rule in group["rules"] if _is_of(rule, name)])
    ]
    if len(groups) < PARTS:
        raise BenchError(f"{name} has not both, rules and records")
    return groups


def _is_of(rule: Json, name: str) -> bool:
    return rule.get("alert") == name or "measured" in rule.get("labels", {})


def paced(groups: list[Json], file: Path) -> Path:
    """Write these groups as rules that are soon evaluated."""
    quick = [group | {"interval": _PACE} for group in groups]
    file.write_text(yaml.safe_dump({"groups": quick}), encoding="utf-8")
    return file


def _samples(groups: list[Json], window: int, every: int) -> Iterator[Sample]:
    """Everything that is looked at, as often as it is recorded, until now."""
    now = int(time.time())
    values = random.Random(0)  # noqa: S311 - a measurement, no secret
    rules = [rule["expr"] for group in groups for rule in group["rules"]]
    for series in sorted({found[1] for expr in rules if (found := _WATCHED.search(expr))}):
        for extractor in range(EXTRACTORS):
            named = f'{series}{{extractor="extractor_{extractor}"}}'
            # Nothing beyond now: no rule could record anything before that.
            for at in range(now - window, now, every):
                yield named, at, values.random()


def _quickest(past: Past, groups: list[Json]) -> dict[str, float]:
    """The quickest evaluation of each group."""
    seen: dict[str, dict[str, float]] = {group["name"]: {} for group in groups}
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while min(map(len, seen.values())) < EVALUATIONS:
        if time.monotonic() > deadline:
            raise BenchError(
                f"no {EVALUATIONS} good evaluations of each group within {_DEADLINE_SECONDS} s"
            )
        for group in past.get("/api/v1/rules")["data"]["groups"]:
            if all(rule["health"] == "ok" for rule in group["rules"]):
                seen[group["name"]][group["lastEvaluation"]] = group["evaluationTime"]
        time.sleep(0.2)
    return {name: min(times.values()) for name, times in seen.items()}
