"""Deployments that an autoscaler owns. Its answers follow the published schemas of the kinds."""

import pytest

from featurewatch_receiver.errors import (
    TargetRefusedError,
)
from tests.kubernetes_backend.objects import (
    FE,
    HPA,
    HPAS,
    SCALED_OBJECT,
    Open,
    changed,
    deployment,
    hpas,
)
from tests.receiver.replay import Exchange, Replay


def test_an_autoscaler_is_told_with_its_bounds_and_sets_the_setpoint(
    server: Replay, opened: Open
) -> None:
    server.expect(deployment("stable"), hpas(HPA))
    seen = opened(server.url, autoscalers=True).deployment(FE)
    assert seen.autoscaler == "HorizontalPodAutoscaler fe"
    assert (seen.autoscaler_min, seen.autoscaler_max, seen.setpoint) == (1, 6, 1)


def test_scaling_under_an_autoscaler_raises_its_lower_bound(server: Replay, opened: Open) -> None:
    look = deployment("stable")
    patch = Exchange(
        name="hpa patch",
        method="PATCH",
        path=f"{HPAS}/fe",
        asked={"metadata": {"resourceVersion": "55"}, "spec": {"minReplicas": 3}},
        status=200,
        answer=HPA,
        content_type="application/json",
    )
    raised = changed(HPA, spec__minReplicas=3)
    server.expect(look, hpas(HPA), patch, look, hpas(raised))
    after = opened(server.url, autoscalers=True).scale(FE, 3, expected=1)
    assert (after.setpoint, after.replicas) == (3, 2)


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
    server.expect(look, owned, get, patch, look, owned, raised)
    after = opened(server.url, autoscalers=True).scale(FE, 2, expected=0)
    assert after.autoscaler == "ScaledObject fe-queue"
    assert (after.setpoint, after.autoscaler_max) == (2, 100)
    sent = next(each for each in server.sent if each.method == "PATCH")
    assert sent.headers["Content-Type"] == "application/merge-patch+json"


@pytest.mark.parametrize(
    ("others", "kind", "name"),
    [("another deployment", "Deployment", "bystander"), ("another kind", "StatefulSet", FE)],
)
def test_an_autoscaler_of_something_else_is_none_of_ours(
    server: Replay, opened: Open, others: str, kind: str, name: str
) -> None:
    other = changed(HPA, spec__scaleTargetRef={"kind": kind, "name": name})
    server.expect(deployment("stable"), hpas(other))
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
