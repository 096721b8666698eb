"""What the kubernetes backend sees of deployments, and how it scales them."""

from typing import Any

import pytest

from featurewatch_receiver.backends.base import Deployments, Resources, Trainings
from featurewatch_receiver.backends.kubernetes import KubernetesClient
from featurewatch_receiver.backends.kubernetes.backend import TRIES
from featurewatch_receiver.errors import (
    TargetChangedError,
    TargetRefusedError,
    TargetUnreadyError,
)
from receiver.backends.kubernetes.objects import (
    BEFORE,
    FE,
    Open,
    bodies,
    deployment,
    k8s,
)
from receiver.replay import ANYTHING, Replay


def test_the_backend_is_deployments_resources_and_trainings(fe: KubernetesClient) -> None:
    for protocol in (Deployments, Resources, Trainings):
        assert isinstance(fe, protocol)


def test_a_settled_deployment_is_described_with_what_its_only_container_is_given(
    server: Replay, fe: KubernetesClient
) -> None:
    server.expect(deployment("stable"))
    seen = fe.deployment(FE)
    assert (seen.replicas, seen.ready_replicas, seen.setpoint) == (2, 2, 2)
    assert (seen.settled, seen.fault, seen.generation) == (True, None, "19")
    assert (seen.restart_key, seen.revision, seen.autoscaler) == (None, 6, None)
    assert seen.resources == BEFORE


@pytest.mark.parametrize(
    ("recording", "settled"),
    [
        ("observed_generation_lag", False),  # the counts still are those of the old generation
        ("scaling_up", False),
        ("scaled", True),
        ("restarting", False),
        ("restarting_old_terminating", False),
        ("restarted", True),
    ],
)
def test_a_deployment_is_settled_when_every_replica_is_new_and_available(
    server: Replay, fe: KubernetesClient, recording: str, settled: bool
) -> None:
    server.expect(deployment(recording))
    assert fe.deployment(FE).settled is settled


def test_counts_of_the_generation_before_settle_nothing(
    server: Replay, fe: KubernetesClient
) -> None:
    server.expect(deployment("stable", metadata__generation=20))
    assert not fe.deployment(FE).settled


def test_a_rollout_that_will_never_end_is_a_fault_in_the_controllers_words(
    server: Replay, fe: KubernetesClient
) -> None:
    server.expect(deployment("progress_deadline_exceeded"))
    seen = fe.deployment(FE)
    assert seen.fault is not None
    assert seen.fault.startswith("ProgressDeadlineExceeded: ReplicaSet")
    assert (seen.settled, seen.ready_replicas) == (False, 2)


def test_a_fault_of_the_state_before_the_last_change_counts_no_more(
    server: Replay, fe: KubernetesClient
) -> None:
    server.expect(deployment("progress_deadline_exceeded", metadata__generation=25))
    seen = fe.deployment(FE)
    assert (seen.settled, seen.fault) == (False, None)


QUOTA = {
    "type": "ReplicaFailure",
    "status": "True",
    "reason": "FailedCreate",
    "message": 'pods "fe-x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2',
}


def test_pods_that_are_refused_at_their_creation_are_a_fault_in_the_api_servers_words(
    server: Replay, fe: KubernetesClient
) -> None:
    """The condition as Kubernetes 1.37 gave it; it has no ending time and no deadline."""
    server.expect(deployment("stable", spec__replicas=3, status__conditions=[QUOTA]))
    seen = fe.deployment(FE)
    assert (seen.settled, seen.changing) == (False, None)
    assert seen.fault == f"FailedCreate: {QUOTA['message']}"


@pytest.mark.parametrize("status", ["True", "False"])
def test_a_refusal_of_pods_that_is_over_is_no_fault(
    server: Replay, fe: KubernetesClient, status: str
) -> None:
    """It outlives its cause for a moment: no pod is missing, or it says so."""
    missing = 3 if status == "False" else 2
    over = {**QUOTA, "status": status}
    server.expect(deployment("stable", spec__replicas=missing, status__conditions=[over]))
    assert fe.deployment(FE).fault is None


@pytest.mark.parametrize(
    ("state", "paths", "words"),
    [
        (
            "restarting",
            {"spec__paused": True},
            "a rollout of feature-extractor is paused, 1 of 3 pods are new",
        ),
        ("restarting", {}, "a rollout of feature-extractor is under way, 1 of 3 pods are new"),
        ("progress_deadline_exceeded", {}, "a rollout of feature-extractor is under way, 1 of 3"),
    ],
)
def test_a_rollout_that_is_half_done_paused_there_or_stuck_is_not_scaled(
    server: Replay, fe: KubernetesClient, state: str, paths: dict[str, Any], words: str
) -> None:
    """Kubernetes takes from old and new pods in proportion, so that healthy ones would go."""
    look = deployment(state, **paths)
    server.expect(look, look)
    for setpoint in (3, 1):
        with pytest.raises(TargetRefusedError, match=words):
            fe.scale(FE, setpoint, expected=2)


