"""The command diff says what changes for whom, and says nothing where nothing does."""

import json
import os
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from featurewatch_kit.alertmanager.routes import read_routes
from featurewatch_kit.cli import main
from featurewatch_kit.diff import samples
from featurewatch_kit.diff.index import Index
from kit.alertmanager.differential.cases import LABEL_SETS, routes

Say = Callable[..., str]
TEXT = """
global: {smtp_auth_password: hidden-1}
route:
  receiver: team
  group_by: [alertname]
  routes:
    - receiver: team
      matchers: [team="a"]
    - receiver: pager
      matchers: ['severity=~"critical|page"']
      group_wait: 10s
receivers:
  - {name: team, email_configs: [{to: hidden-1}]}
  - {name: pager, pagerduty_configs: [{routing_key: k}]}
inhibit_rules:
  - {source_matchers: [severity="critical"], target_matchers: [severity="low"], equal: [team]}
time_intervals:
  - {name: nights, time_intervals: [{times: [{start_time: "22:00", end_time: "24:00"}]}]}
"""
FIRST = """
    - receiver: team
      matchers: [team="a"]
"""
PAGE = "'severity=~\"critical|page\"'"


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Call the command, which must be fine, and return what it prints."""

    def call(*words: object, code: int = 0) -> str:
        assert main(["diff", *map(str, words)]) == code
        return capsys.readouterr().out

    return call


@pytest.fixture
def change(say: Say, tmp_path: Path) -> Say:
    """Print what it says of TEXT when the first of these texts becomes the second."""

    def call(old: str, new: str, *words: str, code: int = 0) -> str:
        assert old in TEXT
        (tmp_path / "old.yml").write_text(TEXT, encoding="utf-8")
        (tmp_path / "new.yml").write_text(TEXT.replace(old, new, 1), encoding="utf-8")
        return say(tmp_path / "old.yml", tmp_path / "new.yml", *words, code=code)

    return call


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            PAGE,
            "'severity=\"critical\"'",
            """\
pager
  is told no longer, was by pagerduty[0]
    {severity="page"}

team
  is told now, by email[0] (no ends)
    {severity="page"}
""",
        ),
        (
            "group_wait: 10s",
            "group_wait: 90s\n      mute_time_intervals: [nights]",
            """\
pager
  group_wait: 1m30s, was 10s
    {severity="critical"}
    {severity="page"}
  mute_time_intervals: nights, was none
    {severity="critical"}
    {severity="page"}
""",
        ),
        (
            "pagerduty_configs: [{routing_key: k}]",
            "pagerduty_configs: [{routing_key: k}], webhook_configs: [{url: u}]",
            """\
pager
  by: pagerduty[0] and webhook[0], was pagerduty[0]
    {severity="critical"}
    {severity="page"}

settings
  receivers[pager].webhook_configs[0].url: "(not shown)", was none
""",
        ),
        (
            ", equal: [team]",
            "",
            """\
inhibit rules that are gone
  severity="critical" mutes severity="low" with the same team

inhibit rules that are new
  severity="critical" mutes severity="low"
""",
        ),
        (
            '"22:00"',
            '"21:00"',
            """\
settings
  time_intervals[nights].time_intervals[0].times[0].start_time: "21:00", was "22:00"
