"""Reads the part of the configuration that maps fields to metrics."""

import difflib
import math
from collections.abc import Iterator, Sequence
from typing import Any

from featurewatch import names
from featurewatch.labels import label_text
from featurewatch.monitor import FIELDS
from featurewatch.names import Metric
from featurewatch_exporter.configfile import Table, shown
from featurewatch_exporter.paths import json_path
from featurewatch_exporter.prometheus_text import selector
from featurewatch_exporter.rules import (
    FILE,
    HTTP,
    MAPPABLE,
    PROMETHEUS,
    RESULTS,
    STAR,
    STATSD,
    Rule,
)
from featurewatch_exporter.tagconfig import read_tag, read_tags
from featurewatch_exporter.units import read_unit

MAP_EXAMPLE = {"latency_ms": {"metric": "duration_seconds", "scale": 0.001}}
PRESET = "monitor_snapshot"
_KEYS = ("metric", "labels", "label", "scale", "unit", "tag", "tags")
#: Scales beyond these are slips: nanoseconds are 1e-9.
_SMALLEST, _LARGEST = 1e-12, 1e12


def preset_rules(table: Table) -> Iterator[Rule]:
    """Yield the rules of the preset that *table* names: the figures of a monitor."""
    if table.choice("preset", (PRESET,)):
        for field in FIELDS:
            yield Rule(path=field.name, metric=field.metric, scale=1 / field.scale)


def read_rules(source: Table, preset: Sequence[Rule], kind: str) -> list[Rule]:
    """Return the rules of a source's *preset* and map."""
    found = list(preset)
    entries = source.mapping("map", MAP_EXAMPLE)
    for path, entry in entries.items():
        place = f"{source.at('map')}.{shown(path)}"
        rule = _read_rule(path, entry, Table({}, place, source.faults), kind)
        if rule is None:
            continue
        added_up = kind in (FILE, STATSD)
        twin = next((r for r in found if same_series(r, rule, added_up=added_up)), None)
        if twin:
            problem = f"becomes the same series as {twin.path!r}"
            source.faults.append(f"{place}: {problem}; map one of the two")
        found.append(rule)
    return found


def same_series(one: Rule, other: Rule, *, added_up: bool) -> bool:
    """Whether both rules write one series, and nothing says how.

    *added_up*: counts and durations of both go into one total.
    """
    if one.metric != other.metric or (added_up and one.metric.type != "gauge"):
        return False
    return one.open or other.open or one.fixed == other.fixed


def _read_rule(path: str, entry: Any, place: Table, kind: str) -> Rule | None:
    faults_before = len(place.faults)
    if not isinstance(entry, dict) or "metric" not in entry:
        place.faults.append(f"{place.place}: {_no_entry(path, entry)}")
        return None
    table = Table(entry, place.place, place.faults)
    table.check_keys(_KEYS)
    metric = _metric(table)
    scale = table.number("scale", 1, low=_SMALLEST, high=_LARGEST, example=0.001)
    if metric is None or math.isnan(scale):
        return None
    _check_kind(table, metric, path, kind)
    unit, tag, tags = (
        read_unit(table, metric.unit),
        read_tag(table, path, kind),
        read_tags(table, kind),
    )
    fixed, is_open = _label(table, metric)
    if len(place.faults) > faults_before:
        return None
    return Rule(
        path=path,
        metric=metric,
        fixed=fixed,
        open=is_open,
        tag=tag,
        tags=tags,
        scale=scale if "scale" in entry else unit,
    )


def _no_entry(path: str, entry: Any) -> str:
    example = 'write {"metric": "duration_seconds", "scale": 0.001}'
    whole = _whole_path(path, entry)
    if whole != path:  # TOML takes a path without quotes apart
        return f"names no metric; write the whole path in quotes: {shown(whole)}"
    return f"must be a mapping with a metric (here: {shown(entry)}); {example}"


