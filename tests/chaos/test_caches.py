"""A cluster of Redis that is resharded all the while: a cache that was cleared has no key left."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from receiver.backends.redis.moves import at_hand, move, owned
from receiver.backends.redis.servers import Cluster, cluster_running
from receiver.in_process import Receiver
from receiver.payloads import Json, alert

from chaos.aftermath import Aftermath
from chaos.attacks import let_act
from featurewatch_receiver.states import State

NAMES = [f"service-{n}" for n in range(20)]
ALERT = "FeatureExtractionCacheHitRateLow"
KEYS = 1_500


def in_a_row(slots: list[int]) -> list[int]:
    """The first of them, up to a gap."""
    return [slot for number, slot in enumerate(slots) if slot == slots[0] + number]


@contextmanager
def resharded(cluster: Cluster, rng: random.Random) -> Iterator[Counter[str]]:
    """An operator moves slots until the block ends; how many were moved."""
    moved, stop = Counter[str](), threading.Event()

    def reshard() -> None:
        while not stop.wait(rng.choice([0] * 9 + [3])):
            kind = rng.choice(at_hand())
            source, target = rng.sample(cluster.servers, 2)
            slots = in_a_row(owned(source)[: rng.randint(1, 40)])
            move(kind, cluster, slots, source, target)
            moved[kind] += len(slots)

    operator = threading.Thread(target=reshard)
    operator.start()
    try:
        yield moved
    finally:
        stop.set()
        operator.join()


def test_a_cache_that_was_cleared_while_slots_moved_has_no_key_left(
    settings: Json, make_receiver: Callable[[], Receiver], tmp_path: Path, seed: int
) -> None:
    print(f"seed {seed}")
    with cluster_running(tmp_path / "cluster") as cluster:
        let_clear(settings, cluster)
        for name in [*NAMES, "other"]:
            cluster.fill(f"{name}:", KEYS)
        receiver = make_receiver()
        receiver.start()
        aftermath = Aftermath(receiver.core.config.receiver.database)
        with resharded(cluster, random.Random(seed)) as moved:  # noqa: S311
            for name in NAMES:
                receiver.deliver(alert(ALERT, extractor=name))
            aftermath.wait_until_quiet()
        rows = aftermath.remediations()
        left = Counter(key.partition(b":")[0].decode() for key in all_keys(cluster))
    print(dict(Counter((row.state, row.reason) for row in rows)), dict(moved), dict(left))
    assert {row.target for row in rows} == set(NAMES)
    assert [row for row in rows if row.state == State.DONE and left[row.target]] == []
    untold = [row for row in rows if row.state != State.DONE and "moving slots" not in row.detail]
    assert untold == []
    assert left["other"] == KEYS


def let_clear(settings: Json, cluster: Cluster) -> None:
    """Let each extractor have a cache of its own in the cluster."""
    let_act(settings, settings["receiver"]["database"], NAMES)
    settings["backends"]["features"] = {
        "kind": "redis",
        "url": f"redis://127.0.0.1:{cluster.servers[0].port}",
        "cluster": True,
        "request_timeout": "5s",
        "caches": {name: {"prefix": f"{name}:"} for name in NAMES},
    }
    for target in settings["targets"].values():
        target["cache_backend"] = "features"


def all_keys(cluster: Cluster) -> list[bytes]:
    """What the servers hold; nothing moves any more."""
    return [key for server in cluster.servers for key in server.client.scan_iter()]
