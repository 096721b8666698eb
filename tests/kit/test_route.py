"""The command route says where an alert goes, as amtool does, and when, which amtool does not."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from waiting import PATIENCE_SECONDS

from featurewatch_kit.cli import main
from kit.alertmanager.differential.cases import LABEL_SETS, routes

Say = Callable[..., str]
TEXT = """
route:
  receiver: team
  group_by: [alertname]
  routes:
    - receiver: copy
      continue: true
      group_by: ['...']
      repeat_interval: 12m
    - receiver: pager
      matchers: ['{severity="critical", team=~"a|b"}']
      group_by: [team]
      group_wait: 10s
      group_interval: 1m
      repeat_interval: 90m
      mute_time_intervals: [nights, holidays]
      active_time_intervals: [always]
receivers:
  - {name: team, email_configs: [{to: a@example.com}]}
  - {name: copy}
  - {name: pager, pagerduty_configs: [{routing_key: k}], slack_configs: [{channel: c}]}
time_intervals:
  - {name: nights, time_intervals: [{times: [{start_time: "22:00", end_time: "24:00"}]},
      {times: [{start_time: "00:00", end_time: "06:30"}], location: Europe/Berlin}]}
  - {name: holidays, time_intervals: [{days_of_month: ["24:26"], months: [december]}]}
  - {name: always, time_intervals: [{years: ["2000:2999"]}]}
"""
CRITICAL = ("alertname=Slow", "severity=critical", "team=a")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "alertmanager.yml"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Call the command, which must be fine, and return what it prints."""

    def call(*words: object) -> str:
        code = main(["route", *map(str, words)])
        printed = capsys.readouterr()
        assert code == 0, printed.err
        return printed.out

    return call


def test_it_says_receivers_group_timers_and_what_mutes(say: Say, file: Path) -> None:
    assert say(file, *CRITICAL, "--at", "2026-12-22T04:00") == (
        """\
{alertname="Slow", severity="critical", team="a"} at 2026-12-22 04:00 UTC

receiver copy
  by     nothing: nobody hears of it
  route  {} / {}
  group  {alertname="Slow", severity="critical", team="a"}
  told   after 30s, changes every 5m, again after 15m (the first look after repeat_interval 12m)
  muted  never

receiver pager
  by     pagerduty[0], slack[0] (no ends)
  route  {} / {severity="critical",team=~"a|b"}
  group  {team="a"}
  told   after 10s, changes every 1m, again after 1h31m (the first look after repeat_interval 1h30m)
  muted  now, by mute_time_intervals nights, until 2026-12-22T05:30:00+00:00
"""
    )


@pytest.mark.parametrize(
    ("at", "muted"),
    [
        ("2026-12-22T12:00", "not now (time intervals nights, holidays, always)"),
        (
            "2026-12-22T06:29:59+01:00",
            "now, by mute_time_intervals nights, until 2026-12-22T05:30:00",
        ),
        ("2026-12-22T06:30:00+01:00", "not now"),
        (
            "2026-12-24T12:00",
            "now, by mute_time_intervals holidays, until 2026-12-27T05:30:00+00:00",
        ),
        ("1999-12-22T12:00", "now, by active_time_intervals always for 8 days"),
    ],
)
def test_it_says_what_mutes_at_a_time_and_until_when(
    say: Say, file: Path, at: str, muted: str
) -> None:
    assert f"  muted  {muted}" in say(file, *CRITICAL, "--at", at).split("receiver pager")[1]


def test_json_has_the_same(say: Say, file: Path) -> None:
    told = json.loads(say(file, *CRITICAL, "--at", "2026-12-22T04:00Z", "--json"))
    assert told["at"] == "2026-12-22T04:00:00+00:00"
    assert told["labels"] == {"alertname": "Slow", "severity": "critical", "team": "a"}
    assert [one["receiver"] for one in told["routes"]] == ["copy", "pager"]
    assert told["routes"][1] == {
        "receiver": "pager",
        "integrations": {"pagerduty[0]": True, "slack[0]": False},
        "matchers": ["{}", '{severity="critical",team=~"a|b"}'],
        "group_by": ["team"],
        "group_key": '{}/{severity="critical",team=~"a|b"}:{team="a"}',
        "group_labels": {"team": "a"},
        "group_wait": "10s",
        "group_interval": "1m",
        "repeat_interval": "1h30m",
        "repeats_after": "1h31m",
        "mute_time_intervals": ["nights", "holidays"],
        "active_time_intervals": ["always"],
        "muted_by": ["mute_time_intervals nights"],
        "muted_until": "2026-12-22T05:30:00+00:00",
    }


def test_what_no_route_takes_goes_to_the_first(say: Say, file: Path) -> None:
    assert "receiver team" not in say(file, "alertname=Slow")
    assert "receiver copy" in say(file, "alertname=Slow")


