"""A story is told by a real Alertmanager as it is played, with a real `featurewatch ack`."""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from waiting import ANSWER_SECONDS, eventually

from featurewatch_kit.alertmanager.configuration import read_configuration
from featurewatch_kit.alertmanager.labels import label_set, written
from featurewatch_kit.alertmanager.matchers import Matcher
from featurewatch_kit.alertmanager.versions import DEFAULT
from featurewatch_kit.chain.catalogue import Catalogue
from featurewatch_kit.chain.people import of_receivers
from featurewatch_kit.chain.play import play
from featurewatch_kit.chain.setting import Setting
from featurewatch_kit.chain.story import Acknowledged, Firing, Silenced, Story
from featurewatch_kit.demo.processes import Processes, free_port
from featurewatch_kit.programs import ALERTMANAGER, find
from featurewatch_receiver.clients.alertmanager import Alertmanager
from featurewatch_receiver.silences.acknowledgement import Acknowledger, Note
from kit.alertmanager.differential.real import Hooks

#: Seconds of a beat. What disagrees is tried again more slowly: a slow machine needs that.
BEATS = (0.4, 1.0, 4.0)
END = 8.5
#: Groups are looked at on full beats, and everything happens between two of them.
CONFIGURATION = """
route:
  receiver: team
  group_by: [alertname, extractor]
  group_wait: {beat}ms
  group_interval: {beat}ms
  routes:
    - {{receiver: on-call, matchers: ['escalation_level="2"'], continue: true}}
    - {{receiver: team}}
receivers:
  - {{name: team, webhook_configs: [{{url: "{url}/team", send_resolved: true}}]}}
  - {{name: on-call, webhook_configs: [{{url: "{url}/on-call", send_resolved: true}}]}}
inhibit_rules:
  - source_matchers: ['alertname="Incident"']
    target_matchers: ['alertname="Slow"']
    equal: [extractor]
"""
#: By webhook and group: of each message the alerts, and which of them have ended.
Lines = dict[tuple[str, str], list[set[tuple[str, str]]]]


def labels(name: str, extractor: str, level: int = 1) -> dict[str, str]:
    return {
        "alertname": name,
        "extractor": extractor,
        "escalation_level": str(level),
        "escalation_policy": "p",
        "severity": "high",
    }


def story(beat: float) -> Story:
    """Acknowledged before level 2, not acknowledged, silenced for a while, and a member."""
    end = 5.5 * beat
    levels = [(extractor, level) for extractor in "ab" for level in (1, 2)]
    return Story(
        start=datetime.fromtimestamp(time.time() + 1, UTC),
        alerts=[
            *(Firing(labels("Slow", e, n), 3.5 * beat * (n - 1), end) for e, n in levels),
            Firing(labels("Slow", "c"), 0.0, end),
            Firing(labels("Slow", "d"), 0.0, end),
            Firing(labels("Incident", "d"), 0.0, end),
        ],
        silences=[Silenced((Matcher("extractor", "=", "c"),), 0.1 * beat, 2.5 * beat)],
        acknowledgements=[
            Acknowledged({"alertname": "Slow", "extractor": "a"}, 1.5 * beat, 3600.0)
        ],
    )


def played(text: str, told: Story, beat: float) -> Lines:
    configuration = read_configuration(text)
    # Acknowledgements are of our alerts, and so are these for once.
    setting = Setting(configuration, DEFAULT, of_receivers(configuration), Catalogue([], {}, {}))
    lines: Lines = {}
    for one in play(setting, told, END * beat):
        alerts = [(alert, "firing") for alert in one.firing]
        alerts += [(alert, "resolved") for alert in one.resolved]
        lines.setdefault((one.receiver, written(label_set(one.group))), []).append(
            {(written(label_set(alert)), status) for alert, status in alerts}
        )
    return lines


def happening(told: Story, url: str) -> Iterator[tuple[float, Any]]:
    """What is done to the real one, and when."""
    client = Alertmanager(url)
    for one in told.alerts:
        for at, ends in ((one.begin, one.begin + 240), (one.end, one.end)):
            body = {"labels": one.labels, "startsAt": _text(told, one.begin)}
            sent = [{**body, "endsAt": _text(told, ends)}]
            yield at, lambda sent=sent: _post(f"{url}/api/v2/alerts", sent)
    for silence in told.silences:
        body = {
            "matchers": [
                {"name": one.label, "value": one.value, "isRegex": False}
                for one in silence.matchers
            ],
            "startsAt": _text(told, silence.begin),
            "endsAt": _text(told, silence.end),
            "createdBy": "test",
            "comment": "test",
        }
        yield silence.begin, lambda body=body: _post(f"{url}/api/v2/silences", body)
    for made in told.acknowledgements:
        note = Note(user="test", reason="test", duration=timedelta(seconds=made.lasts))
        yield (
            made.at,
            lambda made=made, note=note: Acknowledger(client).acknowledge(made.wanted, note),
        )
    yield math.inf, None


def _text(told: Story, at: float) -> str:
    return datetime.fromtimestamp(told.base + at, UTC).isoformat(timespec="milliseconds")


def _post(url: str, body: object) -> None:
    requests.post(url, json=body, timeout=ANSWER_SECONDS).raise_for_status()


def really(told: Story, url: str, hooks: Hooks, beat: float) -> Lines:
    for at, act in sorted(happening(told, url), key=lambda one: one[0]):
        time.sleep(max(0.0, told.base + min(at, END * beat) - time.time()))
        if act:
            act()
    lines: Lines = {}
    for one in list(hooks.told):
        group = one.group.rpartition("}:")[2]
        lines.setdefault((one.path, group), []).append(set(one.alerts))
    return lines


def both(root: Path, folder: Path, beat: float) -> tuple[Lines, Lines]:
    """What is played, and what really is told."""
    with ExitStack() as stack:
        hooks = stack.enter_context(Hooks())
        text = CONFIGURATION.format(beat=round(beat * 1000), url=hooks.url)
        folder.mkdir()
        (folder / "alertmanager.yml").write_text(text, encoding="utf-8")
        processes = stack.enter_context(Processes(folder / "logs"))
        port = free_port()
        options = {
            "config.file": folder / "alertmanager.yml",
            "storage.path": folder / "data",
            "web.listen-address": f"127.0.0.1:{port}",
            "cluster.listen-address": "",
        }
        processes.start_program("alertmanager", find(ALERTMANAGER, root), root, options)
        url = f"http://127.0.0.1:{port}"
        eventually(
            lambda: requests.get(f"{url}/-/ready", timeout=ANSWER_SECONDS).ok,
            despite=(requests.RequestException,),
        )
        told = story(beat)
        return played(text, told, beat), really(told, url, hooks, beat)


@pytest.mark.e2e
def test_a_story_is_played_as_a_real_alertmanager_tells_it(root: Path, tmp_path: Path) -> None:
    for beat in BEATS:
        model, real = both(root, tmp_path / str(beat), beat)
        if model == real:
            break
    assert model == real
    # The acknowledged one never got to level 2, the other one did; the member was never told.
    assert {(who, group.count("Incident")) for who, group in model} == {
        ("team", 0),
        ("team", 1),
        ("on-call", 0),
    }
    assert [group for who, group in model if who == "on-call"] == [
        '{alertname="Slow", extractor="b"}'
    ]
