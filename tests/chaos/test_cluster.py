"""Three Alertmanagers and two receivers, each of which may die: one action for each episode."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from receiver.payloads import Json
from waiting import eventually

from chaos.aftermath import Aftermath
from chaos.attacks import let_act
from chaos.cluster import Cluster
from chaos.fleet import Fleet
from chaos.services import Moody

NAMES = [f"service-{n}" for n in range(1, 40, 2)]


@pytest.fixture
def fleet(settings: Json, postgresql_url: str, tmp_path: Path) -> Iterator[Fleet]:
    let_act(settings, postgresql_url, NAMES)
    fleet = Fleet(settings, tmp_path, 2)
    try:
        fleet.start()
        yield fleet
    finally:
        fleet.close()


def test_each_episode_has_one_action_though_an_alertmanager_and_a_receiver_die(
    fleet: Fleet, postgresql_url: str, tmp_path: Path, target: Moody
) -> None:
    """Every one of them tells both receivers, and tells them again every few seconds."""
    urls = [replica.url for replica in fleet.replicas]
    aftermath = Aftermath(postgresql_url)
    with Cluster(tmp_path, urls, tmp_path / "token") as cluster:
        for number in range(2):
            fleet.ready(number)
        assert [cluster.peers(number) for number in range(3)] == [3, 3, 3]
        names = iter(NAMES)
        fire(cluster, [next(names) for _ in range(5)])
        eventually(lambda: len(target.effects) >= 2)
        cluster.kill(0)  # the first in line: the others must find out, and speak for it
        fleet.replicas[0].kill()
        fire(cluster, [next(names) for _ in range(5)])
        eventually(lambda: len(aftermath.done()) == 10)
        fleet.kill(0, "both")  # which also starts it
        cluster.start(0)
        fire(cluster, [next(names) for _ in range(5)])
        eventually(lambda: len(aftermath.done()) == 15)
        told = cluster.notifications()
        eventually(lambda: cluster.notifications() >= told + 10)
        aftermath.wait_until_quiet()
    print(f"{told:.0f} notifications for {len(aftermath.episodes())} episodes")
    assert Counter(target.effects) == Counter(f"scale {name} 2" for name in NAMES[:15])
    assert len(aftermath.episodes()) == len(aftermath.remediations()) == 15


def fire(cluster: Cluster, names: list[str]) -> None:
    for name in names:
        cluster.fire(name)
