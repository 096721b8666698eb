"""A Deployment whose manifest somebody applies over and over, as docs/backends.md tells it."""

import pytest
from waiting import eventually

from control_plane.cluster import FE, Cluster, action
from kubernetes import client

UP, OPTIMIZE, RESTART = "scale_up_deployment", "optimize_resources", "restart_deployment"


def rolled_out(cluster: Cluster) -> None:
    eventually(lambda: cluster.backend().deployment(FE).settled)


@pytest.mark.parametrize(("name", "field"), [(UP, ".spec.replicas"), (OPTIMIZE, ".resources.")])
def test_an_apply_conflicts_while_a_change_stands_and_fits_again_after_the_way_back(
    cluster: Cluster, name: str, field: str
) -> None:
    cluster.apply()
    rolled_out(cluster)
    backend = cluster.backend()
    plan = cluster.plan(name, backend)
    cluster.carry_out(name, backend, plan)
    with pytest.raises(client.ApiException) as conflict:
        cluster.apply()
    assert conflict.value.status == 409
    assert field in conflict.value.body
    assert "featurewatch-receiver" in conflict.value.body
    action(name).undo(backend, plan)
    cluster.apply()


def test_a_manifest_without_replicas_leaves_them_to_the_receiver(cluster: Cluster) -> None:
    cluster.create()
    cluster.apply(replicas=None)
    rolled_out(cluster)
    backend = cluster.backend()
    cluster.carry_out(UP, backend, cluster.plan(UP, backend))
    cluster.apply(replicas=None)
    assert cluster.seen().spec.replicas == 4


def test_a_restart_stands_whatever_is_applied(cluster: Cluster) -> None:
    cluster.apply()
    rolled_out(cluster)
    backend = cluster.backend()
    cluster.carry_out(RESTART, backend, cluster.plan(RESTART, backend))
    cluster.apply()
    assert backend.deployment(FE).restart_key == "e:a:1"
