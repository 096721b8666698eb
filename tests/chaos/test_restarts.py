"""A process that ends again and again in the middle of an action."""

from collections.abc import Callable, Iterator

import pytest
from receiver.in_process import Receiver
from receiver.payloads import Json, alert
from receiver.target import Target, TargetServer
from sqlalchemy import text
from waiting import eventually

from featurewatch_receiver.store.database import open_writer


@pytest.fixture
def target() -> Target:
    """One whose new replicas are not ready."""
    return Target(ready_at_once=False)


@pytest.fixture
def target_server(target: Target) -> Iterator[TargetServer]:
    server = TargetServer(target)
    yield server
    server.close()


def test_an_action_that_outlives_a_thousand_restarts_still_comes_to_its_end(
    settings: Json, make_receiver: Callable[[], Receiver], target: Target
) -> None:
    """The engine counts them; its count must never leave the target to nobody."""
    settings["responses"]["timeout"] = "10m"
    receiver = make_receiver()
    receiver.start()
    receiver.deliver(alert())
    eventually(lambda: target.effects == ["scale 2"])
    receiver.stop()
    other = open_writer(settings["receiver"]["database"])
    with other.begin() as connection:
        count = text("UPDATE workflow_status SET recovery_attempts = 1000")
        assert connection.execute(count).rowcount == 1
    other.dispose()
    target.ready_replicas = 2
    receiver.start()
    assert receiver.finished()["state"] == "done"
    assert target.effects == ["scale 2"]
