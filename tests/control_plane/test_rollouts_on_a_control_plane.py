"""No action and no way back leaves fewer pods ready than it found."""

import pytest
from waiting import eventually

from control_plane.cluster import Cluster, action, annotated, lowest
from featurewatch_receiver.backends.base import ResourceAmounts
from featurewatch_receiver.errors import (
    ActionSkippedError,
    TargetFailedError,
    TargetRefusedError,
)
from kubernetes import client

UP, DOWN = "scale_up_deployment", "scale_down_deployment"
RESTART, OPTIMIZE = "restart_deployment", "optimize_resources"
#: No rollout waits for this long.
SOON = {"progressDeadlineSeconds": 3}


@pytest.mark.parametrize("name", [UP, DOWN, RESTART, OPTIMIZE])
def test_a_stuck_rollout_is_left_alone_by_every_action(cluster: Cluster, name: str) -> None:
    """Kubernetes would scale old and new pods in proportion, and take healthy ones."""
    cluster.create()
    cluster.stick()
    backend = cluster.backend()
    with pytest.raises(ActionSkippedError) as skipped:
        cluster.plan(name, backend)
    assert skipped.value.reason == "rollout_under_way"
    assert cluster.ready() == 3


@pytest.mark.parametrize("setpoint", [4, 2])
def test_a_rollout_that_gets_stuck_after_the_plan_refuses_the_change_and_the_way_back(
    cluster: Cluster, setpoint: int
) -> None:
    cluster.create()
    backend = cluster.backend()
    cluster.stick()
    with pytest.raises(TargetRefusedError, match="a rollout of feature-extractor is under way, 1"):
        backend.scale("feature-extractor", setpoint, expected=3)
    assert cluster.ready() == 3


def test_an_action_that_another_rollout_overtakes_is_not_taken_back(cluster: Cluster) -> None:
    """The way back from 4 to 3 would take one of the four that serve."""
    cluster.create(strategy={"rollingUpdate": {"maxUnavailable": 0}})
    backend = cluster.backend()
    plan = cluster.plan(UP, backend)
    cluster.carry_out(UP, backend, plan)
    cluster.patch(annotated(broken="yes"))
    eventually(lambda: cluster.seen().status.updated_replicas == 1)
    with pytest.raises(TargetRefusedError, match="under way"):
        action(UP).undo(backend, plan)
    assert cluster.ready() == 4


def test_every_action_on_a_healthy_deployment_keeps_its_pods_ready(cluster: Cluster) -> None:
    """Three pods and the default strategy: at most a quarter of them, rounded down, is away."""
    cluster.create()
    backend = cluster.backend()

    def work() -> None:
        for name in (UP, RESTART, OPTIMIZE, DOWN):
            cluster.carry_out(name, backend, cluster.plan(name, backend))

    assert lowest(cluster.ready, work) >= 3
    seen = backend.deployment("feature-extractor")
    assert (seen.replicas, seen.ready_replicas, seen.restart_key) == (3, 3, "e:a:1")
    assert seen.resources == ResourceAmounts(cpu=1.5, memory=1536 * 2**20)


def test_a_restart_whose_pods_never_get_ready_goes_back_to_those_of_before(
    cluster: Cluster,
) -> None:
    template = annotated(breaks="yes")["spec"]["template"]
    cluster.create(**SOON)
    cluster.patch({"spec": {"template": template}})
    eventually(lambda: cluster.backend().deployment("feature-extractor").settled)
    backend = cluster.backend()
    plan = cluster.plan(RESTART, backend)

    def work() -> None:
        with pytest.raises(TargetFailedError, match="ProgressDeadlineExceeded"):
            cluster.carry_out(RESTART, backend, plan)
        assert action(RESTART).undo(backend, plan) == "back to the replicas of before"
        eventually(lambda: backend.deployment("feature-extractor").settled)

    assert lowest(cluster.ready, work) == 3


