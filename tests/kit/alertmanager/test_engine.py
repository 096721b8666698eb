"""What the model does beyond what recordings show: long times, refusals, and rest."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurewatch_kit.alertmanager import dispatcher
from featurewatch_kit.alertmanager.alerts import Sent
from featurewatch_kit.alertmanager.configuration import Configuration, read_configuration
from featurewatch_kit.alertmanager.engine import Alertmanager
from featurewatch_kit.alertmanager.matchers import parse_all
from featurewatch_kit.errors import ArgumentError
from kit.alertmanager.differential import model
from kit.alertmanager.differential.cases import cases
from kit.alertmanager.differential.making import Trials

HOUR, DAY = 3600.0, 86_400.0
TEXT = """
route: {receiver: team, group_by: [alertname], repeat_interval: 1h}
receivers: [{name: team, webhook_configs: [{url: http://localhost}]}]
inhibit_rules: [{source_matchers: [kind=cause], target_matchers: [kind=effect], equal: [of]}]
time_intervals:
  - {name: nights, time_intervals: [{times: [{start_time: "00:00", end_time: "06:00"}]}]}
"""


def configuration(version: str = "0.35", **changes: object) -> Configuration:
    return replace(read_configuration(TEXT, version), **changes)


def fire(am: Alertmanager, at: float, until: float, **labels: str) -> None:
    am.post([Sent({"alertname": "A", **labels}, at, until)], at)


def times(am: Alertmanager) -> list[float]:
    return [message.time for message in am.sent]


def test_it_tells_after_group_wait_and_again_after_repeat_interval_at_a_group_interval() -> None:
    am = Alertmanager(configuration())
    fire(am, 0, 3 * HOUR)
    am.advance(2.5 * HOUR)
    # At exactly one hour what was told is not an hour old: five minutes later it is.
    assert times(am) == [30, 30 + HOUR + 300, 30 + 2 * (HOUR + 300)]
    assert [one.reason for one in am.sent] == [
        "first notification",
        *["repeat interval elapsed"] * 2,
    ]


def test_a_group_is_looked_at_once_at_each_of_its_moments() -> None:
    am = Alertmanager(configuration())
    fire(am, 0, DAY)
    am.advance(330)
    fire(am, 330, DAY, n="2")
    fire(am, 330, DAY, n="3")
    am.advance(DAY / 100)
    assert [(one.time, len(one.firing)) for one in am.sent] == [(30, 1), (630, 3)]


def test_the_end_of_what_was_silenced_for_long_is_told_to_nobody() -> None:
    """After twice the repeat_interval nobody remembers that it was told."""
    for hours, ends in ((1.5, 1), (3, 0)):
        am = Alertmanager(configuration())
        fire(am, 0, DAY)
        am.silence(parse_all(["alertname=A"]), hours * HOUR, at=60)
        fire(am, hours * HOUR - 400, hours * HOUR - 400)
        fire(am, hours * HOUR - 399, hours * HOUR + 10)
        am.advance(DAY)
        assert [len(one.resolved) for one in am.sent].count(1) == ends


def test_030_forgets_the_source_that_it_looks_at_with_one_that_has_ended() -> None:
    """Every 15 minutes; until it is sent again its effects are told."""
    told = {}
    for version in ("0.29.0", "0.30.0", "0.34.0", "0.34.1"):
        am = Alertmanager(configuration(version), version=version)
        fire(am, 0, 100, kind="cause", n="1")
        fire(am, 200, DAY, kind="cause", n="2")
        fire(am, 210, DAY, kind="effect", alertname="E")
        am.advance(2000)
        told[version] = [one.time for one in am.sent if "E" in one.group_key]
    assert told == {"0.29.0": [], "0.30.0": [1140], "0.34.0": [1140], "0.34.1": []}


def test_nothing_is_looked_at_before_the_start_delay() -> None:
    am = Alertmanager(configuration("0.30"), version="0.30", start_delay=120)
    fire(am, 10, HOUR)
    am.advance(HOUR / 2)
    assert times(am) == [120]
    with pytest.raises(ArgumentError, match=r"0\.25 has no --dispatch\.start-delay"):
        Alertmanager(configuration("0.25"), version="0.25", start_delay=1)


def test_a_muted_route_tells_when_its_interval_is_over() -> None:
    muted = TEXT.replace("repeat_interval: 1h}", "routes: [{mute_time_intervals: [nights]}]}")
    am = Alertmanager(read_configuration(muted))
    fire(am, 2 * HOUR, DAY)
    am.advance(7 * HOUR)
    assert times(am) == [6 * HOUR + 30]


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        (Sent({"a": ""}), "without labels"),
        (Sent({"a": "b"}, 10, 5), "ends before it starts"),
    ],
)
def test_what_alertmanager_refuses_is_refused(sent: Sent, fault: str) -> None:
    with pytest.raises(ArgumentError, match=fault):
        Alertmanager(configuration()).post([sent], 0)


def test_time_does_not_go_back() -> None:
    am = Alertmanager(configuration(), started=100)
    with pytest.raises(ArgumentError, match=r"time goes back from 100 to 99"):
        am.post([], 99)


@settings(max_examples=30)
@given(case=cases(), version=st.sampled_from(["0.25.0", "0.33.1", "0.35.0"]))
def test_groups_that_rest_tell_what_those_tell_that_are_looked_at_each_time(case, version) -> None:
    resting = Trials(case, version).lines()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dispatcher.Dispatcher, "_rest_until", lambda *_: 0.0)
        model._read.cache_clear()
        assert Trials(case, version).lines() == resting


def test_the_example_of_the_document_prints_what_it_says(root, monkeypatch, capsys) -> None:
    text = (root / "docs/simulate.md").read_text(encoding="utf-8")
    code, printed = re.findall(r"```(?:python|text)\n(.*?)```", text, re.DOTALL)[:2]
    monkeypatch.chdir(root)
    exec(code, {})  # noqa: S102  # it is ours
    assert capsys.readouterr().out == printed