def _whole_path(path: str, entry: Any) -> str:
    while isinstance(entry, dict) and "metric" not in entry:
        below = [(key, value) for key, value in entry.items() if isinstance(value, dict)]
        if not below:
            break
        path, entry = f"{path}.{below[0][0]}", below[0][1]
    return path


def _metric(table: Table) -> Metric | None:
    name = table.text("metric", "duration_seconds").removeprefix(names.PREFIX)
    if name in MAPPABLE or not name:
        return MAPPABLE.get(name)
    close = difflib.get_close_matches(name, MAPPABLE, n=1)
    fix = f"write {shown(close[0])}" if close else f"write one of {', '.join(MAPPABLE)}"
    table.wrong("metric", "a metric that a field can become", fix)
    return None


def _check_kind(table: Table, metric: Metric, path: str, kind: str) -> None:
    if kind == HTTP and metric.type == "histogram":
        what = "needs single values, and a stats URL has none"
        table.fault("metric", f"{what}; map the service's own p95 to snapshot_p95_seconds")
    try:
        starred = _starred(path, kind)
    except ValueError as error:
        table.faults.append(f"{table.place}: {error}")
        return
    if starred and "label" not in table.data:
        label = (*metric.labels, "")[1]
        fix = f'write "label": {shown(label)}' if label else "name one field instead"
        table.fault("label", f"is missing: it says which label {STAR!r} is the value of; {fix}")
    by_path = kind != FILE and "tag" not in table.data
    if by_path and "label" in table.data and not starred:
        table.fault("label", _NO_STAR.get(kind, _NO_STAR[STATSD]))


_NO_STAR = {
    HTTP: "needs a path with a star, as in errors.*; write one, or write labels",
    PROMETHEUS: "needs a label with a star, as in errors_total{kind=*}; write one, or write labels",
    STATSD: f"needs a path that ends in {STAR!r}; end it so, or write labels",
}


def _starred(path: str, kind: str) -> bool:
    """Whether *path* stands for several fields; raise ``ValueError`` if it is no path."""
    if kind == STATSD:
        return path.endswith(STAR)
    return selector(path).starred if kind == PROMETHEUS else json_path(path).starred


def _label(table: Table, metric: Metric) -> tuple[str | None, bool]:
    """Return the fixed value of the metric's label, and whether it comes with the data."""
    wanted = (*metric.labels, "")[1]
    if "label" in table.data and "labels" in table.data:
        table.fault("label", "stands beside labels; keep one of the two")
    elif "label" in table.data:
        return None, _open_label(table, metric, wanted)
    elif "labels" in table.data or wanted:
        return _fixed_label(table, metric, wanted), False
    return None, False


def _open_label(table: Table, metric: Metric, wanted: str) -> bool:
    if metric.type != "counter" or not wanted:
        table.fault("label", "only errors, fallbacks and lookups have one; remove it")
    elif table.data["label"] != wanted:
        table.wrong("label", f"the label of {metric.name}", f"write {shown(wanted)}")
    return True


def _fixed_label(table: Table, metric: Metric, wanted: str) -> str | None:
    example = {wanted or "label": names.RESULT_HIT if wanted == names.LABEL_RESULT else "any"}
    if not wanted:
        table.fault("labels", f"{metric.name} has none besides the extractor; remove them")
        return None
    if "labels" not in table.data:
        fix = f'write "labels": {shown(example)}'
        table.fault("labels", f"is missing, and {metric.name} has the label {wanted!r}; {fix}")
        return None
    values = table.mapping("labels", example)
    value = values.get(wanted)
    if values and (list(values) != [wanted] or not isinstance(value, str) or not value):
        table.wrong("labels", f"{wanted!r} with a text", f"write {shown(example)}")
    elif values and (
        value != label_text(value) or (wanted == names.LABEL_RESULT and value not in RESULTS)
    ):
        table.wrong("labels", "hit or miss", f"write {shown(example)}")
    return value if isinstance(value, str) else None
