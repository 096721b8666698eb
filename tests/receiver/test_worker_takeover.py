"""Several real receivers on one database: what one leaves another ends, and nobody doubles."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from waiting import eventually

from featurewatch_receiver.store.database import open_reader
from featurewatch_receiver.store.migrate import migrate
from receiver.payloads import Json, alert, payload
from receiver.postgres import Server
from receiver.processes import Replicas
from receiver.target import Target

CACHE = "FeatureExtractionCacheHitRateLow"
# docs/operations.md says a few seconds; test machines are busy.


@pytest.fixture
def replicas(
    database: str, settings: Json, write_config: Callable[[], Path], tmp_path: Path
) -> Iterator[Replicas]:
    settings["receiver"] |= {"listen": "127.0.0.1:0", "database": database}
    settings["responses"]["timeout"] = "120s"  # an action outlasts the start of another replica
    replicas = Replicas(write_config(), tmp_path)
    yield replicas
    replicas.close()


def test_one_payload_sent_ten_times_at_once_to_two_processes_is_one_action(
    replicas: Replicas, target: Target
) -> None:
    both = [replicas.start(), replicas.start()]
    for replica in both:
        replica.ready()
    body = payload(alert(CACHE))
    with ThreadPoolExecutor(10) as senders:
        codes = list(senders.map(lambda n: both[n % 2].post(body), range(10)))
    # A delivery that had to wait too long is refused, and Alertmanager would repeat it.
    assert set(codes) <= {200, 503}
    assert 200 in codes
    [done] = eventually(lambda: ended(both[0].remediations()))
    assert target.effects == ["clear"]
    assert [step["state"] for step in done["steps"]].count("running") == 1


def test_what_a_killed_replica_was_doing_the_other_ends_and_the_effect_is_one(
    replicas: Replicas, target: Target
) -> None:
    """The target has been told and is not there yet; the parent, too, never comes back."""
    target.ready_at_once = False
    first = replicas.start()
    first.ready()
    assert first.post(payload(alert())) == 200
    eventually(lambda: target.effects == ["scale 2"])
    second = replicas.start()
    second.ready()
    first.kill()
    killed = time.monotonic()
    eventually(lambda: second.lines("work taken over"))
    looked = len(target.requests)
    eventually(lambda: len(target.requests) > looked)
    print(f"taken over after {time.monotonic() - killed:.1f} s")
    target.ready_replicas = 2
    eventually(lambda: ended(second.remediations()))
    assert target.effects == ["scale 2"]


def test_a_target_has_one_action_at_a_time_whoever_runs_it(
    replicas: Replicas, target: Target
) -> None:
    """Two actions for one target, delivered to two replicas, and the first takes its time."""
    target.ready_at_once = False
    both = [replicas.start(), replicas.start()]
    for replica in both:
        replica.ready()
    assert both[0].post(payload(alert())) == 200
    eventually(lambda: target.effects == ["scale 2"])
    assert both[1].post(payload(alert(CACHE))) == 200
    eventually(lambda: len(both[1].remediations()) == 2)
    waits = next(r for r in both[1].remediations() if r["action"] == "clear_cache")
    assert (waits["state"], waits["reason"]) == ("skipped", "target_busy")
    target.ready_replicas = 2
    eventually(lambda: len(ended(both[0].remediations())) == 2)
    assert target.effects == ["scale 2"]
    assert target.most_running == 1


def test_a_process_that_only_receives_leaves_the_work_to_one_that_only_works(
    replicas: Replicas, target: Target
) -> None:
    web = replicas.start("serve", "--no-worker")
    web.ready()
    assert web.post(payload(alert(CACHE))) == 200
    work = replicas.start("worker")
    work.ready()
    eventually(lambda: target.effects == ["clear"])
    assert work.answers("/metrics")
    assert work.post(payload(alert())) == 404
    eventually(lambda: ended(web.remediations()))


def test_what_was_accepted_and_not_applied_before_a_kill_is_applied_once_by_the_next(
    replicas: Replicas, database: str, target: Target
) -> None:
    first = replicas.start()
    first.ready()
    accepted = [f"e{number}" for number in range(30)]
    with ThreadPoolExecutor(8) as senders:  # together, so that applying them waits
        bodies = [payload(alert(CACHE, extractor=name)) for name in (*accepted, *accepted)]
        codes = list(senders.map(first.post, [*bodies, payload(alert(CACHE))]))
    first.kill()
    assert codes == [200] * 61
    waiting = in_inbox(database)
    second = replicas.start()
    second.ready()
    eventually(lambda: in_inbox(database) == 0)
    found = [r["target"] for r in second.remediations()]
    assert (len(found), found.count("feature_extractor")) == (31, 1)
    eventually(lambda: target.effects == ["clear"])
    print(f"{waiting} of 61 were left")


def test_several_processes_apply_each_delivery_once(replicas: Replicas, database: str) -> None:
    """A delivery that is applied twice has a line for each time."""
    both = [replicas.start(), replicas.start("serve", "--no-worker")]
    for replica in both:
        replica.ready()
    bodies = [payload(alert(extractor=f"e{number}")) for number in range(60)]
    with ThreadPoolExecutor(8) as senders:
        codes = list(senders.map(lambda n: both[n % 2].post(bodies[n]), range(60)))
    assert set(codes) <= {200, 503}
    eventually(lambda: in_inbox(database) == 0)
    eventually(lambda: len([line for r in both for line in r.lines("alert")]) >= codes.count(200))
    told = [line for replica in both for line in replica.lines("alert")]
    assert [line["outcome"] for line in told] == ["opened"] * codes.count(200)


def in_inbox(database: str) -> int:
    """How many deliveries wait to be applied."""
    engine = open_reader(database)
    try:
        with engine.begin() as connection:
            return int(connection.scalar(text("SELECT count(*) FROM inbox")) or 0)
    finally:
        engine.dispose()


def ended(remediations: list[Json]) -> list[Json]:
    return [r for r in remediations if r["finished_at"]]


class TestOnPostgresql:
    """What can only happen to a server that is elsewhere."""

    @pytest.fixture(params=["postgresql"])
    def database(self, postgresql: Server) -> Iterator[str]:
        url = postgresql.create()
        migrate(url)
        yield url
        postgresql.drop(url)

    def test_who_loses_its_slot_ends_at_once_and_is_started_again(
        self, replicas: Replicas, postgresql: Server, target: Target
    ) -> None:
        """The session is ended by the server, as it would be after a broken network."""
        target.ready_at_once = False
        replica = replicas.start()
        replica.ready()
        assert replica.post(payload(alert())) == 200
        eventually(lambda: target.effects == ["scale 2"])
        before = replica.child()
        postgresql.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND objid = 1 AND objsubid = 2"
        )
        eventually(lambda: not before.is_running())
        eventually(lambda: len(replica.lines("listening")) == 2)
        assert len(replica.lines("executor slot lost")) == 1
        target.ready_replicas = 2
        eventually(lambda: replica.answers("/readyz"))
        eventually(lambda: ended(replica.remediations()))
        assert target.effects == ["scale 2"]

    def test_work_goes_on_after_the_server_was_away(
        self, replicas: Replicas, postgresql: Server, target: Target
    ) -> None:
        replica = replicas.start()
        replica.ready()
        postgresql.stop(signal.SIGQUIT)
        try:
            eventually(lambda: not replica.answers("/readyz"))
            assert replica.post(payload(alert(CACHE))) == 503
        finally:
            postgresql.start()
        eventually(lambda: replica.answers("/readyz"))
        assert replica.post(payload(alert(CACHE))) == 200
        eventually(lambda: target.effects == ["clear"])
        assert replica.process.poll() is None
