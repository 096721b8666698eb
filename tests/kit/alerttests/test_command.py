"""The command test: exit codes, what failed as a timeline, coverage, JUnit, and what is wrong."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from featurewatch_kit.cli import main

ALERTMANAGER = """
route:
  receiver: team
  group_by: [alertname]
  routes:
    - receiver: pager
      matchers: ['severity="critical"']
      mute_time_intervals: [nights]
    - {receiver: db, matchers: ['team="db"'], continue: true}
receivers:
  - {name: team, email_configs: [{to: a@example.com, send_resolved: true}]}
  - {name: pager, pagerduty_configs: [{routing_key: k}], slack_configs: [{channel: c}]}
  - {name: db, webhook_configs: [{url: "http://localhost"}]}
inhibit_rules:
  - {source_matchers: ['alertname="Down"'], target_matchers: ['alertname="Slow"'], equal: [host]}
time_intervals:
  - name: nights
    time_intervals: [{times: [{start_time: "22:00", end_time: "24:00"}]}]
"""


@dataclass
class Said:
    code: int
    out: str
    err: str


Say = Callable[..., Said]


@pytest.fixture
def say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run the tests of this text, on the alertmanager.yml above unless options say otherwise."""
    alertmanager = tmp_path / "alertmanager.yml"
    alertmanager.write_text(ALERTMANAGER, encoding="utf-8")
    tests = tmp_path / "tests.yaml"

    def call(text: str, *options: object, foreign: bool = True) -> Said:
        tests.write_text(text, encoding="utf-8")
        chosen = ["--alertmanager", alertmanager] if foreign else []
        code = main(["test", *map(str, [tests, *chosen, *options])])
        printed = capsys.readouterr()
        out, err = (one.replace(f"{tmp_path}/", "") for one in (printed.out, printed.err))
        return Said(code, out, err)

    return call


def of(alerts: str, told: str, others: str = "") -> str:
    """A file of one test."""
    return f"tests: [{{name: one, alerts: {alerts}, told: {told} {others}}}]"


SLOW = "[{alert: Slow, labels: {host: a}, to: 10m}]"


def test_the_shipped_configuration_tells_what_the_example_says(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["test", str(root / "examples/alert_tests.yaml"), "--root", str(root)])
    assert code == 0, capsys.readouterr().out


def test_what_is_told_passes(say: Say) -> None:
    said = say(of(SLOW, "[{who: team, at: 30s}, {who: team, at: 10m, within: 1m}]"))
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[-1] == "featurewatch test: 1 passed, 0 failed"


def test_a_failure_shows_expected_and_got_in_their_order(say: Say) -> None:
    said = say(of(SLOW, "[{who: team, at: 30s}, {who: db, at: 10m, within: 1m, by: [webhook]}]"))
    assert said.code == 1
    assert said.out.split("\n\n")[0] == (
        """\
FAILED tests.yaml:1: one
  (- expected, + got)
    30s         team  by email: firing Slow
  - 10m to 11m  db    by webhook: anything
  + 10m30s      team  by email: resolved Slow"""
    )


@pytest.mark.parametrize(
    ("told", "passes"),
    [
        ("{who: team, at: 31s}", False),
        ("{who: team, within: 30s}", True),
        ("{who: team, within: 29s}", False),
        ("{who: team, at: 20s, within: 10s}", True),
        ("{who: team, by: email}", True),
        ("{who: team, by: slack}", False),
        ("{who: team, by: [email, slack]}", False),
        ("{who: team, status: firing}", True),
        ("{who: team, status: resolved}", False),
        ("{who: team, firing: [Slow]}", True),
        ("{who: team, firing: [{alert: Slow, labels: {host: a}}], resolved: []}", True),
        ("{who: team, firing: [{labels: {host: b}}]}", False),
        ("{who: team, firing: [Slow, Down]}", False),
        ("{who: team, firing: []}", False),
    ],
)
def test_a_telling_is_as_a_test_says(say: Say, told: str, passes: bool) -> None:
    said = say(of("[{alert: Slow, labels: {host: a}}]", f"[{told}]", ", until: 1m"))
    assert said.code == (0 if passes else 1), said.out