def test_without_a_file_it_is_the_generated_configuration(say: Say, root: Path) -> None:
    words = ("alertname=Watchdog", "--root", root, "--json")
    told = [one["receiver"] for one in json.loads(say(*words))["routes"]]
    assert "featurewatch-receiver" in told


def test_the_example_of_the_document_prints_what_it_says(say: Say, root: Path) -> None:
    text = (root / "docs/simulate.md").read_text(encoding="utf-8")
    example = re.search(r"```console\n\$ featurewatch route (.*?)\n(.*?)```", text, re.DOTALL)
    assert example
    command, printed = example.groups()
    assert say(*command.split(), "--root", root) == printed


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["a=b", "c"], "c: is no label; write LABEL=VALUE, and the file before them"),
        (["missing.yml", "a=b"], "missing.yml: No such file or directory; name an alertmanager"),
        (["{file}", "=b"], "=b: is no label"),
        (
            ["{file}", "a=b", "--at", "noon"],
            "--at: 'noon' is no time; write one like 2026-12-24T03",
        ),
        (["{file}", "a=b", "--alertmanager-version", "1"], "'1' is no version of Alertmanager"),
        (["{file}", "a=b", "--alertmanager-version", "0.24"], "0.24 is not modelled"),
    ],
)
def test_a_mistake_is_one_line(
    file: Path, capsys: pytest.CaptureFixture[str], words: list[str], fault: str
) -> None:
    assert main(["route", *(word.format(file=file) for word in words)]) == 2
    printed = capsys.readouterr()
    assert fault in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("route:", "routes:", "no `route` in it; is it an alertmanager.yml?"),
        ("receiver: pager", "receiver: gone", "route.routes[1].receiver: 'gone' is not under"),
        ("[nights, hol", "[night, hol", "route.routes[1].mute_time_intervals: 'night' is not"),
        ("group_wait: 10s", "group_wait: 10", "route.routes[1].group_wait: '10' is no duration"),
        ("group_interval: 1m", "group_interval: 0s", "group_interval: must be longer than 0s"),
        ("['...']", "['...', a]", "route.routes[0].group_by: has ... and labels"),
        ('team=~"a|b"', 'team=~"("', "'(' is no regular expression"),
        ('team=~"a|b"', "team", "is no matcher of Alertmanager"),
        ('"24:00"', '"25:00"', "time_intervals[0].time_intervals[0]: times[0].end_time has the"),
        ("  receiver: team\n", "  receiver:\n", "route: has no receiver"),
        ("group_by: [alertname]", "matchers: [a=b]", "leave out its matchers"),
        ("receivers:", "receivers: [", "is no YAML"),
    ],
)
def test_what_alertmanager_refuses_is_refused_with_its_place(
    file: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, fault: str
) -> None:
    file.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    assert main(["route", str(file), "a=b"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"{file}: ")
    assert fault in printed
    assert printed.count("\n") == 1


NAMES = ["r1", "r2", "r3"]


def numbered(node: dict[str, Any], parent: str = "0") -> dict[str, Any]:
    """Every route with a receiver of its own, so that the answer says which it is."""
    children = [numbered(one, f"{parent}-{n}") for n, one in enumerate(node.get("routes", []))]
    plain = {key: one for key, one in node.items() if key[0] in "mc" and "time" not in key}
    return plain | {"receiver": parent, "routes": children}


def names(node: dict[str, Any]) -> list[str]:
    return [node["receiver"], *(name for one in node["routes"] for name in names(one))]


@given(tree=routes(NAMES), label_sets=st.lists(LABEL_SETS, min_size=3, max_size=3))
@settings(max_examples=25, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
def test_amtool_says_the_same_of_random_trees(
    amtool: Path,
    tmp_path_factory: pytest.TempPathFactory,
    tree: dict[str, Any],
    label_sets: list[dict[str, str]],
) -> None:
    route = numbered(tree)
    receivers = [{"name": name} for name in names(route)]
    file = tmp_path_factory.mktemp("trees") / "alertmanager.yml"
    file.write_text(yaml.safe_dump({"route": route, "receivers": receivers}), encoding="utf-8")
    for labels in label_sets:
        words = [f"{name}={value}" for name, value in labels.items()]
        command = [amtool, "config", "routes", "test", f"--config.file={file}", *words]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
        )
        with pytest.MonkeyPatch.context() as patch:
            printed: list[str] = []
            patch.setattr("builtins.print", printed.append)
            assert main(["route", str(file), *words, "--json"]) == 0
        told = [one["receiver"] for one in json.loads(printed[0])["routes"]]
        assert told == done.stdout.strip().split(",")
