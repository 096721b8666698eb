"""Deployments that an autoscaler owns. Its answers follow the published schemas of the kinds."""

import pytest

from featurewatch_receiver.backends.base import ResourceAmounts
from featurewatch_receiver.errors import TargetRefusedError
from receiver.backends.kubernetes.objects import (
    BEFORE,
    FE,
    HPA,
    HPAS,
    NO_ROLLOUTS,
    NO_SCALED_OBJECTS,
    SCALED_OBJECT,
    Open,
    absent,
    changed,
    deployment,
    hpas,
    listed,
)
from receiver.replay import Exchange, Replay


def test_an_autoscaler_is_told_with_its_bounds_and_sets_the_setpoint(
    server: Replay, opened: Open
) -> None:
    server.expect(deployment("stable"), hpas(HPA))
    seen = opened(server.url, autoscalers=True).deployment(FE)
    assert seen.autoscaler == "HorizontalPodAutoscaler fe"
    assert (seen.autoscaler_min, seen.autoscaler_max, seen.setpoint) == (1, 6, 1)


def hpa_patch(minimum: int) -> Exchange:
    return Exchange(
        name="hpa patch",
        method="PATCH",
        path=f"{HPAS}/fe",
        asked={"metadata": {"resourceVersion": "55"}, "spec": {"minReplicas": minimum}},
        status=200,
        answer=HPA,
        content_type="application/json",
    )


def test_scaling_under_an_autoscaler_raises_its_lower_bound(server: Replay, opened: Open) -> None:
    look = deployment("stable")
    raised = changed(HPA, spec__minReplicas=3)
    server.expect(look, hpas(HPA), NO_ROLLOUTS, hpa_patch(3), look, hpas(raised))
    after = opened(server.url, autoscalers=True).scale(FE, 3, expected=1)
    assert (after.setpoint, after.replicas) == (3, 2)


def test_before_kubernetes_1_23_an_autoscaler_is_read_and_raised_through_version_1(
    server: Replay, opened: Open
) -> None:
    """Version 2 keeps the order of its metrics; version 1 is served by all."""
    old = HPAS.replace("/v2/", "/v1/")
    none = absent("autoscaling", "horizontalpodautoscalers").but(path=HPAS)
    seen, patch = hpas(HPA).but(path=old), hpa_patch(3).but(path=f"{old}/fe")
    look = deployment("stable")
    server.expect(look, none, seen, NO_ROLLOUTS, patch, look, none, seen)
    assert opened(server.url, autoscalers=True).scale(FE, 3, expected=1).setpoint == 1


@pytest.mark.parametrize("status", ["True", "False"])
def test_an_autoscaler_that_went_to_0_by_itself_is_woken_and_what_a_person_stopped_is_not(
    server: Replay, opened: Open, status: str
) -> None:
    """The condition of Kubernetes 1.37, whose HPAScaleToZero is on by default."""
    condition = {"type": "ScaledToZero", "status": status, "reason": "ScaledToZero"}
    hpa = changed(HPA, spec__minReplicas=0, status__conditions=[condition])
    look = deployment("stable", spec__replicas=0)
    backend = opened(server.url, autoscalers=True)
    if status == "True":
        raised = changed(hpa, spec__minReplicas=1)
        server.expect(look, hpas(hpa), NO_ROLLOUTS, hpa_patch(1), look, hpas(raised))
        assert backend.scale(FE, 1, expected=0).setpoint == 1
    else:
        server.expect(look, hpas(hpa))
        with pytest.raises(TargetRefusedError, match="switch HorizontalPodAutoscaler fe off"):
            backend.scale(FE, 1, expected=0)


def test_a_deployment_that_a_person_stopped_stays_stopped(server: Replay, opened: Open) -> None:
    server.expect(deployment("stable", spec__replicas=0))
    with pytest.raises(TargetRefusedError, match="somebody has stopped feature-extractor; scale"):
        opened(server.url).scale(FE, 1, expected=0)


def test_scaling_under_keda_raises_the_scaled_objects_bound_and_not_its_autoscalers(
    server: Replay, opened: Open
) -> None:
    owner = {"kind": "ScaledObject", "name": "fe-queue", "controller": True}
    owned = hpas(changed(HPA, metadata__ownerReferences=[owner]))
    path = "/apis/keda.sh/v1alpha1/namespaces/features/scaledobjects/fe-queue"
    get = Exchange(
        name="scaledobject",
        method="GET",
        path=path,
        asked=None,
        status=200,
        answer=SCALED_OBJECT,
        content_type="application/json",
    )
    asked = {"metadata": {"resourceVersion": "77"}, "spec": {"minReplicaCount": 2}}
    patch = get.but(method="PATCH", asked=asked)
    raised = get.but(answer=changed(SCALED_OBJECT, spec__minReplicaCount=2))
    look = deployment("stable")
    server.expect(look, owned, get, NO_ROLLOUTS, patch, look, owned, raised)
    after = opened(server.url, autoscalers=True).scale(FE, 2, expected=0)
    assert after.autoscaler == "ScaledObject fe-queue"
    assert (after.setpoint, after.autoscaler_max) == (2, 100)
    sent = next(each for each in server.sent if each.method == "PATCH")
    assert sent.headers["Content-Type"] == "application/merge-patch+json"


@pytest.mark.parametrize(
    ("others", "reference"),
    [
        ("another deployment", {"kind": "Deployment", "name": "bystander"}),
        ("another kind", {"kind": "StatefulSet", "name": FE}),
        ("another API", {"apiVersion": "x.example/v1", "kind": "Deployment", "name": FE}),
    ],
)
def test_an_autoscaler_of_something_else_is_none_of_ours(
    server: Replay, opened: Open, others: str, reference: dict[str, str]
) -> None:
    other = changed(HPA, spec__scaleTargetRef=reference)
    idle = changed(SCALED_OBJECT, spec__scaleTargetRef=reference)
    server.expect(deployment("stable"), hpas(other), listed(NO_SCALED_OBJECTS, idle))
    assert opened(server.url, autoscalers=True).deployment(FE).autoscaler is None, others


