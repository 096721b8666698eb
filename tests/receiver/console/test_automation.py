"""The alert's page says what the automation does by this configuration, and not by another."""

from collections.abc import Callable
from typing import Any

import pytest

from receiver.console.browsing import Visitor
from receiver.in_process import Receiver
from receiver.payloads import Json, alert

LATENCY = "FeatureExtractionLatencyCritical"
SCALE, RESTART = "scale_up_deployment", "restart_deployment"


@pytest.fixture
def said(
    make_receiver: Callable[[], Receiver], settings: Json
) -> Callable[[Callable[[Json], Any]], str]:
    """The sentence of the alert's page, when the settings are changed so."""

    def of(change: Callable[[Json], Any]) -> str:
        change(settings)
        receiver = make_receiver()
        receiver.deliver(alert(LATENCY))
        (episode,) = receiver.episodes()
        page = Visitor(receiver).read(f"/episodes/{episode['id']}")
        return page.partition("What the automation does")[2].partition(".")[0].strip()

    return of


def test_each_response_in_its_order_and_mode(said: Callable[..., str]) -> None:
    def change(settings: Json) -> None:
        settings["alerts"][LATENCY]["responses"] = [SCALE, RESTART]
        settings["responses"]["actions"][SCALE]["mode"] = "auto"
        settings["responses"]["actions"][RESTART]["mode"] = "approve"

    assert said(change) == (
        "scale_up_deployment runs by itself; if that does not help, restart_deployment waits for"
        " somebody's approval"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda s: s["alerts"][LATENCY].update(responses=[]),
            "Nothing: this alert has no response",
        ),
        (
            lambda s: s["responses"].update(enabled=False),
            "Nothing: automated responses are switched off (responses",
        ),
        (
            lambda s: s.update(targets={}),
            "Nothing: feature_extractor is not among the targets, so nothing may be touched",
        ),
        (
            lambda s: s["responses"].update(dry_run=True),
            "scale_up_deployment is planned and touches nothing",
        ),
        (
            lambda s: s["responses"]["actions"][SCALE].update(mode="off"),
            "scale_up_deployment is off",
        ),
    ],
)
def test_why_nothing_is_done(
    change: Callable[[Json], Any], words: str, said: Callable[..., str]
) -> None:
    assert said(change) == words
