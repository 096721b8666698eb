"""Who reads which series: recording rules, alerts and panels, by the names in their PromQL."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

#: What a histogram is exposed as.
HISTOGRAM_PARTS = ("_bucket", "_sum", "_count")
#: Settings as series (thresholds, beginnings of alerts). They exist for whatever is measured, so
#: what reads one does not thereby read the measurement.
SETTING = "featurewatch:"


def without_comments(expr: str) -> str:
    """PromQL as it is evaluated."""
    return re.sub(r"#.*", "", expr).strip()


@dataclass
class Readers:
    """What reads one series: recorded series directly, alerts and panels also through those."""

    records: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    panels: list[str] = field(default_factory=list)

    def add(self, other: "Readers") -> None:
        """Take over the alerts and panels of a series that reads this one."""
        self.alerts = _each_once([*self.alerts, *other.alerts])
        self.panels = _each_once([*self.panels, *other.panels])


class Query:
    """The series that one expression names: as words, and as patterns of names."""

    def __init__(self, expr: str) -> None:
        code = without_comments(expr)
        self._patterns = re.findall(r'__name__=~"([^"]*)"', code)
        self._words = set(re.findall(r"[a-zA-Z_:][\w:]*", re.sub(r'"[^"]*"', "", code)))

    def reads(self, series: str) -> bool:
        """Whether it reads *series*, a histogram by any of its parts."""
        names = (series, *(series + part for part in HISTOGRAM_PARTS))
        return not self._words.isdisjoint(names) or any(
            re.fullmatch(pattern, series) for pattern in self._patterns
        )


class Usage:
    """The readers of every series in a mixin as `generate.evaluate` gives it."""

    def __init__(self, mixin: dict[str, Any]) -> None:
        rules = [
            (rule, Query(rule["expr"]))
            for part in ("rules", "alerts")
            for group in mixin[part]["groups"]
            for rule in group["rules"]
        ]
        self._records = [(rule["record"], query) for rule, query in rules if "record" in rule]
        self._alerts = [(rule["alert"], query) for rule, query in rules if "alert" in rule]
        self._panels = [
            (_name(dashboard, panel), Query(target["expr"]))
            for dashboard in mixin["dashboards"].values()
            for panel in _panels(dashboard)
            for target in panel["targets"]
            if "expr" in target
        ]
        #: Names of the recorded series, each once.
        self.recorded = _each_once(name for name, _ in self._records)

    def of(self, series: str) -> Readers:
        """Return who reads *series*."""
        return self._of(series, above=frozenset())

    def _of(self, series: str, above: frozenset[str]) -> Readers:
        readers = Readers(
            records=_reading(series, self._records),
            alerts=_reading(series, self._alerts),
            panels=_reading(series, self._panels),
        )
        above |= {series}  # a rule may carry on its own former value
        for record in readers.records:
            if record not in above and not record.startswith(SETTING):
                readers.add(self._of(record, above))
        return readers


def _reading(series: str, queries: list[tuple[str, Query]]) -> list[str]:
    return _each_once(name for name, query in queries if query.reads(series))


def _name(dashboard: dict[str, Any], panel: dict[str, Any]) -> str:
    """As `Overview: CPU`; what all of our dashboards begin with says nothing."""
    return f"{dashboard['title'].rpartition(' / ')[2]}: {panel.get('title', 'untitled')}"


def _panels(node: Any) -> Iterator[dict[str, Any]]:
    """Panels of a dashboard, those within rows included."""
    for panel in node.get("panels", []):
        if "targets" in panel:
            yield panel
        yield from _panels(panel)


def _each_once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
