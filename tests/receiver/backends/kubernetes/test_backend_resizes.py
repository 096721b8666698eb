"""CPU and memory of pods that run: what is told, seen and taken back with `in_place: true`."""

import json
from typing import Any

import pytest

from featurewatch_receiver.backends.base import ResourceAmounts
from featurewatch_receiver.backends.kubernetes import KubernetesClient
from featurewatch_receiver.errors import TargetChangedError, TargetRefusedError
from receiver.backends.kubernetes.objects import (
    BEFORE,
    FE,
    Open,
    bodies,
    deployment,
    k8s,
    listed,
    pod,
    pods,
)
from receiver.replay import ANYTHING, Exchange, Replay

MORE = ResourceAmounts(cpu=3.0, memory=3 * 2**30)
RESOURCES = {
    "requests": {"cpu": "750m", "memory": "768Mi"},
    "limits": {"cpu": "3000m", "memory": "3Gi"},
}


@pytest.fixture
def fe(server: Replay, opened: Open) -> KubernetesClient:
    return opened(server.url, in_place=True)


def annotated(told: bool, of: ResourceAmounts = MORE) -> Exchange:
    value = json.dumps({"cpu": of.cpu, "memory": of.memory, "told": told})
    return deployment("stable", metadata__annotations={"featurewatch/resources": value})


def anything(path: str) -> Exchange:
    return k8s("restart_patch").but(path=path, asked=ANYTHING)


PATCH = anything(f"/apis/apps/v1/namespaces/features/deployments/{FE}")
RESIZES = [anything(f"/api/v1/namespaces/features/pods/{name}/resize") for name in ("a", "b")]


def test_every_pod_is_told_between_the_first_and_the_second_word_of_it(
    server: Replay, fe: KubernetesClient
) -> None:
    two = pods(pod("a"), pod("b"))
    after = pods(pod("a", given=RESOURCES), pod("b", given=RESOURCES))
    server.expect(deployment("stable"), PATCH, two, *RESIZES, PATCH, annotated(told=True), after)
    seen = fe.set_resources(FE, MORE, expected=BEFORE)
    assert (seen.resources, seen.untold, seen.settled, seen.in_place) == (MORE, False, True, True)
    first, *told, last = bodies(server, "PATCH")
    assert told == [{"spec": {"containers": [{"name": "fe", "resources": RESOURCES}]}}] * 2
    for body, done in ((first, False), (last, True)):
        annotation = json.loads(body["metadata"]["annotations"]["featurewatch/resources"])
        assert annotation == {"cpu": 3.0, "memory": 3 * 2**30, "told": done}
    assert first["metadata"]["resourceVersion"] == "673"
    assert last["metadata"]["resourceVersion"] == PATCH.answer["metadata"]["resourceVersion"]


def test_what_was_interrupted_goes_on_with_the_pods_that_were_not_told(
    server: Replay, fe: KubernetesClient
) -> None:
    half = pods(pod("a", given=RESOURCES), pod("b"))
    server.expect(annotated(told=False), half)
    assert fe.deployment(FE).untold
    after = pods(pod("a", given=RESOURCES), pod("b", given=RESOURCES))
    server.expect(annotated(told=False), half, RESIZES[1], PATCH, annotated(told=True), after)
    assert not fe.set_resources(FE, MORE, expected=BEFORE).untold


def test_the_way_back_leaves_no_annotation(server: Replay, fe: KubernetesClient) -> None:
    raised = pods(pod("a", given=RESOURCES))
    after = pods(pod("a"))
    server.expect(
        annotated(told=True), PATCH, raised, RESIZES[0], PATCH, deployment("stable"), after
    )
    seen = fe.set_resources(FE, BEFORE, expected=MORE)
    assert (seen.resources, seen.untold) == (BEFORE, False)
    last = bodies(server, "PATCH")[-1]
    assert last["metadata"]["annotations"] == {"featurewatch/resources": None}


def test_pods_on_their_way_out_are_not_told(server: Replay, fe: KubernetesClient) -> None:
    gone = pod("b", metadata__deletionTimestamp="2026-11-30T00:00:00Z")
    over = pod("c", status__phase="Succeeded")
    server.expect(
        *(deployment("stable"), PATCH, pods(pod("a"), gone, over)),
        RESIZES[0].but(status=404, answer=k8s("not_found_as_admin").answer),  # it went meanwhile
        *(PATCH, annotated(told=True), pods()),
    )
    fe.set_resources(FE, MORE, expected=BEFORE)


@pytest.mark.parametrize(
    ("paths", "settled", "fault"),
    [
        ({}, True, None),
        ({"status__containerStatuses__0__resources": {"limits": {"cpu": "1"}}}, False, None),
        ({"status__conditions": [{"type": "PodResizeInProgress", "status": "True"}]}, False, None),
        (
            {
                "status__conditions": [
                    {"type": "PodResizePending", "status": "True", "reason": "Deferred"}
                ]
            },
            False,
            None,
        ),
        (
            {
                "status__conditions": [
                    {
                        "type": "PodResizePending",
                        "status": "True",
                        "reason": "Infeasible",
                        "message": "Node didn't have enough capacity: cpu, requested: 3000",
                    }
                ]
            },
            False,
            "a: Infeasible: Node didn't have enough capacity: cpu, requested: 3000",
        ),
    ],
)
def test_a_resize_is_over_when_the_kubelet_says_so(
    server: Replay, fe: KubernetesClient, paths: dict[str, Any], settled: bool, fault: str | None
) -> None:
    server.expect(annotated(told=True), pods(pod("a", given=RESOURCES, **paths)))
    seen = fe.deployment(FE)
    assert (seen.settled, seen.fault) == (settled, fault)


def test_other_amounts_than_expected_are_left_alone(server: Replay, fe: KubernetesClient) -> None:
    server.expect(annotated(told=True, of=ResourceAmounts(cpu=9.0)))
    with pytest.raises(TargetChangedError):
        fe.set_resources(FE, MORE, expected=BEFORE)


def test_an_annotation_that_somebody_else_wrote_is_told_with_the_fix(
    server: Replay, fe: KubernetesClient
) -> None:
    odd = deployment("stable", metadata__annotations={"featurewatch/resources": "2 CPU"})
    server.expect(odd)
    with pytest.raises(TargetRefusedError, match="none of the receiver's; remove it"):
        fe.deployment(FE)


def test_pods_that_may_not_be_listed_are_told_as_that(server: Replay, fe: KubernetesClient) -> None:
    refusal = 'pods is forbidden: User "x" cannot list resource "pods"'
    status = {"reason": "Forbidden", "message": refusal}
    server.expect(deployment("stable"), listed(pods()).but(status=403, answer=status))
    with pytest.raises(TargetRefusedError, match=r"cannot list resource .pods.; grant it"):
        fe.deployment(FE)
