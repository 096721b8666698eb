"""CPU and memory at pods that run; KWOK gives them what they are told, as a kubelet does."""

from typing import Any

import pytest
from waiting import eventually

from control_plane.cluster import FE, Cluster, action, lowest
from featurewatch_receiver.actions.base import Change
from featurewatch_receiver.errors import TargetRefusedError
from kubernetes import client

OPTIMIZE, UP = "optimize_resources", "scale_up_deployment"
BEFORE = {"cpu": "1", "memory": "1Gi"}
AFTER = {"cpu": "1500m", "memory": "1536Mi"}


def pods(cluster: Cluster) -> list[Any]:
    return list(client.CoreV1Api(cluster.api).list_namespaced_pod(cluster.namespace).items)


def given(cluster: Cluster) -> list[dict[str, str]]:
    """The limits of every pod, as the kubelet tells them."""
    return [pod.status.container_statuses[0].resources.limits for pod in pods(cluster)]


def test_pods_are_given_more_and_less_while_they_run_and_none_is_replaced(
    cluster: Cluster,
) -> None:
    cluster.create()
    names = {pod.metadata.name for pod in pods(cluster)}
    backend = cluster.backend(in_place=True)
    plan = cluster.plan(OPTIMIZE, backend)

    def work() -> None:
        cluster.carry_out(OPTIMIZE, backend, plan)
        assert given(cluster) == [AFTER] * 3
        change = Change(before=plan["seen"], after=plan["resources"])
        back = cluster.plan(OPTIMIZE, backend, revert=change)
        cluster.carry_out(OPTIMIZE, backend, back)

    assert lowest(cluster.ready, work) == 3
    assert given(cluster) == [BEFORE] * 3
    assert {pod.metadata.name for pod in pods(cluster)} == names
    assert "featurewatch/resources" not in cluster.seen().metadata.annotations
    assert backend.deployment(FE).revision == 1


def test_pods_that_come_later_have_what_the_template_says(cluster: Cluster) -> None:
    cluster.create()
    backend = cluster.backend(in_place=True)
    cluster.carry_out(OPTIMIZE, backend, cluster.plan(OPTIMIZE, backend))
    cluster.carry_out(UP, backend, cluster.plan(UP, backend))
    eventually(lambda: len(given(cluster)) == 4)
    assert [each for each in given(cluster) if each != AFTER] == [BEFORE]


def test_what_is_refused_halfway_is_taken_back_at_every_pod(cluster: Cluster) -> None:
    """A quota with room for two of three."""
    cluster.create()
    hard = {"limits.cpu": "4", "limits.memory": "100Gi"}
    core = client.CoreV1Api(cluster.api)
    quota = {"metadata": {"name": "q"}, "spec": {"hard": hard}}
    core.create_namespaced_resource_quota(cluster.namespace, quota)
    eventually(
        lambda: (
            core.read_namespaced_resource_quota("q", cluster.namespace).status.used
            and core.read_namespaced_resource_quota("q", cluster.namespace).status.used[
                "limits.cpu"
            ]
            == "3"
        )
    )
    backend = cluster.backend(in_place=True)
    plan = cluster.plan(OPTIMIZE, backend)
    with pytest.raises(TargetRefusedError, match="exceeded quota: q") as refused:
        cluster.carry_out(OPTIMIZE, backend, plan)
    assert "grant it" not in str(refused.value)
    assert action(OPTIMIZE).undo(backend, plan) == "back to 1 CPU, 1024 MiB"
    eventually(lambda: given(cluster) == [BEFORE] * 3)
    assert backend.deployment(FE).resources.cpu == 1.0


def test_a_strategy_that_would_stop_all_does_no_harm_in_place(cluster: Cluster) -> None:
    cluster.create(strategy={"type": "Recreate"})
    backend = cluster.backend(in_place=True)
    work = cluster.plan(OPTIMIZE, backend)
    assert lowest(cluster.ready, lambda: cluster.carry_out(OPTIMIZE, backend, work)) == 3
