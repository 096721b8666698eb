"""Any alertmanager.yml is read, or refused in one line; never is there another error."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from featurewatch_kit.alertmanager.configuration import from_tree, read_configuration
from featurewatch_kit.errors import ArgumentError, KitError

TREE = yaml.safe_load("""
global: {resolve_timeout: 5m}
route:
  receiver: team
  group_by: [alertname]
  group_wait: 30s
  routes:
    - {match: {a: b}, match_re: {c: d}, receiver: other, continue: true, group_by: ['...']}
    - {matchers: [a="b"], mute_time_intervals: [n], active_time_intervals: [n]}
receivers:
  - {name: team, webhook_configs: [{url: http://a}], email_configs: [{to: a, send_resolved: true}]}
  - {name: other, slack_configs: [{channel: c}]}
inhibit_rules:
  - {source_matchers: [a=b], target_match: {a: c}, target_match_re: {a: d}, equal: [e]}
time_intervals:
  - name: n
    time_intervals:
      - times: [{start_time: "00:00", end_time: "06:30"}]
        weekdays: ['Monday:friday']
        days_of_month: ['1:5', '-1']
        months: [january, '2:3']
        years: [2026, '2027:2028']
        location: Europe/Berlin
""")


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, child in items:
        yield from places(child, (*path, key))


def with_(value: Any, path: tuple[Any, ...]) -> Any:
    if not path:
        return value
    tree = copy.deepcopy(TREE)
    node = tree
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return tree


def test_the_whole_is_read() -> None:
    configuration = from_tree(TREE)
    assert configuration.resolve_timeout == 300
    team = configuration.receivers["team"]
    assert [(way.name, way.send_resolved) for way in team] == [
        ("webhook[0]", True),
        ("email[0]", True),
    ]
    assert [way.send_resolved for way in configuration.receivers["other"]] == [False]
    assert [route.key for route in configuration.root.walk()] == [
        "{}",
        '{}/{a="b",c=~"^(?:d)$"}',
        '{}/{a="b"}',
    ]


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.sampled_from(["", "x", "(", "5m", "...", "a=b", "friday:monday", "\\"]),
    st.just([]),
    st.just({}),
    st.lists(st.one_of(st.none(), st.integers(0, 9), st.text(max_size=3)), max_size=2),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)


def refusal(tree: Any, version: str) -> str:
    try:
        from_tree(tree, version)
    except KitError as error:
        return str(error)
    return ""


@settings(max_examples=400)
@given(path=st.sampled_from(list(places(TREE))), odd=ODD, new=st.booleans())
def test_whatever_stands_in_it_is_read_or_refused(
    path: tuple[Any, ...], odd: Any, new: bool
) -> None:
    assert "\n" not in refusal(with_(odd, path), "0.35" if new else "0.25")


@pytest.mark.parametrize(
    ("path", "odd", "fault"),
    [
        (("route", "group_by"), "alertname", "route.group_by: must be a list of texts"),
        (("route", "routes", 0, "match"), ["a"], "route.routes[0].match: must be a mapping of"),
        (("inhibit_rules", 0, "equal"), "e", "inhibit_rules[0].equal: must be a list of texts"),
        (("receivers", 0, "webhook_configs"), "x", "receivers team: webhook_configs: must be a"),
        (("global",), ["x"], "global: must be a mapping"),
        (("global", "resolve_timeout"), "5 minutes", "global.resolve_timeout: '5 minutes' is no"),
    ],
)
def test_the_refusal_names_the_place(path: tuple[Any, ...], odd: Any, fault: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        from_tree(with_(odd, path))
    assert str(refused.value).startswith(fault)


def test_weeks_go_over_their_end_from_035_on() -> None:
    text = yaml.safe_dump(
        with_(["friday:monday"], ("time_intervals", 0, "time_intervals", 0, "weekdays"))
    )
    read_configuration(text, "0.35")
    with pytest.raises(ArgumentError, match=r"time_intervals\[0\].*weekdays"):
        read_configuration(text, "0.33.1")
