"""Under a HorizontalPodAutoscaler of the real controller, which has no metrics here."""

from typing import Any

import pytest
from waiting import eventually

from control_plane.cluster import FE, Cluster, action
from featurewatch_receiver.errors import TargetRefusedError
from kubernetes import client

UP = "scale_up_deployment"
CPU = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
}
QUEUE = {
    "type": "External",
    "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "10"}},
}


def autoscale(cluster: Cluster, **spec: Any) -> client.AutoscalingV2Api:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": FE}
    known = {"scaleTargetRef": target, "maxReplicas": 6, "metrics": [CPU, QUEUE]} | spec
    scaling = client.AutoscalingV2Api(cluster.api)
    body = {"metadata": {"name": FE}, "spec": known}
    scaling.create_namespaced_horizontal_pod_autoscaler(cluster.namespace, body)
    return scaling


def test_scaling_raises_the_lower_bound_and_keeps_the_metrics_in_order(cluster: Cluster) -> None:
    cluster.create()
    scaling = autoscale(cluster, minReplicas=3)
    backend = cluster.backend()
    plan = cluster.plan(UP, backend)
    assert plan["through"] == f"HorizontalPodAutoscaler {FE}"
    cluster.carry_out(UP, backend, plan)
    seen = scaling.read_namespaced_horizontal_pod_autoscaler(FE, cluster.namespace)
    assert [each.type for each in seen.spec.metrics] == ["Resource", "External"]
    assert action(UP).undo(backend, plan) == "back to 3 replicas"


def test_an_autoscaler_that_went_to_0_by_itself_is_woken(cluster: Cluster) -> None:
    """Its condition is written here as the controller writes it when its metric is 0."""
    cluster.create(replicas=0)
    scaling = autoscale(cluster, minReplicas=0, metrics=[QUEUE])
    condition = {
        "type": "ScaledToZero",
        "status": "True",
        "reason": "ScaledToZero",
        "lastTransitionTime": "2026-11-30T00:00:00Z",
    }
    status = {"status": {"conditions": [condition], "currentReplicas": 0, "desiredReplicas": 0}}

    def sleeps() -> bool:
        scaling.patch_namespaced_horizontal_pod_autoscaler_status(FE, cluster.namespace, status)
        seen = scaling.read_namespaced_horizontal_pod_autoscaler(FE, cluster.namespace)
        return any(c.type == "ScaledToZero" for c in seen.status.conditions or [])

    eventually(sleeps)
    backend = cluster.backend()
    assert backend.scale(FE, 1, expected=0).setpoint == 1


def test_an_autoscaler_that_a_person_switched_off_stays_off(cluster: Cluster) -> None:
    cluster.create(replicas=0)
    autoscale(cluster, minReplicas=1)
    with pytest.raises(TargetRefusedError, match="0 replicas switch HorizontalPodAutoscaler"):
        cluster.backend().scale(FE, 2, expected=1)