#: A paused rollout before its first new pod, as Kubernetes 1.37 tells it: zeros are left out.
PENDING = {
    "spec__paused": True,
    "spec__replicas": 3,
    "status": {
        "observedGeneration": 19,
        "replicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "conditions": [
            {"type": "Progressing", "status": "Unknown", "reason": "DeploymentPaused"},
        ],
    },
}


@pytest.mark.parametrize(("missing", "settled"), [(0, True), (1, False)])
def test_a_paused_rollout_whose_pods_are_all_of_before_is_scaled_and_judged_by_those(
    server: Replay, fe: KubernetesClient, missing: int, settled: bool
) -> None:
    ready = 3 - missing
    look = deployment(
        "stable",
        **{**PENDING, "status": PENDING["status"] | {"availableReplicas": ready}},  # type: ignore[operator]
    )
    server.expect(look, k8s("scale_patch_ok").but(asked=ANYTHING), look)
    after = fe.scale(FE, 4, expected=3)
    assert (after.changing, after.settled) == (None, settled)
    assert after.paused is not None
    assert after.paused.startswith("the rollout of feature-extractor is paused; `kubectl rollout")


def test_what_the_controller_has_yet_to_see_is_asked_about_again(
    server: Replay, fe: KubernetesClient
) -> None:
    """Whether its pods are of one template nobody can tell."""
    server.expect(deployment("stable", metadata__generation=20))
    with pytest.raises(TargetUnreadyError, match="yet to see the last change"):
        fe.scale(FE, 3, expected=2)


@pytest.mark.parametrize(
    ("replicas", "strategy", "words"),
    [
        (3, {"type": "Recreate"}, "has the strategy Recreate: no pod serves until"),
        (0, {"type": "Recreate"}, None),
        (1, {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}}, "may stop all of its 1 pods"),
        (3, {"rollingUpdate": {"maxUnavailable": "100%"}}, "at once: maxUnavailable is 100%"),
        # 0 of both is taken for one that may be missing.
        (1, {"rollingUpdate": {"maxUnavailable": "50%", "maxSurge": 0}}, "may stop all of its 1"),
        (2, {"rollingUpdate": {"maxUnavailable": "50%", "maxSurge": 0}}, None),
        (1, {"rollingUpdate": {"maxUnavailable": "99%", "maxSurge": "1%"}}, None),
        (1, {"type": "RollingUpdate"}, None),
        (1, {}, None),
    ],
)
def test_a_rollout_that_might_leave_nobody_serving_is_told(
    server: Replay, opened: Open, replicas: int, strategy: dict[str, Any], words: str | None
) -> None:
    server.expect(*[deployment("stable", spec__replicas=replicas, spec__strategy=strategy)] * 2)
    unsafe = opened(server.url).deployment(FE).unsafe
    assert words in unsafe if words and unsafe else unsafe is words
    assert opened(server.url, unsafe_rollouts=True).deployment(FE).unsafe is None


def test_scaling_sends_the_version_that_was_seen_and_tells_the_state_after(
    server: Replay, fe: KubernetesClient
) -> None:
    lag = deployment("observed_generation_lag")
    server.expect(deployment("stable"), "k8s/scale_patch_ok", lag)
    after = fe.scale(FE, 4, expected=2)
    assert (after.replicas, after.settled) == (4, False)


def test_a_conflict_is_looked_at_anew_and_the_change_goes_through(
    server: Replay, fe: KubernetesClient
) -> None:
    conflict = k8s("scale_patch_conflict").but(asked=ANYTHING)
    moved = deployment("stable", metadata__resourceVersion="700")
    done = k8s("scale_patch_ok").but(asked=ANYTHING)
    server.expect(deployment("stable"), conflict, moved, done, deployment("scaling_up"))
    assert fe.scale(FE, 4, expected=2).replicas == 4
    versions = [body["metadata"]["resourceVersion"] for body in bodies(server, "PATCH")]
    assert versions == ["673", "700"]


def test_after_a_conflict_another_number_ends_the_attempt(
    server: Replay, fe: KubernetesClient
) -> None:
    conflict = k8s("scale_patch_conflict").but(asked=ANYTHING)
    server.expect(deployment("stable"), conflict, deployment("scaled"))
    with pytest.raises(TargetChangedError, match="set to 4 replicas and not to 2"):
        fe.scale(FE, 5, expected=2)


def test_conflicts_without_end_are_told_as_a_change_by_others(
    server: Replay, fe: KubernetesClient
) -> None:
    conflict = k8s("scale_patch_conflict").but(asked=ANYTHING)
    server.expect(*[deployment("stable"), conflict] * TRIES)
    with pytest.raises(TargetChangedError, match="the object has been modified"):
        fe.scale(FE, 4, expected=2)


def test_another_number_than_expected_is_left_alone(server: Replay, fe: KubernetesClient) -> None:
    server.expect(deployment("scaled"))
    with pytest.raises(TargetChangedError):
        fe.scale(FE, 3, expected=2)
    assert not bodies(server, "PATCH")
