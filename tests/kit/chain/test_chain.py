"""A chain in Python: what happens at moments, and who is told what."""

from datetime import datetime
from pathlib import Path

import pytest

from featurewatch_kit.chain.chain import Chain
from featurewatch_kit.chain.setting import Setting, of_file, of_project
from featurewatch_kit.errors import KitError

LATENCY, ERRORS = "FeatureExtractionLatencyCritical", "FeatureExtractionErrorRateHigh"
ONE_SOURCE = """
route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 1m}
receivers: [{name: team, webhook_configs: [{url: "http://localhost"}]}]
inhibit_rules: [{source_matchers: ['alertname="Down"'], target_matchers: ['alertname="Slow"']}]
"""


@pytest.fixture(scope="module")
def setting(root: Path) -> Setting:
    return of_project(root)


@pytest.fixture
def chain(setting: Setting) -> Chain:
    return Chain(setting)


def told(chain: Chain, who: str) -> list[tuple[str, str, str]]:
    return sorted((one.at, one.channel, one.status) for one in chain.told(who))


def test_levels_are_told_when_they_are_due(chain: Chain) -> None:
    chain.at("5m").firing(LATENCY, extractor="search")
    chain.at("12m").resolved(LATENCY)
    assert told(chain, "on_call_engineer") == [
        ("10m45s", "email", "firing"),
        ("10m45s", "slack", "firing"),
        ("12m45s", "email", "resolved"),
        ("12m45s", "slack", "resolved"),
    ]
    assert told(chain, "engineering_manager") == []
    (message, *_) = chain.told("on_call_engineer")
    assert message.alerts == [LATENCY]
    (alert,) = message.firing
    assert (alert["extractor"], alert["escalation_level"]) == ("search", "2")
    assert message.group == {"extractor": "search"}


def test_a_level_can_be_named(chain: Chain) -> None:
    chain.at("0s").firing(LATENCY, level=3)
    assert {one.at for one in chain.at("10m").told("engineering_manager")} == {"45s"}
    assert chain.told("monitoring_team") == []


def test_what_ends_and_begins_again_is_told_anew_in_whatever_order_it_is_said(
    chain: Chain,
) -> None:
    chain.at("1h").firing(ERRORS)
    chain.at("0s").firing(ERRORS)
    chain.at("4m").resolved(ERRORS)
    chain.at("1h4m").resolved(ERRORS)
    assert [(one.at, one.status) for one in chain.told("monitoring_team")] == [
        ("45s", "firing"),
        ("5m45s", "resolved"),
        ("1h45s", "firing"),
        ("1h5m45s", "resolved"),
    ]


def test_an_acknowledgement_stops_the_levels_to_come(chain: Chain) -> None:
    chain.at("0s").firing(LATENCY)
    chain.at("6m").acknowledge(LATENCY, lasts="1h")
    assert {one.at for one in chain.at("1h").told("on_call_engineer")} == {"5m45s"}
    assert chain.at("1h").told("engineering_manager") == []
    # The level above is still firing when the acknowledgement is over.
    assert chain.at("1h7m").told("engineering_manager") != []


def test_a_second_acknowledgement_takes_the_place_of_the_first(chain: Chain) -> None:
    chain.at("0s").firing(LATENCY)
    chain.at("1m").acknowledge(LATENCY, lasts="1h")
    chain.at("2m").acknowledge(LATENCY, lasts="3m")
    assert chain.at("5m").told("on_call_engineer") == []
    assert chain.at("7m").told("on_call_engineer") != []


def test_a_silence_ends(chain: Chain) -> None:
    chain.at("0s").firing(ERRORS, extractor="a").silence('extractor="a"', lasts="5m")
    assert [one.at for one in chain.at("10m").told("monitoring_team")] == ["5m45s"]


@pytest.mark.parametrize(("killed", "at"), [(False, ["45s"]), (True, ["45s", "4m"])])
def test_an_alertmanager_that_is_killed_tells_again(
    chain: Chain, killed: bool, at: list[str]
) -> None:
    chain.at("0s").firing(ERRORS)
    chain.at("3m").restart(lasts="1m", killed=killed)
    assert [one.at for one in chain.at("9m").told("monitoring_team")] == at