def test_a_restart_that_another_rollout_overtakes_is_told_as_that(cluster: Cluster) -> None:
    cluster.create(**SOON)
    backend = cluster.backend()
    plan = cluster.plan(RESTART, backend)
    backend.restart("feature-extractor", plan["restart_key"])
    eventually(lambda: backend.deployment("feature-extractor").settled)
    cluster.patch(annotated(broken="yes"))
    with pytest.raises(TargetFailedError, match="ProgressDeadlineExceeded"):
        cluster.carry_out(RESTART, backend, plan)
    assert "somebody else rolls out" in (action(RESTART).undo(backend, plan) or "")
    assert cluster.ready() == 3


def test_a_rollout_paused_before_its_first_pod_is_scaled_and_not_restarted(
    cluster: Cluster,
) -> None:
    cluster.create()
    cluster.patch({"spec": {"paused": True}})
    cluster.patch(annotated(broken="later"))
    backend = cluster.backend()
    eventually(lambda: backend.deployment("feature-extractor").changing is None)
    plan = cluster.plan(UP, backend)
    assert cluster.carry_out(UP, backend, plan).detail == "4 of 4 replicas ready"
    for name in (RESTART, OPTIMIZE):
        with pytest.raises(ActionSkippedError, match="is paused; `kubectl rollout resume`"):
            cluster.plan(name, backend)
    action(UP).undo(backend, plan)
    eventually(lambda: cluster.ready() == 3)


def test_strategy_recreate_is_left_alone_unless_allowed(cluster: Cluster) -> None:
    cluster.create(strategy={"type": "Recreate"})
    backend = cluster.backend()
    for name in (RESTART, OPTIMIZE):
        with pytest.raises(ActionSkippedError) as skipped:
            cluster.plan(name, backend)
        assert skipped.value.reason == "unsafe_rollout"
    cluster.carry_out(UP, backend, cluster.plan(UP, backend))
    allowed = cluster.backend(unsafe_rollouts=True)
    cluster.carry_out(RESTART, allowed, cluster.plan(RESTART, allowed))
    assert cluster.ready() == 4


def test_pods_that_a_quota_refuses_end_the_action_at_once_in_its_words(cluster: Cluster) -> None:
    cluster.create()
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "3"}}}
    core = client.CoreV1Api(cluster.api)
    core.create_namespaced_resource_quota(cluster.namespace, quota)
    eventually(
        lambda: (
            core.read_namespaced_resource_quota("q", cluster.namespace).status.used == {"pods": "3"}
        )
    )
    backend = cluster.backend()
    plan = cluster.plan(UP, backend)
    words = "3 of 4 replicas ready: FailedCreate: pods .* exceeded quota: q, requested: pods=1"
    with pytest.raises(TargetFailedError, match=words):
        cluster.carry_out(UP, backend, plan)
    assert action(UP).undo(backend, plan) == "back to 3 replicas"
    eventually(lambda: backend.deployment("feature-extractor").settled)
    assert cluster.ready() == 3


def test_pods_that_a_limit_range_refuses_end_the_action_and_those_of_before_stay(
    cluster: Cluster,
) -> None:
    cluster.create()
    most = {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}
    limit = {"metadata": {"name": "l"}, "spec": most}
    client.CoreV1Api(cluster.api).create_namespaced_limit_range(cluster.namespace, limit)
    backend = cluster.backend()
    plan = cluster.plan(OPTIMIZE, backend)

    def work() -> None:
        with pytest.raises(TargetFailedError, match=r"FailedCreate: .* maximum cpu usage per"):
            cluster.carry_out(OPTIMIZE, backend, plan)
        assert action(OPTIMIZE).undo(backend, plan) == "back to 1 CPU, 1024 MiB"
        eventually(lambda: backend.deployment("feature-extractor").settled)

    assert lowest(cluster.ready, work) == 3


def test_a_deployment_that_a_person_stopped_stays_stopped(cluster: Cluster) -> None:
    cluster.create(replicas=0)
    backend = cluster.backend()
    plan = cluster.plan(UP, backend)
    with pytest.raises(TargetRefusedError, match="somebody has stopped feature-extractor"):
        cluster.carry_out(UP, backend, plan)
    assert cluster.seen().spec.replicas == 0
