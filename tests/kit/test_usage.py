"""Who reads a series: found in the PromQL of rules and panels."""

from typing import Any

import pytest

from featurewatch_kit.usage import Query, Usage

DURATION = "feature_extraction_duration_seconds"


@pytest.mark.parametrize(
    "expr",
    [
        "x_total",
        "rate(x_total[5m]) > 0",
        'sum by (extractor) (x_total{extractor="a"})',
        "# why\ny + x_total # so",
        '{__name__=~"(x|y)_.+"}',
        'count({job="a", __name__=~"x_total"})',
    ],
)
def test_series_is_read_by_an_expression_that_names_it(expr: str) -> None:
    assert Query(expr).reads("x_total")


@pytest.mark.parametrize(
    "expr",
    [
        "xx_total",
        "x_total_sum_of_all",
        "level:x_total:rate5m",
        "# x_total\ny",
        'y{metric="x_total"}',
        '{__name__=~"x"}',
    ],
)
def test_series_is_not_read_by_an_expression_that_names_another(expr: str) -> None:
    assert not Query(expr).reads("x_total")


@pytest.mark.parametrize("part", ["_bucket", "_sum", "_count"])
def test_histogram_is_read_by_any_of_its_parts(part: str) -> None:
    assert Query(f"rate({DURATION}{part}[5m])").reads(DURATION)


def mixin(
    rules: list[dict[str, str]] | None = None,
    alerts: list[dict[str, str]] | None = None,
    panels: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """As jsonnet gives it, with these alone."""
    return {
        "rules": {"groups": [{"rules": rules or []}]},
        "alerts": {"groups": [{"rules": alerts or []}]},
        "dashboards": {"one.json": {"title": "Features / One", "panels": panels or []}},
    }


def test_alert_and_panel_read_what_they_read_through_a_recorded_series() -> None:
    usage = Usage(
        mixin(
            rules=[
                {"record": "a:x:rate", "expr": "rate(x[5m])"},
                {"record": "b", "expr": "a:x:rate"},
            ],
            alerts=[{"alert": "XHigh", "expr": "b > 1"}, {"alert": "YHigh", "expr": "y > 1"}],
            panels=[{"title": "X", "targets": [{"expr": "a:x:rate"}]}],
        )
    )
    readers = usage.of("x")
    assert (readers.records, readers.alerts, readers.panels) == (
        ["a:x:rate"],
        ["XHigh"],
        ["One: X"],
    )
    assert usage.of("b").panels == []


def test_each_reader_is_named_once_however_many_levels_and_queries_it_has() -> None:
    levels = [{"alert": "XHigh", "expr": "x > 1"}] * 3
    panel = {"title": "X", "targets": [{"expr": "x"}, {"expr": "x > 1"}, {}]}
    readers = Usage(mixin(alerts=levels, panels=[panel])).of("x")
    assert (readers.alerts, readers.panels) == (["XHigh"], ["One: X"])


def test_what_compares_with_a_threshold_does_not_read_what_the_threshold_exists_for() -> None:
    rules = [{"record": "featurewatch:threshold", "expr": "1 * group(x)"}]
    alerts = [{"alert": "YHigh", "expr": "y > featurewatch:threshold"}]
    usage = Usage(mixin(rules, alerts))
    assert usage.of("x").alerts == []
    assert usage.of("featurewatch:threshold").alerts == ["YHigh"]


def test_rules_that_carry_on_each_others_former_value_come_to_an_end() -> None:
    rules = [{"record": "a", "expr": "x or a or b"}, {"record": "b", "expr": "a"}]
    usage = Usage(mixin(rules, [{"alert": "Old", "expr": "b"}]))
    assert usage.of("x").alerts == usage.of("a").alerts == usage.of("b").alerts == ["Old"]


def test_panel_within_a_row_is_a_panel() -> None:
    row = {"title": "Row", "panels": [{"title": "X", "targets": [{"expr": "x"}]}]}
    assert Usage(mixin(panels=[row])).of("x").panels == ["One: X"]
