"""Every query of a dashboard, as Grafana sends it."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

Json = dict[str, Any]
#: They are part of links that people keep.
UIDS = [
    "featurewatch-overview",
    "featurewatch-extractor",
    "featurewatch-alerts",
    "featurewatch-remediation",
]


class Asked(NamedTuple):
    """A query: where it stands, its PromQL, and whether it is about one moment."""

    place: str
    expr: str
    instant: bool


def panels(dashboard: Json) -> list[Json]:
    """All but the titles of rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard: Json) -> Iterator[Asked]:
    """Those of panels and annotations."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            place = f"{dashboard['uid']}: {panel['title']} {target['refId']}"
            yield Asked(place, target["expr"], target.get("instant", False))
    for annotation in dashboard["annotations"]["list"]:
        place = f"{dashboard['uid']}: annotation {annotation['name']}"
        yield Asked(place, annotation["expr"], instant=False)


def filled(text: str, **values: str) -> str:
    """A text with Grafana's variables filled in; everything is chosen unless `values` says more."""
    times = {"__rate_interval": "5s", "__range": "30s"}
    return re.sub(r"\$(\w+)", lambda found: {**times, **values}.get(found[1], ".*"), text)


def sooner(expr: str) -> str:
    """The same with a minute in place of a week, and a second in place of a minute."""
    return expr.replace("[1w:1m]", "[1m:1s]").replace("offset 1m", "offset 1s")


def label_values(variable: Json) -> tuple[str, str]:
    """The series and the label of a variable that is asked for."""
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
    assert found, variable
    return found[1], found[2]
