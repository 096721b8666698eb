"""What every dashboard has: a place for each panel, words, units, links that lead somewhere."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import _jsonnet
import rjsonnet
import yaml

from dashboards.overlays import OTHERWISE
from dashboards.queries import UIDS, Json, panels, queries
from featurewatch import METRICS
from featurewatch_kit import generate
from featurewatch_kit.project import load_config
from featurewatch_kit.usage import without_comments
from featurewatch_receiver.console.pages import PAGES
from featurewatch_receiver.metrics import Metrics

#: Of programs that are not ours.
OTHERS = {
    "ALERTS",
    "up",
    "alertmanager_notifications_total",
    "alertmanager_notifications_failed_total",
    "alertmanager_silences",
}
#: What PromQL and the labels of our series are made of.
NO_METRIC = re.compile(r"[a-z]+(_[a-z]+)?")


def walk(node: Any) -> Iterator[Json]:
    """Every object within."""
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict):
        yield node
    for child in children:
        yield from walk(child)


def everywhere(dashboards: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    """Each panel and its place."""
    for uid, dashboard in dashboards.items():
        for panel in panels(dashboard):
            yield f"{uid}: {panel['title']}", panel


# --- Where it is ----------------------------------------------------------------------------


def test_there_are_four_whose_uids_never_change(root: Path) -> None:
    files = sorted((root / generate.DASHBOARDS).glob("*.json"))
    uids = {file.stem: json.loads(file.read_text(encoding="utf-8"))["uid"] for file in files}
    assert uids == {uid: uid for uid in UIDS}


def test_no_two_have_one_title(dashboards: dict[str, Json]) -> None:
    titles = Counter(dashboard["title"] for dashboard in dashboards.values())
    assert set(titles.values()) == {1}


def test_no_two_panels_have_one_id_or_one_title(dashboards: dict[str, Json]) -> None:
    for uid, dashboard in dashboards.items():
        for key in ("id", "title"):
            found = Counter(panel[key] for panel in dashboard["panels"])
            assert [(uid, value) for value, count in found.items() if count > 1] == []


def test_panels_lie_side_by_side_and_none_on_another(dashboards: dict[str, Json]) -> None:
    for uid, dashboard in dashboards.items():
        cells = Counter(
            (x, y)
            for place in (panel["gridPos"] for panel in dashboard["panels"])
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        )
        assert [(uid, cell) for cell, count in cells.items() if count > 1] == []
        assert max(x for x, _ in cells) < 24


def test_each_panel_stands_below_the_title_of_its_row(dashboards: dict[str, Json]) -> None:
    for dashboard in dashboards.values():
        tops = [panel["gridPos"]["y"] for panel in dashboard["panels"]]
        assert dashboard["panels"][0]["type"] == "row"
        assert tops == sorted(tops)
        kinds = [panel["type"] for panel in dashboard["panels"]]
        assert ("row", "row") not in pairwise(kinds)
        assert kinds[-1] != "row"


# --- What it says ---------------------------------------------------------------------------


def test_every_panel_says_what_it_shows_and_in_which_unit(dashboards: dict[str, Json]) -> None:
    lacking = [
        place
        for place, panel in everywhere(dashboards)
        if not panel["description"].endswith(".") or not panel["fieldConfig"]["defaults"]["unit"]
    ]
    assert lacking == []


def test_all_asks_the_chosen_data_source(dashboards: dict[str, Json]) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for uid, dashboard in dashboards.items():
        asking = [node for node in walk(dashboard) if "expr" in node or "fieldConfig" in node]
        asking += [v for v in dashboard["templating"]["list"] if v["type"] == "query"]
        assert [(uid, node) for node in asking if node.get("datasource") != chosen] == []
        first = dashboard["templating"]["list"][0]
        assert (first["name"], first["type"]) == ("datasource", "datasource")


def test_each_query_of_a_panel_has_its_letter(dashboards: dict[str, Json]) -> None:
    for place, panel in everywhere(dashboards):
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == sorted(set(letters)), place
        assert letters, place


def test_every_line_has_a_legend(dashboards: dict[str, Json]) -> None:
    for place, panel in everywhere(dashboards):
        if panel["type"] != "table":
            assert all(target["legendFormat"] for target in panel["targets"]), place


def test_what_is_a_part_ends_at_the_whole(dashboards: dict[str, Json]) -> None:
    """Errors and fallbacks are few: the whole would hide them. A budget can be overspent."""
    free = ("Error ratio", "Fallback ratio", "Error budget left")
    for place, panel in everywhere(dashboards):
        defaults = panel["fieldConfig"]["defaults"]
        if defaults["unit"] == "percentunit" and panel["title"] not in free:
            end = defaults.get("max", defaults.get("custom", {}).get("axisSoftMax"))
            assert end == 1, place


def test_every_variable_of_a_query_is_one_of_the_dashboard(dashboards: dict[str, Json]) -> None:
    for dashboard in dashboards.values():
        known = {variable["name"] for variable in dashboard["templating"]["list"]}
        text = json.dumps([dashboard["panels"], dashboard["annotations"], dashboard["templating"]])
        used = set(re.findall(r"\$\{?(\w+)", text))
        assert {name for name in used - known if not name.startswith("__")} == set()
        assert known - used == set()


def test_whatever_identifies_an_extractor_can_be_chosen(
    dashboards_of: Callable[[str], dict[str, Json]],
) -> None:
    for uid, dashboard in dashboards_of("metrics: {identity: [extractor, cluster]}").items():
        names = [variable["name"] for variable in dashboard["templating"]["list"]]
        # The cluster first: it decides which extractors there are.
        assert names[:3] == ["datasource", "cluster", "extractor"]
        assert (names[3:] == ["instance"]) is (uid == "featurewatch-extractor")
        assert 'cluster=~"$cluster"' in dashboard["templating"]["list"][2]["query"]["query"]


def test_whatever_identifies_an_extractor_is_in_its_legends_and_links(
    dashboards_of: Callable[[str], dict[str, Json]],
) -> None:
    found = dashboards_of("metrics: {identity: [extractor, cluster]}")
    text = json.dumps(found["featurewatch-overview"])
    assert re.sub(r"\{\{extractor\}\} \{\{cluster\}\}", "", text).count("{{extractor}}") == 0
    details = re.findall(r'"title": "Details of [^"]*", "url": "([^"]*)"', text)
    assert details
    for url in details:
        for label in ("extractor", "cluster"):
            assert f"var-{label}=${{__field.labels.{label}:percentencode}}" in url
    for dashboard in found.values():
        assert dashboard["annotations"]["list"][0]["tagKeys"] == "extractor,cluster"
    (versions,) = (p for p in panels(found["featurewatch-extractor"]) if p["title"] == "Versions")
    assert "cluster" in versions["targets"][0]["expr"].partition("(")[2].partition(")")[0]


# --- What it asks ---------------------------------------------------------------------------


def series(expr: str) -> set[str]:
    """Names in a query that are no words of PromQL and no labels."""
    code = re.sub(r'"[^"]*"', "", without_comments(expr))
    code = re.sub(r"\b(by|on|group_left|group_right|ignoring|without) \([^)]*\)", "", code)
    code = re.sub(r"\{[^}]*\}|\[[^]]*\]", "{}", code)
    return {
        name
        for name in re.findall(r"(?<![\w.$])[A-Za-z_][\w:]*(?!\w*\s*\()", code)
        if name not in {"or", "and", "unless", "offset", "by", "on", "m", "s"}
    }


def test_every_series_that_is_asked_for_is_one_that_is_exposed_or_recorded(root: Path) -> None:
    groups = yaml.safe_load((root / generate.RULES).read_text())["groups"]
    groups += yaml.safe_load((root / generate.ALERTS).read_text())["groups"]
    known = {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}
    for metric in [*METRICS, *Metrics().families]:
        parts = ("_bucket", "_sum", "_count") if metric.type == "histogram" else ("",)
        known |= {metric.name + part for part in parts}
    asked = {
        name
        for file in (root / generate.DASHBOARDS).glob("*.json")
        for query in queries(json.loads(file.read_text(encoding="utf-8")))
        for name in series(query.expr)
    }
    assert asked - known - OTHERS == set()
    assert asked >= OTHERS


def test_every_metric_of_a_service_is_shown_somewhere(root: Path) -> None:
    text = "".join(
        query.expr
        for file in (root / generate.DASHBOARDS).glob("*.json")
        for query in queries(json.loads(file.read_text(encoding="utf-8")))
    )
    assert [metric.name for metric in METRICS if metric.name not in text] == []


# --- Where it leads -------------------------------------------------------------------------


def test_links_between_dashboards_lead_to_those_and_to_variables_that_they_have(
    dashboards: dict[str, Json],
) -> None:
    for uid, dashboard in dashboards.items():
        urls = [node["url"] for node in walk(dashboard) if node.get("url", "").startswith("/d/")]
        places = {url.split("/")[2].partition("?")[0] for url in urls}
        assert places == set(UIDS) - {uid} or places == set(UIDS), uid
        for url in urls:
            there = dashboards[url.split("/")[2].partition("?")[0]]["templating"]["list"]
            wanted = set(re.findall(r"var-(\w+)=", url))
            assert wanted <= {variable["name"] for variable in there}


def test_a_link_of_a_dashboard_keeps_time_and_choice(dashboards: dict[str, Json]) -> None:
    for uid, dashboard in dashboards.items():
        inner = [link for link in dashboard["links"] if link["url"].startswith("/d/")]
        assert [link["url"] for link in inner] == [f"/d/{other}" for other in UIDS if other != uid]
        assert all(link["includeVars"] and link["keepTime"] for link in inner)


def test_the_console_is_linked_only_where_there_is_one(
    dashboards_of: Callable[[str], dict[str, Json]], root: Path
) -> None:
    def outer(overlay: str) -> list[list[str]]:
        return [
            [link["url"] for link in dashboard["links"] if not link["url"].startswith("/d/")]
            for dashboard in dashboards_of(overlay).values()
        ]

    assert outer("links: {console: null}") == [[]] * 4
    # That of the receiver, which serves it.
    assert outer("{}") == [[load_config(root, []).receiver.url]] * 4
    console = "https://console.example.com"
    assert outer(f"links: {{console: {console}}}") == [[console]] * 4


def test_links_of_panels_lead_to_pages_of_the_console_and_to_what_those_are_asked(
    dashboards_of: Callable[[str], dict[str, Json]],
) -> None:
    asked_of = {page.path: page.query.model_fields.keys() for page in PAGES}
    console = "https://console.example.com"

    def leading(overlay: str) -> set[str]:
        nodes = walk([d["panels"] for d in dashboards_of(overlay).values()])
        return {node["url"] for node in nodes if node.get("url", "").startswith(console)}

    urls = leading(f"links: {{console: {console}}}")
    assert {urlsplit(url).path for url in urls} == {"/", "/alerts", "/remediations", "/controls"}
    for url in urls:
        parts = urlsplit(url)
        assert parse_qs(parts.query).keys() <= asked_of[parts.path], url
    assert leading("links: {console: null}") == set()


def test_what_a_label_holds_stays_in_its_place_of_a_link(dashboards: dict[str, Json]) -> None:
    urls = [node["url"] for node in walk(dashboards) if "url" in node]
    filled_in = [
        found for url in urls for found in re.findall(r"\$\{__(?:data|field)\.[^}]*\}", url)
    ]
    assert filled_in
    titles = {field for field in filled_in if not field.endswith(":percentencode}")}
    assert titles == set()


# --- Settings -------------------------------------------------------------------------------


def titles(dashboard: Json) -> set[str]:
    return {panel["title"] for panel in panels(dashboard)}


def test_what_is_switched_off_has_no_panel(
    dashboards_of: Callable[[str], dict[str, Json]],
) -> None:
    one = {"Pages a week"}
    assert one <= titles(dashboards_of("{}")["featurewatch-alerts"])
    off = "{channels: {pagerduty: {enabled: false}}, correlation: {enabled: false}}"
    assert one.isdisjoint(titles(dashboards_of(off)["featurewatch-alerts"]))


def test_an_alert_that_is_off_has_no_threshold_and_no_budget(
    dashboards_of: Callable[[str], dict[str, Json]],
) -> None:
    def errors(overlay: str) -> tuple[set[str], bool]:
        dashboard = dashboards_of(overlay)["featurewatch-overview"]
        threshold = 'featurewatch:threshold{alert=\\"FeatureExtractionErrorRateHigh\\"'
        return titles(dashboard), threshold in json.dumps(dashboard)

    budget = {"Error budget left", "Error budget burn rate"}
    shown, compared = errors("{}")
    assert budget <= shown
    assert compared
    shown, compared = errors("alerts: {FeatureExtractionErrorRateHigh: {enabled: false}}")
    assert budget.isdisjoint(shown)
    assert "Error ratio" in shown
    assert not compared


def test_bars_are_as_wide_as_the_rates_that_they_show(
    dashboards_of: Callable[[str], dict[str, Json]],
) -> None:
    """$__rate_interval is at least four scrapes: narrower bars would count an event again."""
    for place, panel in everywhere(dashboards_of("alerting: {evaluation_interval: 10s}")):
        custom = panel["fieldConfig"]["defaults"].get("custom", {})
        width = panel.get("interval")
        assert width == ("40s" if custom.get("drawStyle") == "bars" else None), place


def test_pages_are_the_levels_that_reach_pagerduty(
    dashboards_of: Callable[[str], dict[str, Json]],
) -> None:
    dashboard = dashboards_of("{}")["featurewatch-alerts"]
    (panel,) = (panel for panel in panels(dashboard) if panel["title"] == "Pages a week")
    pattern = r'escalation_policy="(\w+)", escalation_level=~?"([\d|]+)"'
    found = dict(re.findall(pattern, panel["targets"][0]["expr"]))
    assert found == {"latency_violation": "3", "resource_critical": "2"}


def test_both_jsonnets_make_the_same_dashboards(root: Path) -> None:
    overlay = json.dumps(json.dumps(yaml.safe_load(OTHERWISE)))
    source = f"""
      local mixin = (import 'mixin.libsonnet') + {{
        _config+:: {{
          featurewatch: std.mergePatch(super.featurewatch, std.parseJson({overlay})),
        }},
      }};
      [mixin.grafanaDashboards, mixin.featurewatchProvisioning]
    """
    ours, original = (
        json.loads(engine.evaluate_snippet("both", source, jpathdir=[str(root)]))
        for engine in (rjsonnet, _jsonnet)
    )
    assert ours == original
