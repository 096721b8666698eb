"""What the generated receiver.yaml says of people, of the dead man's switch, and of links."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from featurewatch_kit.config.model import Config
from featurewatch_kit.generate import ALERTMANAGER, RECEIVER, generate
from featurewatch_kit.project import load_config
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.errors import ConfigError
from featurewatch_receiver.reconciliation.notifications import is_ours

ROOT = Path(__file__).parents[2]


def load(tmp_path: Path, overlay: dict[str, Any]) -> Config:
    file = tmp_path / "overlay.yaml"
    file.write_text(yaml.safe_dump(overlay))
    return load_config(ROOT, [file])


def files(tmp_path: Path, overlay: dict[str, Any]) -> tuple[Any, Any]:
    """The generated receiver.yaml and alertmanager.yaml."""
    made = generate(load(tmp_path, overlay), ROOT)
    return yaml.safe_load(made[RECEIVER]), yaml.safe_load(made[ALERTMANAGER])


def test_each_of_alertmanagers_receivers_is_explained(tmp_path: Path) -> None:
    receiver, alertmanager = files(tmp_path, {})
    names = {entry["name"] for entry in alertmanager["receivers"]}
    told = receiver["notifications"]["receivers"]
    assert {name for name in names if not is_ours(name)} == told.keys()
    assert told["latency_violation-level-3"] == {
        "policy": "latency_violation",
        "levels": [3],
        "channels": ["email", "slack", "pagerduty"],
        "recipients": ["engineering_manager", "on_call_engineer"],
        "resolved": True,
    }


def test_the_receiver_knows_its_own_name_at_alertmanager(tmp_path: Path) -> None:
    _, alertmanager = files(tmp_path, {})
    ours = [e for e in alertmanager["receivers"] if "webhook_configs" in e]
    assert [is_ours(entry["name"]) for entry in ours] == [True]


def test_a_channel_that_is_off_tells_nobody_and_some_ends_are_not_told(tmp_path: Path) -> None:
    overlay = {
        "channels": {"email": {"enabled": False}},
        "alerts": {"FeatureExtractionLatencyCritical": {"auto_resolve": False}},
    }
    told = files(tmp_path, overlay)[0]["notifications"]["receivers"]
    assert not [name for name, one in told.items() if "email" in one["channels"]]
    assert told["latency_violation-level-2-unresolved"]["channels"] == ["slack"]
    assert told["latency_violation-level-2-unresolved"]["resolved"] is False


def test_the_wait_is_the_longest_group_wait(tmp_path: Path) -> None:
    assert files(tmp_path, {})[0]["notifications"]["wait"] == "45s"
    slow = {"routing": {"severities": {"low": {"group_wait": "2m"}}}}
    assert files(tmp_path, slow)[0]["notifications"]["wait"] == "2m"


def test_the_switch_waits_for_three_watchdogs_unless_told_otherwise(tmp_path: Path) -> None:
    assert files(tmp_path, {})[0]["watchdog"]["timeout"] == "900s"
    slower = {"routing": {"receiver": {"repeat_interval": "10m"}}}
    assert files(tmp_path, slower)[0]["watchdog"]["timeout"] == "1800s"
    own = {"watchdog": {"timeout": "10m"}}
    assert files(tmp_path, own)[0]["watchdog"]["timeout"] == "10m"


def test_mail_of_the_switch_goes_by_the_server_of_the_other_mails(tmp_path: Path) -> None:
    overlay = {
        "watchdog": {"tell": {"email": "on-call@example.com", "webhook_url_file": "/hook"}},
        "channels": {"email": {"smarthost": "mail.example.com:25", "require_tls": False}},
    }
    tell = files(tmp_path, overlay)[0]["watchdog"]["tell"]
    assert tell["webhook_url_file"] == "/hook"
    assert tell["email"] == {
        "to": "on-call@example.com",
        "from": "monitoring@example.com",
        "smarthost": "mail.example.com:25",
        "require_tls": False,
        "username": None,
        "password_file": None,
    }


NO_RECEIVER = {"channels": {"dashboard": {"enabled": False}}, "responses": {"enabled": False}}


@pytest.mark.parametrize("overlay", [{"watchdog": {"enabled": False}}, NO_RECEIVER])
def test_without_a_watchdog_there_is_no_switch(tmp_path: Path, overlay: dict[str, Any]) -> None:
    assert files(tmp_path, overlay)[0]["watchdog"]["enabled"] is False


def test_a_switch_that_would_raise_the_alarm_for_one_late_watchdog_is_refused(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, {"watchdog": {"timeout": "9m"}})
    assert refused.value.problems == [
        f"{tmp_path}/overlay.yaml:2: watchdog.timeout: is less than twice"
        " routing.receiver.repeat_interval, so one late Watchdog would raise the alarm;"
        " write 600s or more"
    ]


def test_ways_to_tell_without_a_watchdog_are_refused(tmp_path: Path) -> None:
    told = {"watchdog": {"tell": {"webhook_url_file": "/hook"}}}
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, told | NO_RECEIVER)
    (line,) = refused.value.problems
    assert "watchdog.tell: has no effect while no Watchdog comes to the receiver; write" in line


def test_the_links_are_those_that_browsers_reach(tmp_path: Path) -> None:
    links = {"prometheus": "https://prometheus.example.com", "alertmanager": None}
    asked = {"prometheus_url": "http://prometheus:9090", "alertmanager_url": "http://am:9093"}
    made = files(tmp_path, {"links": links, "receiver": asked})[0]
    assert made["links"] == links
    assert asked.items() <= made["receiver"].items()


def test_by_default_links_lead_where_the_receiver_asks_on_this_machine(tmp_path: Path) -> None:
    made = files(tmp_path, {})[0]
    for name, address in made["links"].items():
        assert address == made["receiver"][f"{name}_url"]


def test_a_receiver_yaml_from_before_there_were_links_has_none(tmp_path: Path) -> None:
    made = files(tmp_path, {})[0]
    del made["links"]
    links = ReceiverConfig.model_validate(made).links
    assert (links.prometheus, links.alertmanager) == (None, None)
