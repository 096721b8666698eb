"""Grafana's own types know all that the dashboards say.

grafana-foundation-sdk is generated from the schemas of one version of Grafana. What it reads and
writes again is there afterwards only if the schema has a place for it: each key of dashboards,
panels, their options and Prometheus queries. It checks no values: where a type is an enumeration,
that is done here. Nothing is drawn.
"""

import copy
import json
from collections.abc import Iterator
from enum import EnumType
from typing import Any, get_args, get_type_hints

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.queries import Json

#: Keys of Prometheus's annotations, which Grafana leaves to the data source.
OF_PROMETHEUS = ("step", "titleFormat", "textFormat", "tagKeys")


@pytest.fixture(autouse=True, scope="module")
def _known_panels() -> None:
    """Make the types of panels and queries known to the SDK."""
    plugins.register_default_plugins()


def again(dashboard: Json) -> Json:
    """The dashboard as Grafana's types keep it."""
    text = JSONEncoder(sort_keys=True).encode(Dashboard.from_json(copy.deepcopy(dashboard)))
    kept: Json = json.loads(text)
    return kept


def lost(said: Any, kept: Any, place: str = "") -> Iterator[str]:
    """Places of what was said and is not there any more, or is something else."""
    if isinstance(said, dict) and isinstance(kept, dict):
        for key, value in said.items():
            yield from lost(value, kept.get(key), f"{place}.{key}")
    elif isinstance(said, list) and isinstance(kept, list) and len(said) == len(kept):
        for i, (one, other) in enumerate(zip(said, kept, strict=True)):
            yield from lost(one, other, f"{place}[{i}]")
    elif said != kept:
        yield place


def misnamed(node: Any, place: str = "") -> Iterator[str]:
    """Values that are none of their enumeration's, in what the SDK has read."""
    if isinstance(node, dict | list):
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in items:
            yield from misnamed(value, f"{place}[{key}]")
    elif type(node).__module__.startswith("grafana_foundation_sdk.models"):
        for name, hint in get_type_hints(type(node)).items():
            value = getattr(node, name)
            for kind in (hint, *get_args(hint)):
                if isinstance(kind, EnumType) and isinstance(value, str) and value not in set(kind):
                    yield f"{place}.{name}: {value}"
            yield from misnamed(value, f"{place}.{name}")


def test_nothing_that_is_said_is_unknown_to_grafana(dashboards: dict[str, Json]) -> None:
    for dashboard in dashboards.values():
        for annotation in dashboard["annotations"]["list"]:
            for key in OF_PROMETHEUS:
                del annotation[key]
        assert list(lost(dashboard, again(dashboard))) == []


def test_each_word_is_one_that_grafana_has_for_it(dashboards: dict[str, Json]) -> None:
    for dashboard in dashboards.values():
        assert list(misnamed(Dashboard.from_json(dashboard))) == []


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (["options"], "colorMode"),
        (["options"], "graphMode"),
        (["fieldConfig", "defaults", "thresholds"], "mode"),
    ],
)
def test_a_word_that_grafana_has_not_is_found(
    path: list[str], key: str, dashboards: dict[str, Json]
) -> None:
    dashboard = dashboards["featurewatch-overview"]
    node: Any = dashboard["panels"][1]
    for step in path:
        node = node[step]
    node[key] = "something"
    (found,) = misnamed(Dashboard.from_json(dashboard))
    assert found.endswith(": something")


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ([], "templates"),
        (["panels", 1], "titel"),
        (["panels", 1, "options"], "graphmode"),
        (["panels", 1, "fieldConfig", "defaults"], "units"),
        (["panels", 1, "targets", 0], "expression"),
        (["panels", 7, "fieldConfig", "defaults", "custom"], "lineWith"),
        (["templating", "list", 1], "regexp"),
    ],
)
def test_a_misspelt_key_is_found(path: list[Any], key: str, dashboards: dict[str, Json]) -> None:
    dashboard = dashboards["featurewatch-overview"]
    node: Any = dashboard
    for step in path:
        node = node[step]
    node[key] = "something"
    assert any(place.endswith(f".{key}") for place in lost(dashboard, again(dashboard)))
