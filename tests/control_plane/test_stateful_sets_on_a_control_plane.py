"""StatefulSets as targets, with the real controller."""

import pytest
from waiting import eventually

from control_plane.cluster import FE, Cluster, action, annotated, lowest
from featurewatch_receiver.errors import ActionSkippedError, DeadlineError, TargetRefusedError

UP, DOWN = "scale_up_deployment", "scale_down_deployment"
RESTART, OPTIMIZE = "restart_deployment", "optimize_resources"
SET = f"statefulset/{FE}"


def test_every_action_on_a_stateful_set_arrives_with_one_pod_away_at_most(
    cluster: Cluster,
) -> None:
    cluster.create_set()
    backend = cluster.backend()

    def work() -> None:
        for name in (UP, RESTART, OPTIMIZE, DOWN):
            cluster.carry_out(name, backend, cluster.plan(name, backend, of=SET))

    assert lowest(cluster.ready_of_set, work) >= 2
    seen = backend.deployment(SET)
    assert (seen.replicas, seen.ready_replicas, seen.settled) == (3, 3, True)
    assert (seen.restart_key, seen.resources.cpu) == ("e:a:1", 1.5)


def test_a_stuck_rollout_of_a_stateful_set_is_left_alone(cluster: Cluster) -> None:
    cluster.create_set()
    cluster.apps.patch_namespaced_stateful_set(FE, cluster.namespace, annotated(broken="yes"))
    eventually(lambda: cluster.ready_of_set() == 2)
    backend = cluster.backend()
    for name in (UP, DOWN, RESTART, OPTIMIZE):
        with pytest.raises(ActionSkippedError) as skipped:
            cluster.plan(name, backend, of=SET)
        assert skipped.value.reason == "rollout_under_way"
    with pytest.raises(TargetRefusedError, match="under way, 1 of 3 pods are new"):
        backend.scale(SET, 4, expected=3)
    assert cluster.ready_of_set() == 2


def test_a_restart_that_fails_is_taken_back_and_its_pod_comes_again(cluster: Cluster) -> None:
    template = annotated(breaks="yes")["spec"]["template"]
    cluster.create_set()
    cluster.apps.patch_namespaced_stateful_set(
        FE, cluster.namespace, {"spec": {"template": template}}
    )
    backend = cluster.backend()
    eventually(lambda: backend.deployment(SET).settled)
    plan = cluster.plan(RESTART, backend, of=SET)

    def work() -> None:
        with pytest.raises(DeadlineError, match="2 of 3 replicas ready"):
            cluster.carry_out(RESTART, backend, plan, seconds=4)
        assert action(RESTART).undo(backend, plan) == "back to the replicas of before"
        eventually(lambda: backend.deployment(SET).settled)

    assert lowest(cluster.ready_of_set, work) == 2
    assert cluster.ready_of_set() == 3


def test_an_ordered_stateful_set_is_not_replaced(cluster: Cluster) -> None:
    """A pod that never gets ready would stay, whatever the template says afterwards."""
    cluster.create_set(podManagementPolicy="OrderedReady")
    backend = cluster.backend()
    for name in (RESTART, OPTIMIZE):
        with pytest.raises(ActionSkippedError) as skipped:
            cluster.plan(name, backend, of=SET)
        assert skipped.value.reason == "unsafe_rollout"
    cluster.carry_out(UP, backend, cluster.plan(UP, backend, of=SET))
    assert cluster.ready_of_set() == 4