""",
        ),
        (
            "to: hidden-1",
            "to: b",
            "settings\n  receivers[team].email_configs[0].to: another value\n",
        ),
        ("hidden-1", "b", "settings\n  global.smtp_auth_password: another value\n"),
        (PAGE, "'severity=~\"page|critical\"'", "Nothing changes for anybody.\n"),
        ("group_wait: 10s", "group_wait: 10s\n      group_interval: 300s", "Nothing changes"),
    ],
)
def test_it_says_what_changes_for_whom(change: Say, old: str, new: str, said: str) -> None:
    printed = change(old, new)
    assert printed == said or (printed.startswith(said) and said.startswith("Nothing"))


def test_the_order_of_routes_and_continue_count_where_two_fit(change: Say) -> None:
    both = '{severity="critical", team="a"}'
    assert both in change(FIRST, "\n").split("team\n")[0]
    printed = change(FIRST, f"{FIRST}      continue: true\n")
    assert printed == (
        f'pager\n  is told now, by pagerduty[0]\n    {both}\n    {{severity="page", team="a"}}\n'
    )


def test_what_each_way_adds_counts_too(say: Say, tmp_path: Path) -> None:
    route = "    - {{receiver: a, continue: true, group_by: [{}], group_wait: {}s}}\n"
    head = "route:\n  receiver: a\n  routes:\n"
    tail = "receivers: [{name: a, webhook_configs: [{url: u}]}]\n"
    trees = {
        "old": [("x", 1), ("y", 2)],
        "crossed": [("x", 2), ("y", 1)],
        "turned": [("y", 2), ("x", 1)],
        "twice": [("x", 1), ("y", 2), ("y", 2)],
    }
    for name, all_ in trees.items():
        text = head + "".join(route.format(*one) for one in all_) + tail
        (tmp_path / f"{name}.yml").write_text(text, encoding="utf-8")
    old = tmp_path / "old.yml"
    assert "  ways: by webhook[0], group_by x, group_wait 2s," in say(old, tmp_path / "crossed.yml")
    assert "  ways: by webhook[0], group_by x, group_wait 1s," in say(old, tmp_path / "twice.yml")
    assert say(old, tmp_path / "turned.yml") == "Nothing changes for anybody.\n"


def test_exit_code_is_1_only_if_asked_for_and_something_changes(change: Say) -> None:
    change("10s", "20s", code=0)
    change("10s", "20s", "--exit-code", code=1)
    change("10s", "10s", "--exit-code", code=0)


def test_json_has_the_same(change: Say) -> None:
    told = json.loads(change("10s", "20s", "--json"))
    assert told == {
        "changed": True,
        "people": [
            {
                "person": "pager",
                "what": "group_wait",
                "old": ["10s"],
                "new": ["20s"],
                "alerts": ['{severity="critical"}', '{severity="page"}'],
            }
        ],
        "inhibit_rules_gone": [],
        "inhibit_rules_new": [],
        "settings": [],
        "notes": [],
    }
    assert json.loads(change("10s", "10s", "--json"))["changed"] is False


def test_a_route_that_no_alert_was_found_for_is_named(change: Say) -> None:
    printed = change(PAGE, "'severity=~\"x[0-9]{3}y\"'")
    assert 'no alert was found that fits severity=~"x[0-9]{3}y": not compared' in printed


def test_long_lists_end_early_in_text_alone(change: Say) -> None:
    many = PAGE.replace("page", "|".join(["page", *(f"s{n}" for n in range(30))]))
    assert "    and 10 more (--json names them)\n" in change(PAGE, many)
    assert len(json.loads(change(PAGE, many, "--json"))["people"][0]["alerts"]) == 30


OWN = """
alerts:
  FeatureExtractionLatencyHigh: {severity: medium}
escalation:
  policies:
    error_rate_spike:
      levels:
        - {delay: 0s, channels: [dashboard, email, slack], recipients: [monitoring_team],
           response_time: within_30_minutes}
