"""kill -9 at any moment under load: what was answered 200 is kept, and each effect happens once.

`make chaos` kills a hundred times; CHAOS_KILLS says how often, CHAOS_SEED by which chance.
"""

import random
import threading
from collections import Counter
from pathlib import Path

import pytest
from receiver.payloads import Json
from waiting import eventually

from chaos.aftermath import Aftermath
from chaos.attacks import KILLS, let_act
from chaos.fleet import Fleet
from chaos.services import Services
from chaos.stream import Stream, alert_of, effect_of
from featurewatch_receiver.states import OUTCOMES, State

NAMES_PER_KILL = 10
# Some are killed before they serve at all.
IN_ITS_YOUTH = 0.5
LONGEST_LIFE_SECONDS = 1.0
SECONDS_PER_KILL = 60


@pytest.mark.timeout(300 + KILLS * SECONDS_PER_KILL)
@pytest.mark.parametrize(("kind", "size"), [("sqlite", 1), ("postgresql", 2)])
def test_however_often_receivers_are_killed_nothing_is_lost_and_nothing_happens_twice(  # noqa: PLR0913, PLR0917
    request: pytest.FixtureRequest,
    settings: Json,
    target: Services,
    tmp_path: Path,
    seed: int,
    kind: str,
    size: int,
) -> None:
    database = request.getfixturevalue(f"{kind}_url")
    kills = (KILLS + size - 1) // 2
    names = [f"service-{n}" for n in range(kills * NAMES_PER_KILL)]
    let_act(settings, database, names)
    fleet = Fleet(settings, tmp_path, size)
    try:
        fleet.start()
        urls = [replica.url for replica in fleet.replicas]
        with Stream(urls, names, seed) as stream:
            kill_often(fleet, kills, random.Random(seed))  # noqa: S311
            eventually(lambda: stream.answered)
        for number in range(size):
            fleet.ready(number)
        aftermath = Aftermath(database)
        aftermath.wait_until_quiet()
        fleet.stop()
    finally:
        fleet.close()
    report(kind, seed, kills, stream, target)
    nothing_is_lost(aftermath, stream)
    each_effect_is_one(aftermath, target)


def kill_often(fleet: Fleet, kills: int, rng: random.Random) -> None:
    """One after the other, each at a moment of chance."""
    clock = threading.Event()
    for _ in range(kills):
        number = rng.randrange(len(fleet.replicas))
        if rng.random() >= IN_ITS_YOUTH:
            fleet.ready(number)
        clock.wait(rng.uniform(0, LONGEST_LIFE_SECONDS))
        fleet.kill_one(rng)


def nothing_is_lost(aftermath: Aftermath, stream: Stream) -> None:
    rows = {row.extractor: row for row in aftermath.episodes()}
    assert len(rows) == len(aftermath.episodes())
    assert stream.fired
    assert stream.fired <= rows.keys()
    assert {row.alertname for row in rows.values()} <= {alert_of(name) for name in rows}
    assert stream.ended <= {name for name, row in rows.items() if row.resolved_at}


def each_effect_is_one(aftermath: Aftermath, target: Services) -> None:
    rows = aftermath.remediations()
    assert Counter(row.state for row in rows).keys() <= set(OUTCOMES)
    # What ended before its turn was left alone; everything else was done.
    left = [row for row in rows if row.state != State.DONE]
    assert {(row.state, row.reason) for row in left} <= {(State.SKIPPED, "alert_resolved")}
    wanted = Counter(effect_of(row.action, row.target) for row in aftermath.done())
    assert wanted
    assert set(wanted.values()) == {1}
    assert Counter(target.effects) == wanted
    assert {row.id for row in aftermath.done() if row.action == "clear_cache"} == set(target.keys)


def report(kind: str, seed: int, kills: int, stream: Stream, target: Services) -> None:
    again = sum(number - 1 for number in target.tellings.values())
    print(
        f"{kind}: seed {seed}, {kills} kills, {stream.posts} deliveries sent,"
        f" {stream.answered} answered 200, {len(stream.fired)} episodes, {len(stream.ended)} ended,"
        f" {len(target.effects)} effects, {again} told again after a crash"
    )