def test_each_expected_telling_finds_another_one(say: Say) -> None:
    """Taken one after the other, the wide one would take what only the narrow one can have."""
    told = "[{who: team, within: 20m}, {who: team, at: 30s}]"
    assert say(of(SLOW, told)).code == 0
    assert say(of(SLOW, f"{told[:-1]}, {{who: team}}]")).code == 1


def test_others_are_told_nothing_unless_ignored(say: Say) -> None:
    both = "[{alert: Slow, labels: {team: db}}, {alert: Full}]"
    told, until = "[{who: team, at: 30s}]", ", until: 1m"
    assert say(of("[{alert: Slow}]", told, until)).code == 0
    assert say(of(both, "[{who: db, at: 30s}]", until)).code == 1
    assert say(of(both, "[{who: db, at: 30s}]", f"{until}, others: ignore")).code == 0
    ignoring = f"{until}, others: ignore, not_told: [team]"
    assert say(of(both, "[{who: db, at: 30s}]", ignoring)).code == 1


def test_time_intervals_hold_from_the_start_that_a_test_says(say: Say) -> None:
    alerts = "[{alert: Slow, labels: {severity: critical}}]"
    evening = ", until: 1m, start: 2026-12-24T21:00"
    night = ", until: 1m, start: 2026-12-24T22:00:00+00:00"
    assert say(of(alerts, "[{who: pager, at: 30s, by: [pagerduty, slack]}]", evening)).code == 0
    assert say(of(alerts, "[]", night)).code == 0


def test_inhibition_silences_and_restarts(say: Say) -> None:
    down = "[{alert: Down, labels: {host: a}}, {alert: Slow, labels: {host: a}}]"
    assert say(of(down, "[{who: team, at: 30s, firing: [Down]}]", ", until: 1m")).code == 0
    silenced = ", silences: [{matchers: ['host=~\"a|b\"'], to: 1m}], until: 10m"
    assert say(of(SLOW, "[{who: team, at: 5m30s}]", silenced)).code == 0
    lost = ", restarts: [{at: 10s, for: 90s}], until: 10m"
    assert say(of(SLOW, "[{who: team, at: 2m}]", lost)).code == 0


def test_coverage_names_what_no_test_comes_by(say: Say) -> None:
    text = of("[{alert: Slow, labels: {severity: critical}}]", "[]", ", others: ignore, until: 1m")
    said = say(text, "--min-coverage", "50")
    assert said.out == (
        """\
coverage 40.0 %: 2 of 3 routes, 0 of 1 inhibit rules, 0 of 1 time intervals
no test comes by these routes:
  route.routes[1] {team="db"} to db
no test comes by these inhibit rules:
  inhibit_rules[0] (alertname="Down" mutes alertname="Slow")
no test comes by these time intervals:
  nights
featurewatch test: 1 passed, 0 failed
"""
    )
    assert (said.code, said.err) == (1, "coverage 40.0 % is below 50 %\n")
    assert say(text, "--min-coverage", "40").code == 0


def test_all_is_covered(say: Say) -> None:
    alerts = """[{alert: Down, labels: {host: a, team: db}}, {alert: Slow, labels: {host: a}},
      {alert: Full, labels: {severity: critical}}]"""
    late = ", others: ignore, start: 2026-12-24T21:59, until: 2m"
    assert say(of(alerts, "[]", late), "--min-coverage", "100").code == 0
    apart = alerts.replace("Slow, labels: {host: a}", "Slow, labels: {host: b}")
    assert say(of(apart, "[]", late), "--min-coverage", "100").code == 1