"""


def test_of_our_settings_it_names_people_alerts_levels_and_settings(
    say: Say, tmp_path: Path, root: Path
) -> None:
    (tmp_path / "mine.yaml").write_text(OWN, encoding="utf-8")
    said = say(root / "config.yaml", tmp_path / "mine.yaml", "--root", root)
    people = dict(part.split("\n", 1) for part in said.split("\n\n"))
    assert (
        "  is told no longer, was by email and slack\n"
        "    FeatureExtractionErrorRateHigh level 2 (high)\n" in people["on_call_engineer"]
    )
    assert (
        "  by: email and slack, was email\n"
        "    FeatureExtractionErrorRateHigh level 1 (high)\n" in people["monitoring_team"]
    )
    assert "    FeatureExtractionLatencyHigh level 1 (medium)" in people["monitoring_team"]
    assert (
        "FeatureExtractionLatencyCritical level 1 (critical) mutes"
        " FeatureExtractionLatencyHigh level 1 (high)" in people["inhibit rules that are gone"]
    )
    settings = people["settings"]
    assert '  alerts.FeatureExtractionLatencyHigh.severity: "medium", was "high"\n' in settings
    assert 'error_rate_spike.levels[1].delay: none, was "10m"\n' in settings


def test_the_example_of_the_document_prints_what_it_says(
    say: Say, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (root / "docs/diff.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(.*?)```.*?```console\n\$ [^\n]*\n(.*?)```", text, re.DOTALL)
    assert example
    overlay, printed = example.groups()
    (tmp_path / "mine.yaml").write_text(overlay, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert say(root / "config.yaml", "mine.yaml", "--root", root) == printed


def test_folders_of_generate_are_compared_by_their_alertmanager(
    say: Say, tmp_path: Path, root: Path
) -> None:
    file = tmp_path / "alertmanager/generated/alertmanager.yaml"
    file.parent.mkdir(parents=True)
    text = (root / "alertmanager/generated/alertmanager.yaml").read_text(encoding="utf-8")
    file.write_text(text.replace("repeat_interval: 12h", "repeat_interval: 8h"), encoding="utf-8")
    assert "  repeat_interval: 8h, was 12h\n" in say(root, tmp_path)
    assert say(root, root) == "Nothing changes for anybody.\n"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("{here}/none.yml", "{here}/a.yml", "none.yml: No such file or directory; name an"),
        ("{here}/a.yml", "{here}/settings.yaml", "one is an alertmanager.yml, the other settings"),
        ("{here}/a.yml", "{here}/bad.yml", "bad.yml: no `route` in it"),
        ("{here}/settings.yaml", "{here}/wrong.yaml", "wrong.yaml:1: "),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, fault: str
) -> None:
    (tmp_path / "a.yml").write_text(TEXT, encoding="utf-8")
    (tmp_path / "bad.yml").write_text("receivers: []", encoding="utf-8")
    (tmp_path / "settings.yaml").write_text("{}", encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text("alertz: {}", encoding="utf-8")
    words = [word.format(here=tmp_path) for word in (old, new)]
    assert main(["diff", *words]) == 2
    printed = capsys.readouterr().err
    assert fault in printed
    assert printed.count("\n") == 1


def piped(text: str) -> str:
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    return f"/dev/fd/{reading}"


def test_a_pipe_can_be_an_alertmanager_yml_and_no_settings(
    say: Say, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "group_wait: 20s, was 10s" in say(piped(TEXT), piped(TEXT.replace("10s", "20s")))
    assert main(["diff", piped("{}"), piped("{}")]) == 2
    assert "settings can't come from a pipe" in capsys.readouterr().err


def test_settings_of_config_lie_below_both(say: Say, tmp_path: Path, root: Path) -> None:
    base, empty, back = (tmp_path / name for name in ("base.yaml", "empty.yaml", "back.yaml"))
    base.write_text("routing: {severities: {low: {repeat_interval: 1d}}}", encoding="utf-8")
    empty.write_text("{}", encoding="utf-8")
    back.write_text("routing: {severities: {low: {repeat_interval: 12h}}}", encoding="utf-8")
    words = ("--root", root, "--config", base)
    assert say(empty, empty, *words) == "Nothing changes for anybody.\n"
    assert "  repeat_interval: 12h, was 1d\n" in say(empty, back, *words)


NAMES = ["r1", "r2"]
EVERY = [
    {"alertname": name, "sev": severity, "team": team}
    for name, severity, team in product("ABC", ["hi", "lo"], ["", "x", "y", "xx", "z"])
]
DRAWN = settings(
    max_examples=100, derandomize=True, database=None, deadline=None, phases=[Phase.generate]
)


@given(tree=routes(NAMES), label_sets=st.lists(LABEL_SETS, min_size=5, max_size=5))
@DRAWN
def test_the_index_finds_the_routes_that_the_model_finds(
    tree: dict[str, Any], label_sets: list[dict[str, str]]
) -> None:
    root = read_routes(tree)
    index = Index(root)
    for labels in label_sets:
        assert index.ends(labels) == root.ends(labels)


@st.composite
def changed(draw: st.DrawFn, tree: dict[str, Any]) -> dict[str, Any]:
    """The tree after one change among the first routes."""
    children = [dict(one) for one in tree.get("routes", [])]
    if not children:
        return tree | {"receiver": "r2"}
    number = draw(st.integers(0, len(children) - 1))
    kind = draw(st.sampled_from(["gone", "turned", "continue", "told"]))
    if kind == "gone":
        del children[number]
    elif kind == "turned":
        children.reverse()
    elif kind == "continue":
        children[number]["continue"] = not children[number].get("continue")
    else:
        children[number]["receiver"] = "r2"
    return tree | {"routes": children}


def told(tree: dict[str, Any], labels: dict[str, str]) -> set[Any]:
    ends = read_routes(tree).ends(labels)
    return {(end.receiver, end.group_by, *end.timing.values()) for end in ends}


@given(data=st.data(), tree=routes(NAMES))
@DRAWN
def test_what_changes_for_any_alert_changes_for_one_that_is_tried(
    data: st.DataObject, tree: dict[str, Any]
) -> None:
    new = data.draw(changed(tree))
    tried, _, _ = samples.of_trees(read_routes(tree), read_routes(new))
    if any(told(tree, labels) != told(new, labels) for labels in EVERY):
        assert any(told(tree, dict(one)) != told(new, dict(one)) for one in tried)
