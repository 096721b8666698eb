"""Targets that are down, slow or answer nonsense: every action ends, with a reason, acting once."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from receiver.in_process import Receiver
from receiver.payloads import Json, alert
from receiver.target import TargetServer
from sqlalchemy import Row
from waiting import eventually

from chaos.aftermath import Aftermath
from chaos.attacks import let_act
from chaos.services import Moody, MoodyHandler
from chaos.stream import alert_of, effect_of
from featurewatch_receiver.states import FAILURES, OUTCOMES, State

NAMES = [f"service-{n}" for n in range(40)]
MOODS = (
    *("slow", "garbage", "error", "error after", "half"),
    *("silent", "silent after", "drip", "drip after"),
)


@pytest.fixture
def impatient(settings: Json, target: Moody, make_receiver: Callable[[], Receiver]) -> Receiver:
    """It waits for less than a slow answer takes, and 4 s for an action."""
    let_act(settings, settings["receiver"]["database"], NAMES)
    settings["backends"]["feature_server"]["request_timeout"] = "1s"
    settings["responses"]["timeout"] = "4s"
    target.moods, target.slowness = MOODS, 1.3
    receiver = make_receiver()
    receiver.start()
    return receiver


def test_every_action_at_a_moody_target_ends_with_a_reason_and_acts_once(
    impatient: Receiver, target: Moody, seed: int
) -> None:
    print(f"seed {seed}")
    for name in NAMES:
        impatient.deliver(alert(alert_of(name), extractor=name))
    rows = ended(impatient, len(NAMES))
    print(dict(Counter((row.state, row.reason) for row in rows)), dict(target.had))
    assert target.had.keys() >= set(MOODS)
    all_have_reasons(rows)
    acts_once(rows, target)


def test_a_target_that_is_down_is_waited_for_until_the_time_is_up(
    impatient: Receiver, target: Moody, target_server: TargetServer
) -> None:
    """Down before the first word, and, for those that were told already, until it is back."""
    target.moods = ("silent after",)
    for name in NAMES[:10]:
        impatient.deliver(alert(alert_of(name), extractor=name))
    eventually(lambda: len(target.effects) >= 3)
    target_server.shutdown()
    target_server.server_close()
    for name in NAMES[10:20]:
        impatient.deliver(alert(alert_of(name), extractor=name))
    aftermath = Aftermath(impatient.core.config.receiver.database)
    eventually(lambda: sum(is_over(row) for row in aftermath.remediations()) >= 5)
    port = target_server.server_address[1]
    back = TargetServer(target, port, MoodyHandler)
    try:
        rows = ended(impatient, 20)
    finally:
        back.close()
    print(dict(Counter((row.state, row.reason) for row in rows)), dict(target.had))
    all_have_reasons(rows)
    acts_once(rows, target)


def is_over(row: Row[Any]) -> bool:
    return row.state in OUTCOMES


def ended(receiver: Receiver, number: int) -> list[Row[Any]]:
    """The first action of each of so many episodes, once all have ended."""
    aftermath = Aftermath(receiver.core.config.receiver.database)

    def look() -> list[Row[Any]]:
        rows = aftermath.remediations()
        ours = [row for row in rows if row.id.endswith(":1")]
        return ours if len(ours) == number and all(is_over(row) for row in rows) else []

    return eventually(look)


def all_have_reasons(rows: list[Row[Any]]) -> None:
    assert {row.state for row in rows} <= {State.DONE, State.SKIPPED, *FAILURES}
    assert [row for row in rows if row.state != State.DONE and not row.reason] == []


def acts_once(rows: list[Row[Any]], target: Moody) -> None:
    """What is done was done once; what failed was done once or never, and may be taken back."""
    effects = Counter(target.effects)
    assert [what for what, number in effects.items() if number > 1] == []
    for row in (row for row in rows if row.state == State.DONE):
        assert effects[effect_of(row.action, row.target)] == 1, row
    planned = {row.target for row in rows if row.plan}
    assert {what.split()[1] for what in effects} <= planned