def test_json_and_junit_say_the_same(say: Say, tmp_path: Path) -> None:
    said = say(of(SLOW, "[{who: db, at: 1m}]"), "--json", "--junit", tmp_path / "junit.xml")
    (test,) = json.loads(said.out)["tests"]
    assert said.code == 1
    assert not test["passed"]
    assert test["missing"] == [{"when": "1m", "who": "db", "what": "by any channel: anything"}]
    assert [(one["at"], one["who"], one["status"]) for one in test["unexpected"]] == [
        ("30s", "team", "firing"),
        ("10m30s", "team", "resolved"),
    ]
    suites = ElementTree.parse(tmp_path / "junit.xml").getroot()  # noqa: S314  # our own
    assert (suites.get("tests"), suites.get("failures")) == ("1", "1")
    case = suites.find("testsuite/testcase")
    assert case is not None
    assert (case.get("name"), case.get("line")) == ("one", "1")
    assert "- 1m      db    by any channel" in (case.findtext("failure") or "")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (of(SLOW, "[{who: tem}]"), "told.0.who: tem is nobody that can be told; write one of db"),
        (of("[{to: 1m}]", "[]"), "alerts.0: has no labels; write 'alert: NAME', say"),
        (of("[{alert: A, from: 1m, to: 1m}]", "[]"), "alerts.0.to: is not after its beginning"),
        (of("[{alert: A}, {alert: A, from: 1m}]", "[]"), "alerts.1: fires already at that time;"),
        (of("[{alert: A, from: 367d}]", "[]"), "alerts.0.from: must be at most 366d (here: 367d)"),
        (of(SLOW, "[]", ", start: 1066-10-14"), "start: must be from 1971 to 2999"),
        (of("[{alert: A, form: 1m}]", "[]"), "alerts.0.form: unknown key; write 'from'"),
        (of(SLOW, "[]", ", silences: [{matchers: [a]}]"), "silences.0.matchers: 'a' is no matcher"),
        (of(SLOW, "[{who: team, at: 5}]"), "told.0.at: must be text (here: 5); write for example"),
        (of(SLOW, "[{who: team, firing: [3]}]"), "told.0.firing.0: must be a mapping (here: 3)"),
        (
            of(SLOW, "[]", ", acknowledgements: [{alert: Slow, at: 1m}]"),
            "acknowledgements.0: only alerts of featurewatch are acknowledged; write a silence",
        ),
    ],
)
def test_what_is_wrong_in_a_test_is_said_with_its_place(say: Say, text: str, fault: str) -> None:
    said = say(text)
    assert said.code == 2
    assert said.err.startswith(f"tests.yaml:1: tests.0.{fault}")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            of("[{alert: FeatureExtractionErrorRateHi}]", "[]"),
            "alerts.0.alert: FeatureExtractionErrorRateHi is none of this configuration's alerts"
            " that are on; write FeatureExtractionErrorRateHigh",
        ),
        (
            of("[{alert: FeatureExtractionLatencyCascade}]", "[]"),
            "alerts.0.alert: FeatureExtractionLatencyCascade has several forms; say which:"
            " escalation_policy latency_violation or resource_critical, severity critical or high",
        ),
        (
            of("[{alert: FeatureExtractionErrorRateHigh, severity: low}]", "[]"),
            "alerts.0.alert: FeatureExtractionErrorRateHigh has no such form; it has severity high",
        ),
        (
            of(
                "[{alert: FeatureExtractionErrorRateHigh, to: 5m}]",
                "[]",
                ", acknowledgements: [{alert: FeatureExtractionErrorRateHigh, at: 5m}]",
            ),
            "acknowledgements.0: no such alert fires at 5m;",
        ),
        (
            of(
                """[{alert: FeatureExtractionErrorRateHigh, extractor: a},
                  {alert: FeatureExtractionErrorRateHigh, extractor: b}]""",
                "[]",
                ", acknowledgements: [{alert: FeatureExtractionErrorRateHigh, at: 1m}]",
            ),
            "",
        ),
    ],
)
def test_our_own_alerts_are_known(say: Say, root: Path, text: str, fault: str) -> None:
    said = say(text, "--root", root, foreign=False)
    assert said.code == 2
    assert said.err.startswith(f"tests.yaml:1: tests.0.{fault}" if fault else "tests.yaml:1: ack")


def test_an_alert_of_others_reaches_the_default_people(say: Say, root: Path) -> None:
    text = of("[{labels: {alertname: DiskFull}}]", "[{who: monitoring_team, at: 45s}]")
    assert say(text, "--root", root, foreign=False).code == 0


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("--config", "mine.yaml"), "--config: has no effect beside --alertmanager"),
        (("--min-coverage", "101"), "--min-coverage: must be from 0 to 100 (percent)"),
        (("--alertmanager-version", "0.9"), "Alertmanager 0.9 is not modelled"),
        (("--junit", "/nowhere/junit.xml"), "--junit: /nowhere/junit.xml: can't be written"),
    ],
)
def test_wrong_options_are_named(say: Say, options: tuple[str, ...], fault: str) -> None:
    said = say(of("[{alert: A}]", "[]", ", others: ignore"), *options)
    assert said.code == 2
    assert fault in said.err
