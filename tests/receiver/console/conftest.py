"""The receiver of tests/receiver, and people who look at its console."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from receiver.conftest import (
    blank_database,
    client,
    live,
    make_receiver,
    receiver,
    settings,
    target,
    target_server,
)
from receiver.console import story
from receiver.console.browsing import Seen, Visitor
from receiver.console.serving import browser, course_server, served
from receiver.in_process import Receiver
from receiver.live_alertmanager import LATENCY, LiveAlertmanager
from receiver.payloads import Json, alert

__all__ = [
    "blank_database",
    "client",
    "live",
    "make_receiver",
    "receiver",
    "settings",
    "target",
    "target_server",
]


@pytest.fixture
def ada(receiver: Receiver) -> Visitor:
    """A responder."""
    return Visitor(receiver, "ada")


@pytest.fixture
def vic(receiver: Receiver) -> Visitor:
    """A viewer."""
    return Visitor(receiver, "vic")


@pytest.fixture
def joined(
    live: LiveAlertmanager, make_receiver: Callable[[], Receiver], settings: Json
) -> Receiver:
    """A receiver that knows of the alert that fires at the real Alertmanager."""
    settings["receiver"]["alertmanager_url"] = live.url
    receiver = make_receiver()
    live.fire(1)
    live.wait_told(1)
    labels = {**LATENCY, "extractor": "extractor"}
    receiver.deliver(alert(labels.pop("alertname"), **labels))
    return receiver


@pytest.fixture
def course(settings: Json) -> Iterator[str]:
    """A Prometheus that knows a course of values."""
    with course_server() as url:
        settings["receiver"]["prometheus_url"] = url
        yield url


@pytest.fixture
def stopped_course(settings: Json) -> Iterator[str]:
    """A Prometheus whose values end five minutes before now."""
    with course_server(ends_before=300) as url:
        settings["receiver"]["prometheus_url"] = url
        yield url


@pytest.fixture
def told(make_receiver: Callable[[], Receiver], settings: Json, tmp_path: Path) -> Receiver:
    """A receiver in the middle of the story."""
    story.members(settings)
    runbook = tmp_path / "runbook.md"
    runbook.write_text(f"# Runbook\n\n## {story.LATENCY}\n\n{story.ADVICE}")
    receiver = make_receiver()
    story.tell(receiver, receiver.clock.now)
    return receiver


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A real browser."""
    with browser() as found:
        yield found


@pytest.fixture
def open_browser(chromium: Any) -> Iterator[Callable[..., Seen]]:
    """Open the console of a receiver in a browser of its own."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(receiver: Receiver, **options: Any) -> Seen:
            url = stack.enter_context(served(receiver.client.application))
            context = stack.enter_context(chromium.new_context(**options))
            context.set_default_timeout(15_000)
            return Seen(context.new_page(), url)

        yield start