def test_two_autoscalers_of_one_deployment_are_refused(server: Replay, opened: Open) -> None:
    server.expect(deployment("stable"), hpas(HPA, changed(HPA, metadata__name="two")))
    with pytest.raises(TargetRefusedError, match="fe, two all scale"):
        opened(server.url, autoscalers=True).deployment(FE)


def test_an_autoscaler_that_zero_replicas_switched_off_is_not_switched_on(
    server: Replay, opened: Open
) -> None:
    server.expect(deployment("stable", spec__replicas=0), hpas(HPA))
    with pytest.raises(TargetRefusedError, match="switch HorizontalPodAutoscaler fe off"):
        opened(server.url, autoscalers=True).scale(FE, 2, expected=1)


def test_a_missing_right_to_look_for_autoscalers_is_named(server: Replay, opened: Open) -> None:
    status = {
        "reason": "Forbidden",
        "message": 'horizontalpodautoscalers.autoscaling is forbidden: User "x" cannot list '
        'resource "horizontalpodautoscalers" in API group "autoscaling"',
    }
    server.expect(deployment("stable"), hpas().but(status=403, answer=status))
    with pytest.raises(TargetRefusedError, match='cannot list resource "horizontalpod') as caught:
        opened(server.url, autoscalers=True).deployment(FE)
    assert str(caught.value).endswith("grant it in the Role (docs/backends.md)")


RISE = ResourceAmounts(cpu=4.0, memory=BEFORE.memory)
#: Of argoproj.io/v1alpha1: a Rollout that takes over the pods of a Deployment.
ROLLOUT = {
    "metadata": {"name": "fe-canary", "resourceVersion": "5", "uid": "u-3"},
    "spec": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": FE}},
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("paused", "true"),
        ("paused-replicas", "2"),
        ("paused-replicas", "0"),
        ("paused-scale-in", "true"),
        ("paused-scale-out", "true"),
    ],
)
@pytest.mark.parametrize("pinned", [True, False])
def test_a_paused_scaled_object_is_refused_by_name(
    server: Replay, opened: Open, name: str, value: str, pinned: bool
) -> None:
    """KEDA pins its HorizontalPodAutoscaler meanwhile, or from 2.21 on deletes it."""
    annotation = f"autoscaling.keda.sh/{name}"
    paused = changed(SCALED_OBJECT, metadata__annotations={annotation: value})
    owner = {"kind": "ScaledObject", "name": "fe-queue", "controller": True}
    hpa = changed(HPA, metadata__ownerReferences=[owner])
    one = NO_SCALED_OBJECTS.but(path=f"{NO_SCALED_OBJECTS.path}/fe-queue")
    told = (
        [hpas(hpa), one.but(status=200, answer=paused, content_type="application/json")]
        if pinned
        else [hpas(), listed(NO_SCALED_OBJECTS, paused)]
    )
    server.expect(deployment("stable"), *told)
    with pytest.raises(TargetRefusedError) as refused:
        opened(server.url, autoscalers=True).scale(FE, 3, expected=0)
    assert str(refused.value) == (
        f"kubernetes: ScaledObject fe-queue is paused ({annotation}: {value}); "
        "remove the annotation first"
    )


def test_a_scaled_object_that_says_it_is_not_paused_is_scaled(server: Replay, opened: Open) -> None:
    off = changed(SCALED_OBJECT, metadata__annotations={"autoscaling.keda.sh/paused": "false"})
    server.expect(deployment("stable"), hpas(), listed(NO_SCALED_OBJECTS, off))
    seen = opened(server.url, autoscalers=True).deployment(FE)
    assert (seen.autoscaler, seen.setpoint) == ("ScaledObject fe-queue", 0)


def test_a_deployment_that_something_else_controls_is_left_alone(
    server: Replay, opened: Open
) -> None:
    owner = {"kind": "InferenceService", "name": "fe", "controller": True}
    server.expect(*[deployment("stable", metadata__ownerReferences=[owner])] * 3)
    backend = opened(server.url)
    for change in (
        lambda: backend.scale(FE, 3, expected=2),
        lambda: backend.restart(FE, "k"),
        lambda: backend.set_resources(FE, RISE, expected=BEFORE),
    ):
        with pytest.raises(TargetRefusedError, match="belongs to InferenceService fe, which sets"):
            change()


def test_an_owner_that_does_not_control_it_leaves_it_to_us(server: Replay, opened: Open) -> None:
    look = deployment("stable", metadata__ownerReferences=[{"kind": "Application", "name": "x"}])
    server.expect(look, "k8s/scale_patch_ok", look)
    assert opened(server.url).scale(FE, 4, expected=2).ready_replicas == 2


def test_the_deployment_of_an_argo_rollout_is_left_alone(server: Replay, opened: Open) -> None:
    rollouts = listed(NO_ROLLOUTS, {**ROLLOUT, "spec": {}}, ROLLOUT)
    look = deployment("stable")
    server.expect(look, hpas(), NO_SCALED_OBJECTS, rollouts, look, rollouts)
    backend = opened(server.url, autoscalers=True)
    for change in (lambda: backend.scale(FE, 4, expected=2), lambda: backend.restart(FE, "k")):
        with pytest.raises(TargetRefusedError, match=r"belongs to Rollout fe-canary \(workloadRef"):
            change()