def test_an_alert_that_begins_again_soon_does_not_end_by_what_was_said_before(
    chain: Chain,
) -> None:
    """Prometheus sends an end for 15 minutes, but not of what fires again."""
    chain.at("2m").firing(ERRORS)
    chain.at("0s").firing(ERRORS)
    chain.at("90s").resolved(ERRORS)
    assert [(one.at, one.status) for one in chain.at("9m").told("monitoring_team")] == [
        ("45s", "firing")
    ]


def test_an_alert_does_not_fire_twice_at_once(chain: Chain) -> None:
    chain.at("0s").firing(ERRORS)
    chain.at("1m").firing(ERRORS)
    with pytest.raises(KitError, match="fires twice at once"):
        chain.told()


def test_what_prometheus_sends_again_reaches_an_alertmanager_that_was_away(
    tmp_path: Path,
) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(ONE_SOURCE, encoding="utf-8")
    chain = Chain(of_file(file))
    chain.at("0s").firing("Slow", team="a").restart(lasts="90s")
    assert [one.at for one in chain.at("10m").told()] == ["2m"]


@pytest.mark.parametrize(("version", "at"), [("0.33", ["1m10s"]), ("0.35", [])])
def test_it_tells_as_a_version_of_alertmanager_does(
    tmp_path: Path, version: str, at: list[str]
) -> None:
    """From 0.30 to 0.34.0 the end of one source unmutes until the other is sent again."""
    file = tmp_path / "alertmanager.yml"
    file.write_text(ONE_SOURCE, encoding="utf-8")
    chain = Chain(of_file(file, version))
    chain.at("0s").firing("Down", host="a").firing("Slow")
    chain.at("30s").firing("Down", host="b")
    chain.at("61s").resolved("Down", host="a")
    assert [one.at for one in chain.at("2m").told() if one.alerts == ["Slow"]] == at


def test_a_chain_begins_when_it_is_said(tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(
        """
route: {receiver: none, routes: [{receiver: team, active_time_intervals: [mornings]}]}
receivers:
  - {name: none}
  - {name: team, webhook_configs: [{url: "http://localhost"}]}
time_intervals:
  - {name: mornings, time_intervals: [{times: [{start_time: "06:00", end_time: "12:00"}]}]}
""",
        encoding="utf-8",
    )
    setting = of_file(file)
    early = Chain(setting, datetime.fromisoformat("2026-12-24T05:00"))
    early.at("0s").firing("Slow")
    assert [one.at for one in early.at("2h").told("team")] == ["1h30s"]


def test_whatever_can_not_be_is_refused_with_a_word(chain: Chain) -> None:
    with pytest.raises(KitError, match="'5 min' is no duration"):
        chain.at("5 min")
    with pytest.raises(KitError, match="a story lasts at most 366d"):
        chain.at("367d")
    with pytest.raises(KitError, match="write one of engineering_manager"):
        chain.told("nobody")
    with pytest.raises(KitError, match="does not fire at 1m"):
        chain.at("1m").resolved(LATENCY)
    with pytest.raises(KitError, match="write FeatureExtractionLatencyCritical"):
        chain.at("1m").firing("FeatureExtractionLatencyCrit")
    with pytest.raises(KitError, match="is no matcher"):
        chain.at("1m").silence("search")
    with pytest.raises(KitError, match="a silence has matchers"):
        chain.at("1m").silence()


def test_what_is_acknowledged_fires_and_is_one_alert(chain: Chain) -> None:
    chain.at("0s").firing(ERRORS, extractor="a").firing(ERRORS, extractor="b")
    chain.at("1m").acknowledge(ERRORS)
    with pytest.raises(KitError, match="2 alerts match; add LABEL=VALUE of one: extractor="):
        chain.told()


def test_an_alert_of_others_has_the_labels_that_it_is_given(chain: Chain) -> None:
    chain.at("0s").firing({"alertname": "DiskFull", "host": "a"})
    chain.at("2m").resolved({"alertname": "DiskFull"})
    assert told(chain, "monitoring_team") == [
        ("45s", "email", "firing"),
        ("5m45s", "email", "resolved"),
    ]
